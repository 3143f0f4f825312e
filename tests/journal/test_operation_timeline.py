"""`Operation.timeline`: the steps of a write, with their times, as clients see them."""

import asyncio
from datetime import timedelta

import pytest
from journal_fixtures import reserve
from standing_clock import FrozenClock

from gateway.actions import reconcile
from gateway.journal.journal import Journal
from gateway.journal.records import MOST_READ_BACKS, Operation
from gateway.normalise.states import Outcome
from gateway.sandbox.faults import Fault, FaultKind

WRITTEN = "outcome operation { id timeline { state at } }"
SET_MODULE = f"mutation ($input: SetModuleInput!) {{ setModule(input: $input) {{ {WRITTEN} }} }}"
APPROVE = f"mutation ($input: ApproveShenheInput!) {{ approveShenhe(input: $input) {{ {WRITTEN} }} }}"
UPDATE_REPAIR = f"mutation ($input: UpdateRepairInput!) {{ updateRepair(input: $input) {{ {WRITTEN} }} }}"
PENDING = '{ shenhes(communityCode: "10002", filter: { status: PENDING }, first: 1) { nodes { id } } }'
OPEN = '{ repairs(communityCode: "10002", filter: { status: OPEN }, first: 1) { nodes { id } } }'
OPERATION = "query ($id: ID!) { operation(id: $id) { outcome timeline { state at } } }"
OPERATIONS = "{ operations(first: 50) { nodes { id %s } } }"

SWITCH_OFF = {"communityCode": "10002", "name": "COMPLAINTS", "enabled": False}


@pytest.fixture
async def gateway(environ, settings, serve, clock, monkeypatch):
    """On both databases. The reconciler runs when a test says so."""
    monkeypatch.setattr(reconcile, "INTERVAL", 3600.0)
    own = {"GATEWAY_DATABASE_URL": settings.database_url, "GATEWAY_CALL_TIMEOUT": "0.5"}
    async with serve(environ | own, clock) as served:
        yield served


async def write(gateway, document, given):
    """The payload."""
    [payload] = (await gateway.ask(document, {"input": given})).data.values()
    return payload


async def lose(gateway, sandbox, endpoint, document, given):
    """The id of an operation whose call did not arrive, while the gateway cannot know that."""
    sandbox.faults.set("WJDH", endpoint, Fault(FaultKind.RESET), times=1)
    payload = await write(gateway, document, given)
    assert payload["outcome"] == "UNKNOWN"
    return payload["operation"]["id"]


async def later(gateway, clock, **duration):
    """The time to which the clock is advanced, after what is due then has been read back."""
    now = clock.advance(**duration)
    await gateway.parts.reconciler.reconcile_due()
    return now


async def ask(gateway, id_):
    """The outcome of the operation, and its steps."""
    operation = (await gateway.ask(OPERATION, {"id": id_})).data["operation"]
    return operation["outcome"], steps_in(operation)


def steps_in(operation):
    return [(step["state"], step["at"]) for step in operation["timeline"]]


def at(*steps):
    """As clients see them."""
    return [(state, time.isoformat()) for state, time in steps]


async def test_steps_have_times_of_their_own(gateway, clock, monkeypatch):
    began, switch = clock.now, gateway.parts.platforms.wjdh.set_module

    async def slow(*arguments):
        clock.advance(seconds=2)
        await switch(*arguments)

    monkeypatch.setattr(gateway.parts.platforms.wjdh, "set_module", slow)
    payload = await write(gateway, SET_MODULE, SWITCH_OFF)

    assert steps_in(payload["operation"]) == at(
        ("RESERVED", began), ("SENT", began), ("CONFIRMED", began + timedelta(seconds=2))
    )


async def test_refusal_of_the_platform_follows_sent(gateway, sandbox, clock):
    sandbox.faults.set("WJDH", "module", Fault(FaultKind.REFUSED_BEFORE_COMMIT), times=1)
    payload = await write(gateway, SET_MODULE, SWITCH_OFF)

    assert payload["outcome"] == "REFUSED"
    assert steps_in(payload["operation"]) == at(("RESERVED", clock.now), ("SENT", clock.now), ("REFUSED", clock.now))


async def test_write_refused_by_the_gateway_was_not_sent(gateway, clock):
    [review] = (await gateway.ask(PENDING)).data["shenhes"]["nodes"]
    await write(gateway, APPROVE, review)
    payload = await write(gateway, APPROVE, review)

    assert payload["outcome"] == "REFUSED"
    assert steps_in(payload["operation"]) == at(("RESERVED", clock.now), ("REFUSED", clock.now))


async def test_unknown_write_shows_its_read_backs_until_confirmed(gateway, sandbox, clock):
    began = clock.now
    lost = await lose(gateway, sandbox, "module", SET_MODULE, SWITCH_OFF)
    undecided = await later(gateway, clock, seconds=35)  # it may still be under way at the platform
    await write(gateway, SET_MODULE, SWITCH_OFF)
    decided = await later(gateway, clock, seconds=61)
    await later(gateway, clock, minutes=5)

    assert await ask(gateway, lost) == (
        "CONFIRMED",
        at(
            ("RESERVED", began),
            ("SENT", began),
            ("UNKNOWN", began),
            ("READ_BACK", undecided),
            ("READ_BACK", decided),
            ("CONFIRMED", decided),
        ),
    )


async def test_unknown_write_is_refused_by_a_read_back(gateway, sandbox, clock):
    began = clock.now
    lost = await lose(gateway, sandbox, "module", SET_MODULE, SWITCH_OFF)
    decided = await later(gateway, clock, minutes=5)

    outcome, steps = await ask(gateway, lost)
    assert (outcome, steps[2:]) == ("REFUSED", at(("UNKNOWN", began), ("READ_BACK", decided), ("REFUSED", decided)))


async def test_write_that_stays_unknown_shows_each_read_back(gateway, sandbox, clock):
    began = clock.now
    [repair] = (await gateway.ask(OPEN)).data["repairs"]["nodes"]
    lost = await lose(gateway, sandbox, "repair/update", UPDATE_REPAIR, repair | {"status": "RESOLVED"})
    await write(gateway, UPDATE_REPAIR, repair | {"status": "OPEN", "reply": "明天上门"})  # neither as before nor after
    read = [await later(gateway, clock, minutes=minutes) for minutes in (2, 2, 60, 24 * 60)]
    await later(gateway, clock, minutes=60)  # it was given up

    assert await ask(gateway, lost) == (
        "UNKNOWN",
        at(("RESERVED", began), ("SENT", began), ("UNKNOWN", began), *(("READ_BACK", time) for time in read)),
    )


async def test_unanswered_read_back_is_no_step(gateway, sandbox, clock):
    began = clock.now
    lost = await lose(gateway, sandbox, "module", SET_MODULE, SWITCH_OFF)
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HTTP_500))
    for _ in range(2):
        await later(gateway, clock, minutes=2)

    assert await ask(gateway, lost) == ("UNKNOWN", at(("RESERVED", began), ("SENT", began), ("UNKNOWN", began)))


async def test_timelines_of_a_list_take_no_journal_read(gateway, monkeypatch):
    for enabled in (True, False, True):
        await write(gateway, SET_MODULE, SWITCH_OFF | {"enabled": enabled})
    database = gateway.parts.journal._database
    reads, read = [], database.read

    async def counted(work):
        reads.append(work)
        return await read(work)

    monkeypatch.setattr(database, "read", counted)
    counts = []
    for fields in ("outcome", "timeline { state at }"):
        reads.clear()
        nodes = (await gateway.ask(OPERATIONS % fields)).data["operations"]["nodes"]
        counts.append(len(reads))

    assert [len(node["timeline"]) for node in nodes] == [3, 3, 3]
    assert counts[0] == counts[1]


async def sent(journal: Journal) -> Operation:
    reserved = await reserve(journal.operations, mutation="setModule")
    return await journal.operations.mark_sent(reserved.operation.id)


def states(operation: Operation | None) -> list[str]:
    assert operation is not None
    return [step.state.value for step in operation.timeline]


async def test_write_left_by_a_crash_becomes_unknown_when_found(journal: Journal, clock: FrozenClock) -> None:
    await sent(journal)
    found = clock.advance(minutes=5)

    [taken] = await journal.operations.take_over(older_than=timedelta(minutes=1), lease=timedelta(minutes=1))

    assert states(taken) == ["RESERVED", "SENT", "UNKNOWN"]
    assert taken.timeline[-1].at == found


async def test_unknown_recorded_twice_keeps_its_first_time(journal: Journal, clock: FrozenClock) -> None:
    """A commit that is in doubt is repeated."""
    operation = await sent(journal)
    first = await journal.operations.finish(operation.id, Outcome.UNKNOWN, check_at=clock.now)
    clock.advance(seconds=1)

    assert await journal.operations.finish(operation.id, Outcome.UNKNOWN, check_at=first.check_at) == first


async def test_simultaneous_read_backs_are_all_recorded(journal: Journal) -> None:
    operation = await sent(journal)
    await journal.operations.finish(operation.id, Outcome.UNKNOWN)

    await asyncio.gather(*(journal.operations.record_read_back(operation.id) for _ in range(10)))

    assert states(await journal.operations.get(operation.id))[3:] == ["READ_BACK"] * 10


async def test_first_read_backs_and_the_last_are_kept(journal: Journal, clock: FrozenClock) -> None:
    operation = await sent(journal)
    await journal.operations.finish(operation.id, Outcome.UNKNOWN)
    times = []
    for _ in range(MOST_READ_BACKS + 2):
        times.append(clock.advance(minutes=1))
        await journal.operations.record_read_back(operation.id)
    times.append(clock.advance(minutes=1))

    confirmed = await journal.operations.finish(operation.id, Outcome.CONFIRMED, read_back=True)

    assert list(confirmed.read_backs) == [*times[: MOST_READ_BACKS - 1], times[-1]]
    assert confirmed.timeline[-1].at == times[-1]
