"""More lists than can be polled in each interval: who is polled at once, how many, and what the gauges say."""

import pytest
from exposed import scrape, value
from test_events import CODE, REVIEWS, apply, next_event, told
from waiting import until

from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox, SandboxOptions

CODES = "subscription($codes: [ID!]) { shenheEvents(communityCodes: $codes) { kind } }"
READ = '{ shenhes(communityCode: "10002", first: 50) { nodes { platformId } } }'


def polls(sandbox) -> int:
    return sandbox.count("WJDH", "shenheList")


@pytest.mark.parametrize("extra", [{"GATEWAY_WATCH_INTERVAL": "3600"}])
async def test_read_that_shows_a_change_has_its_list_polled_at_once(connect, gateway, sandbox):
    async with connect() as socket:
        await socket.subscribe("1", REVIEWS, code=CODE)
        await until(lambda: polls(sandbox) == 1)
        while value(await scrape(gateway), "gateway_watch_lateness_seconds"):  # until the poll has ended
            pass
        await gateway.read(READ)
        apply(sandbox, 900)
        await gateway.read(READ)
        assert told(await next_event(socket)) == ("APPEARED", 900, False)
        assert polls(sandbox) == 4  # two reads, and no poll for the one that showed nothing new


@pytest.fixture
async def sandbox():
    async with Sandbox(SandboxOptions(made_communities=30)) as sandbox:
        yield sandbox


@pytest.mark.parametrize("extra", [{"GATEWAY_WJDH_CONCURRENCY": "8", "GATEWAY_WATCH_INTERVAL": "0.5"}])
async def test_polls_at_once_are_a_quarter_of_the_slots_and_late_ones_are_gauged(connect, gateway, sandbox):
    slots, most = gateway.parts.platforms.wjdh.slots, 0
    sandbox.faults.set("WJDH", "shenheList", Fault(FaultKind.LATENCY, seconds=0.1))
    codes = list(sandbox.world.shenhes_of)[-30:]
    async with connect() as socket:
        await socket.subscribe("1", CODES, codes=codes)

        def has_polled() -> bool:
            nonlocal most
            most = max(most, slots.taken)
            return polls(sandbox) > 3 * len(codes)

        await until(has_polled)
        series = await scrape(gateway)
    assert most == 2
    assert value(series, "gateway_watches") == len(codes)
    lateness, bound = (value(series, f"gateway_watch_lateness_{name}seconds") for name in ("", "bound_"))
    assert 0.5 < lateness < bound
    assert bound > 2 * len(codes) * 0.1 / 2
