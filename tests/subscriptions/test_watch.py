"""How a list is polled while it is subscribed to: what is found in it, and what that costs."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from exposed import scrape, value
from test_events import CODE, PENDING, apply, next_event, pending, polled
from waiting import until

from gateway.loaders import watch
from gateway.loaders.watch import MOST_CHECKED, PER_PAGE
from gateway.sandbox.dialects import paging
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import SandboxOptions

REVIEWS = 'subscription { shenheEvents(communityCode: "10002") { kind missed } }'
REPAIRS = 'subscription { repairEvents(communityCode: "10002") { kind missed } }'
APPROVED = 1
LATE = ("CHANGED", True)


class List:
    """A list of the sandbox, while it is watched."""

    def __init__(self, sandbox, rows, by_number, endpoint):
        self.sandbox, self.rows, self.by_number, self.endpoint = sandbox, rows, by_number, endpoint
        self.template = next(row for row in rows if getattr(row, "status", PENDING) == PENDING)

    def add(self, *numbers, **values):
        for number in numbers:
            self.by_number[number] = replace(self.template, id=number, **values)
            self.rows.append(self.by_number[number])

    def set_status(self, status, *numbers):
        for number in numbers:
            self.by_number[number].status = status

    async def polled(self, times=3):
        """Read so often; what was there before is seen then."""
        await polled(self.sandbox, times, self.endpoint)


@pytest.fixture
def reviews(sandbox):
    return List(sandbox, sandbox.world.shenhes_of[CODE], sandbox.world.shenhes, "shenheList")


@asynccontextmanager
async def watched(connect, listed, query=REVIEWS):
    """What gives the kinds of the next events, and whether some before were missed."""
    async with connect() as socket:
        await socket.subscribe("1", query)
        await listed.polled()

        async def kinds(count):
            events = [await next_event(socket) for _ in range(count)]
            return [(event["kind"], event["missed"]) for event in events]

        yield kinds


async def test_vanished_or_skipped_row_is_no_event(connect, reviews, sandbox):
    """One is looked up once, and one is between two pages for a while."""
    reviews.add(900)
    async with watched(connect, reviews) as kinds:
        reviews.rows.remove(reviews.by_number.pop(900))
        await reviews.polled(5)
        assert sandbox.count("WJDH", "shenhe") == 1
        position = reviews.rows.index(reviews.template)
        reviews.rows.remove(reviews.template)
        await reviews.polled()
        reviews.rows.insert(position, reviews.template)
        await reviews.polled()
        reviews.add(901)
        assert await kinds(1) == [("APPEARED", False)]


async def test_many_decisions_are_looked_up_in_bounded_batches(connect, reviews, sandbox):
    numbers = range(900, 900 + MOST_CHECKED + 5)
    reviews.add(*numbers)
    async with watched(connect, reviews) as kinds:
        sandbox.reset_calls()
        reviews.set_status(APPROVED, *numbers)
        assert await kinds(len(numbers)) == [("DECIDED", False)] * len(numbers)
    runs = " ".join(call.endpoint for call in sandbox.calls).split("shenheList")
    assert [count for run in runs if (count := run.count("shenhe"))] == [MOST_CHECKED, 5]


async def test_list_of_two_pages_is_watched_whole(connect, reviews):
    reviews.add(*range(1000, 1000 + PER_PAGE))
    async with watched(connect, reviews) as kinds:
        for status, kind in ((APPROVED, "DECIDED"), (PENDING, "REOPENED")):
            reviews.set_status(status, 1000)
            assert await kinds(1) == [(kind, False)]


async def test_long_list_is_watched_at_its_ends(connect, reviews, sandbox):
    reviews.add(*range(1000, 1000 + 3 * PER_PAGE))
    oldest = reviews.template.id
    async with watched(connect, reviews) as kinds:
        sandbox.reset_calls()
        reviews.add(2000)
        reviews.set_status(APPROVED, oldest)  # a row of the second page moves up to the first
        assert sorted(await kinds(3)) == [("APPEARED", True), LATE, ("DECIDED", True)]
        reviews.set_status(PENDING, oldest)
        assert await kinds(1) == [("REOPENED", True)]
        assert {call.form["page"] for call in sandbox.calls if call.endpoint == "shenheList"} == {"1", "4"}
        reviews.add(*range(3000, 3000 + PER_PAGE))  # what was last moves out of sight
        shown = len(pending(sandbox)) % PER_PAGE
        assert await kinds(shown) == [("APPEARED", True)] * shown
        await reviews.polled(12)
        looked_up = sandbox.count("WJDH", "shenhe")
        await reviews.polled(6)
        assert 1 < looked_up == sandbox.count("WJDH", "shenhe")


async def test_failing_platform_is_polled_less_often(connect, reviews, sandbox, monkeypatch):
    monkeypatch.setattr(watch, "LONGEST_PAUSE", 0.4)
    async with watched(connect, reviews) as kinds:
        sandbox.faults.set("WJDH", "shenheList", Fault(FaultKind.WRONG_SHAPE))
        await reviews.polled(1)
        sandbox.reset_calls()
        reviews.add(900)
        await asyncio.sleep(1.5)
        assert 3 <= sandbox.count("WJDH", "shenheList") <= 7  # and not 30
        sandbox.faults.clear()
        assert await kinds(1) == [("APPEARED", False)]


async def test_empty_list_without_page_information_is_watched(connect, sandbox, monkeypatch):
    pages = paging.pages
    monkeypatch.setattr(paging, "pages", lambda page, *given: pages(page, *given) if page.rows else None)
    listed = List(sandbox, sandbox.world.repairs_of[CODE], sandbox.world.repairs, "repair/list")
    listed.rows.clear()
    async with watched(connect, listed, REPAIRS) as kinds:
        listed.add(900, is_resolved=False, reply=None)
        assert await kinds(1) == [("APPEARED", False)]


OUTDATED = {
    "shenheList": 'shenhes(communityCode: "10002", first: 1) { nodes { id } }',
    "people": 'people(name: "王芳", phone: "19900000002") { id }',
    "owner": 'house(address: {communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101}) { owner { phone } }',
}


async def read_pages(gateway, sandbox, endpoint, query):
    """The calls of an endpoint for this query, polls apart."""
    before = len(sandbox.calls)
    await gateway.read(f"{{ {query} }}")
    return [call for call in sandbox.calls[before:] if call.endpoint == endpoint and call.form.get("per_page") != "100"]


@pytest.mark.parametrize("extra", [{"GATEWAY_CACHE": "all=60"}])
async def test_change_drops_every_outdated_read(connect, gateway, reviews):
    async with watched(connect, reviews) as kinds:
        for endpoint, query in OUTDATED.items():
            asked = [await read_pages(gateway, reviews.sandbox, endpoint, query) for _ in range(2)]
            assert (len(asked[0]), asked[1]) == (1, []), endpoint
        reviews.add(900)
        await kinds(1)
        for endpoint, query in OUTDATED.items():
            assert await read_pages(gateway, reviews.sandbox, endpoint, query), endpoint


SEVERAL = "subscription($codes: [ID!]) { shenheEvents(communityCodes: $codes) { kind } }"
READ = '{ shenhes(communityCode: "10002", first: 50) { nodes { platformId } } }'


def polls(sandbox) -> int:
    return sandbox.count("WJDH", "shenheList")


@pytest.mark.parametrize("extra", [{"GATEWAY_WATCH_INTERVAL": "3600"}])
async def test_read_that_shows_a_change_has_its_list_polled_at_once(connect, gateway, sandbox):
    async with connect() as socket:
        await socket.subscribe("1", REVIEWS)
        await until(lambda: polls(sandbox) == 1)
        while value(await scrape(gateway), "gateway_watch_lateness_seconds"):  # until the poll has ended
            pass
        await gateway.read(READ)
        apply(sandbox, 900)
        await gateway.read(READ)
        assert await next_event(socket) == {"kind": "APPEARED", "missed": False}
        assert polls(sandbox) == 4  # two reads, and no poll for the one that showed nothing new


@pytest.mark.parametrize("sandbox_options", [SandboxOptions(made_communities=30)])
@pytest.mark.parametrize("extra", [{"GATEWAY_WJDH_CONCURRENCY": "8", "GATEWAY_WATCH_INTERVAL": "0.5"}])
async def test_polls_at_once_are_a_quarter_of_the_slots_and_late_ones_are_gauged(connect, gateway, sandbox):
    slots, most = gateway.parts.platforms.wjdh.slots, 0
    sandbox.faults.set("WJDH", "shenheList", Fault(FaultKind.LATENCY, seconds=0.1))
    codes = list(sandbox.world.shenhes_of)[-30:]
    async with connect() as socket:
        await socket.subscribe("1", SEVERAL, codes=codes)

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
