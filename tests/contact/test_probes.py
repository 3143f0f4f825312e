"""What the quick check tries, and how it says how far each call came."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from gateway.contact.check import probe, probe_communities
from gateway.entities import ENDPOINTS, harmless_read
from gateway.normalise.records import Page
from gateway.orders.reads import ORDERS
from gateway.orders.record import Order
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox
from gateway.settings import load_settings

pytestmark = pytest.mark.parametrize("dialect", [Dialect.EXAMPLES])


@pytest.fixture
async def platforms(sandbox: Sandbox) -> AsyncIterator[Platforms]:
    settings = load_settings({**sandbox.settings(), "GATEWAY_CALL_TIMEOUT": "0.5"})
    async with aclosing(make_platforms(settings, ENDPOINTS)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("failing", "kind", "reached"),
    [
        ("modules-sync", FaultKind.HANG, (False, None, "UPSTREAM_TIMEOUT")),
        ("modules-sync", FaultKind.RESET, (False, None, "UPSTREAM_UNAVAILABLE")),
        ("modules-sync", FaultKind.GARBAGE, (True, None, "UPSTREAM_PROTOCOL")),
        ("modules-sync", FaultKind.TOO_MANY_REQUESTS, (True, None, "UPSTREAM_UNAVAILABLE")),
        ("modules-sync", FaultKind.EXPIRED_TOKEN, (True, False, "UPSTREAM_AUTH")),
        ("token", FaultKind.RESET, (None, False, "UPSTREAM_UNAVAILABLE")),
    ],
)
async def test_probe_reports_each_step(
    platforms: Platforms, sandbox: Sandbox, failing: str, kind: FaultKind, reached: tuple[object, ...]
) -> None:
    sandbox.faults.set("SECURITY", failing, Fault(kind))
    read = harmless_read(platforms.security, "modules-sync")
    tried = await probe(platforms.security, "modules-sync", read)
    assert (tried.reachable, tried.token, tried.answer) == reached


async def test_short_code_without_orders_may_lack_zeros(platforms: Platforms, monkeypatch: pytest.MonkeyPatch) -> None:
    async def empty(*_: object) -> Page[Order]:
        return Page(items=())

    monkeypatch.setitem(vars(ORDERS), "read_page", empty)
    probes = [await each for each in probe_communities(platforms.wjdh, ["10002", "1"])]
    what = "order/list: community 1 has no orders: is it the account's, with all its leading zeros?"
    assert [each.problem for each in probes] == [None, what]
