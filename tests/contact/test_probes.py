"""What the quick check tries, and how it says how far each call came."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from gateway.contact import check
from gateway.contact.check import Probe, probe_communities
from gateway.entities import ENDPOINTS, harmless_read
from gateway.normalise.records import Page
from gateway.normalise.vocabulary import Availability
from gateway.orders.reads import ORDERS
from gateway.orders.record import Order
from gateway.platforms.client import PlatformClient
from gateway.platforms.platforms import Platforms, make_platforms
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.settings import load_settings


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxOptions(dialect=Dialect.EXAMPLES)) as running:
        yield running


@pytest.fixture
async def platforms(sandbox: Sandbox) -> AsyncIterator[Platforms]:
    settings = load_settings({**sandbox.settings(), "GATEWAY_CALL_TIMEOUT": "0.5"})
    async with aclosing(make_platforms(settings, ENDPOINTS)) as opened:
        yield opened


async def probe(client: PlatformClient, endpoint: str) -> Probe:
    return await check.probe(client, endpoint, harmless_read(client, endpoint))


async def test_probes_try_every_read_and_no_write(platforms: Platforms, sandbox: Sandbox) -> None:
    probes = {name: await probe(client, name) for client in platforms.all for name in client.endpoints}
    tried = {name for name, probe in probes.items() if probe.seconds is not None}
    assert tried == {
        *("secret", "shenheList", "shenhe", "order/list", "modules", "repair/list", "repair"),
        *("token", "people", "owner", "modules-sync"),
    }
    assert all(probes[name].reachable and probes[name].token for name in tried)
    assert (probes["shenhe"].answer, probes["order/list"].answer) == ("OK", "code 1")
    assert probes["bill/list"].answer == Availability.NOT_OFFERED
    assert sandbox.effects.all() == []


@pytest.mark.parametrize(
    ("kind", "reachable", "token", "answer"),
    [
        (FaultKind.HANG, False, None, "UPSTREAM_TIMEOUT"),
        (FaultKind.RESET, False, None, "UPSTREAM_UNAVAILABLE"),
        (FaultKind.GARBAGE, True, None, "UPSTREAM_PROTOCOL"),
        (FaultKind.TOO_MANY_REQUESTS, True, None, "UPSTREAM_UNAVAILABLE"),
        (FaultKind.EXPIRED_TOKEN, True, False, "UPSTREAM_AUTH"),
    ],
)
async def test_probe_reports_each_step(
    platforms: Platforms, sandbox: Sandbox, kind: FaultKind, reachable: bool, token: bool | None, answer: str
) -> None:
    sandbox.faults.set("SECURITY", "modules-sync", Fault(kind))
    tried = await probe(platforms.security, "modules-sync")
    assert (tried.reachable, tried.token, tried.answer) == (reachable, token, answer)


async def test_probe_without_a_token_reports_its_failure(platforms: Platforms, sandbox: Sandbox) -> None:
    sandbox.faults.set("SECURITY", "token", Fault(FaultKind.RESET))
    tried = await probe(platforms.security, "modules-sync")
    assert (tried.reachable, tried.token, tried.answer) == (None, False, "UPSTREAM_UNAVAILABLE")
    with pytest.raises(KeyError):
        await probe(platforms.security, "nothing")


async def test_short_code_without_orders_may_lack_zeros(platforms: Platforms, monkeypatch: pytest.MonkeyPatch) -> None:
    async def empty(*_: object) -> Page[Order]:
        return Page(items=())

    monkeypatch.setitem(vars(ORDERS), "read_page", empty)
    probes = [await each for each in probe_communities(platforms.wjdh, ["10002", "1"])]
    what = "order/list: community 1 has no orders: is it the account's, with all its leading zeros?"
    assert [each.problem for each in probes] == [None, what]
