import asyncio
from typing import Any

from gateway.ops import event_loop
from gateway.ops.event_loop import at_work


async def test_failed_worker_restarts_and_all_end_with_the_block(monkeypatch):
    monkeypatch.setattr(event_loop, "RESTART_DELAY", 0.0)
    begun = asyncio.Queue[Any]()

    async def broken():
        begun.put_nowait("broken")
        raise ValueError

    async def steady():
        begun.put_nowait("steady")
        try:
            await asyncio.Event().wait()
        finally:
            begun.put_nowait("ended")

    async with asyncio.timeout(60), at_work({"broken": broken, "steady": steady}):
        first = [await begun.get() for _ in range(5)]

    assert (first.count("broken"), first.count("steady")) == (4, 1)
    assert begun.get_nowait() == "ended"
