"""`Operation.timeline`: the steps of a write, with their times, as clients see them."""

from datetime import timedelta

import pytest

from gateway.actions import writer as reconcile
from gateway.modules import set_module
from gateway.normalise.times import CHINA
from gateway.sandbox.faults import Fault, FaultKind

WRITTEN = "outcome operation { id timeline { state at } }"
PENDING = '{ shenhes(communityCode: "10002", filter: { status: PENDING }, first: 1) { nodes { id } } }'
OPEN = '{ repairs(communityCode: "10002", filter: { status: OPEN }, first: 1) { nodes { id } } }'
OPERATION = "query ($id: ID!) { operation(id: $id) { outcome timeline { state at } } }"

SWITCH_OFF = {"communityCode": "10002", "name": "COMPLAINTS", "enabled": False}


@pytest.fixture
async def gateway(environ, settings, serve, clock, monkeypatch):
    """On both databases. The reconciler runs when a test says so."""
    monkeypatch.setattr(reconcile, "INTERVAL", 3600.0)
    own = {"GATEWAY_DATABASE_URL": settings.database_url, "GATEWAY_CALL_TIMEOUT": "0.5"}
    async with serve(environ | own, clock) as served:
        yield served


async def lose(gateway, sandbox, endpoint, mutation, given):
    """The id of an operation whose call did not arrive, while the gateway cannot know that."""
    sandbox.faults.set("WJDH", endpoint, Fault(FaultKind.RESET), times=1)
    payload = await gateway.write(mutation, given, WRITTEN)
    assert payload["outcome"] == "UNKNOWN"
    return payload["operation"]["id"]


async def later(gateway, clock, **duration):
    """The time to which the clock is advanced, after what is due then has been read back."""
    now = clock.advance(**duration)
    await gateway.parts.reconciler.reconcile_due()
    return now


async def ask(gateway, id_):
    """The outcome of the operation, and its steps."""
    operation = await gateway.read(OPERATION, {"id": id_})
    return operation["outcome"], steps_in(operation)


def steps_in(operation):
    return [(step["state"], step["at"]) for step in operation["timeline"]]


def at(*steps):
    """As clients see them: in the zone of China, whatever the journal keeps."""
    return [(state, time.astimezone(CHINA).isoformat()) for state, time in steps]


async def test_steps_have_times_of_their_own(gateway, clock, monkeypatch):
    began = clock.now

    async def slow(*arguments):
        clock.advance(seconds=2)
        await set_module(*arguments)

    monkeypatch.setattr("gateway.modules.set_module", slow)
    payload = await gateway.write("setModule", SWITCH_OFF, WRITTEN)

    assert steps_in(payload["operation"]) == at(
        ("RESERVED", began), ("SENT", began), ("CONFIRMED", began + timedelta(seconds=2))
    )


async def test_refusal_by_the_platform_alone_was_sent(gateway, sandbox, clock):
    sandbox.faults.set("WJDH", "module", Fault(FaultKind.REFUSED_BEFORE_COMMIT), times=1)
    by_platform = await gateway.write("setModule", SWITCH_OFF, WRITTEN)
    [review] = (await gateway.read(PENDING))["nodes"]
    _, by_gateway = [await gateway.write("approveShenhe", review, WRITTEN) for _ in range(2)]

    reserved, sent, refused = at(("RESERVED", clock.now), ("SENT", clock.now), ("REFUSED", clock.now))
    assert by_platform["outcome"] == by_gateway["outcome"] == "REFUSED"
    assert steps_in(by_platform["operation"]) == [reserved, sent, refused]
    assert steps_in(by_gateway["operation"]) == [reserved, refused]


async def test_unknown_write_shows_its_read_backs_until_confirmed(gateway, sandbox, clock):
    began = clock.now
    lost = await lose(gateway, sandbox, "module", "setModule", SWITCH_OFF)
    undecided = await later(gateway, clock, seconds=35)  # it may still be under way at the platform
    await gateway.write("setModule", SWITCH_OFF, WRITTEN)
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HTTP_500), times=1)
    await later(gateway, clock, seconds=61)  # without an answer it is no step
    decided = await later(gateway, clock, minutes=2)
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


async def test_write_that_stays_unknown_shows_each_read_back(gateway, sandbox, clock):
    began = clock.now
    [repair] = (await gateway.read(OPEN))["nodes"]
    lost = await lose(gateway, sandbox, "repair/update", "updateRepair", repair | {"status": "RESOLVED"})
    await gateway.write("updateRepair", repair | {"status": "OPEN", "reply": "明天上门"})  # neither as before nor after
    read = [await later(gateway, clock, minutes=minutes) for minutes in (2, 2, 60, 24 * 60)]
    await later(gateway, clock, minutes=60)  # it was given up

    assert await ask(gateway, lost) == (
        "UNKNOWN",
        at(("RESERVED", began), ("SENT", began), ("UNKNOWN", began), *(("READ_BACK", time) for time in read)),
    )
