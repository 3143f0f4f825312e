import asyncio

import httpx
import pytest
from starlette.applications import Starlette

from gateway.errors import JournalError
from gateway.http import probes
from gateway.http.probes import ReadBacklog, metrics_routes
from gateway.journal.journal import Backlog
from gateway.normalise.states import DeliveryState
from gateway.ops.metrics import Metrics
from gateway.wording.faults import FaultWording


def client(read_backlog: ReadBacklog) -> httpx.AsyncClient:
    app = Starlette(routes=metrics_routes(Metrics(), read_backlog, {}))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")


async def test_concurrent_scrapes_count_payments_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "FRESH", 0.5)
    counted = 0

    async def counts() -> Backlog:
        nonlocal counted
        counted += 1
        await asyncio.sleep(0.01)
        return Backlog({DeliveryState.DEAD: counted}, 0.0, 0)

    async with client(counts) as asking:
        for times in (1, 2):
            answers = [await asyncio.gather(*(asking.get("/metrics") for _ in range(10))) for _ in range(2)]
            texts = {answer.text for round_ in answers for answer in round_}
            assert all(f'gateway_payments{{state="DEAD"}} {times}.0' in text for text in texts)
            assert counted == times
            await asyncio.sleep(0.6)


async def test_metrics_report_last_payment_counts_on_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "FRESH", 0)
    works = True

    async def counts() -> Backlog:
        if works:
            return Backlog({DeliveryState.DEAD: 3}, 0.0, 0)
        raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))

    async with client(counts) as asking:
        await asking.get("/metrics")
        await asyncio.sleep(0.01)
        works = False
        answer = await asking.get("/metrics")

    assert (answer.status_code, 'gateway_payments{state="DEAD"} 3.0' in answer.text) == (200, True)
