"""A list with ten look-ups that fail, hang, or are abandoned by the client."""

import asyncio
from collections import Counter

import pytest
from exposed import read, value
from waiting import until

from gateway.sandbox.faults import Fault, FaultKind

HOUSES = 10
FAN_OUT = """
{ orders(communityCode: "10002", first: 20) { nodes { number house { address owner { phone role } } } } }
"""
HALF = FAN_OUT.replace("first: 20", "first: 5")
DEADLINE = 0.4


pytestmark = pytest.mark.usefixtures("execution")


@pytest.fixture
async def whole(gateway, sandbox):
    """The answer when nothing fails, by address; plans are at work, and the calls so far forgotten."""
    for _ in range(2):
        answer = await gateway.ask(FAN_OUT)
    sandbox.reset_calls()
    owners = {order["house"]["address"]: order["house"]["owner"] for order in answer.data["orders"]["nodes"]}
    assert len(owners) == HOUSES
    return owners


async def test_failed_lookups_do_not_affect_the_others(gateway, sandbox, whole):
    for failing in (1, 3, HOUSES):
        sandbox.reset_calls()
        sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.GARBAGE), times=failing)

        answer = await gateway.ask(FAN_OUT)

        houses = [order["house"] for order in answer.partial["orders"]["nodes"]]
        errors = sorted(answer.errors, key=lambda error: error["path"])
        failed = {houses[error["path"][2]]["address"] for error in errors}
        assert len(failed) == failing
        assert {house["address"]: house["owner"] for house in houses} == whole | dict.fromkeys(failed)
        assert [(error["path"], error["extensions"]["code"]) for error in errors] == [
            (["orders", "nodes", index, "house", "owner"], "UPSTREAM_PROTOCOL")
            for index, house in enumerate(houses)
            if house["address"] in failed
        ]
        assert sandbox.count("SECURITY", "owner") == HOUSES


async def test_aliased_lookup_fails_twice_and_costs_one_call(gateway, sandbox, whole):
    query = FAN_OUT.replace("owner { phone role }", "a: owner { phone } b: owner { role }")
    await gateway.ask(query)
    sandbox.reset_calls()
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.GARBAGE), times=1)
    answer = await gateway.ask(query)
    assert Counter(error["path"][-1] for error in answer.errors) == {"a": 2, "b": 2}  # two orders charge each house
    assert sandbox.count("SECURITY", "owner") == HOUSES


async def test_deadline_stops_pending_lookups(environ, serve, sandbox):
    async with serve(environ, request_timeout=DEADLINE) as gateway:
        assert (await gateway.ask(FAN_OUT)).data
        sandbox.reset_calls()
        sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.HANG))
        answer = await gateway.ask(FAN_OUT)
        assert answer.response.status_code == 504
        assert answer.code == "UPSTREAM_TIMEOUT"
        assert sandbox.count("SECURITY", "owner") == HOUSES
        await until(lambda: not calls_under_way(gateway))
        assert len(gateway.parts.reads) == 0
        sandbox.faults.clear()
        assert (await gateway.ask(FAN_OUT)).data


async def test_calls_end_when_their_last_client_leaves(gateway, sandbox, whole):
    listed = (await gateway.ask(HALF)).data["orders"]["nodes"]
    shared = len({order["house"]["address"] for order in listed})
    assert 1 < shared < HOUSES
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.HANG))
    await leave(gateway, sandbox, 0)
    staying = await leave(gateway, sandbox, shared, HALF)
    sandbox.faults.clear()
    assert (await staying).data
    assert (await gateway.ask(FAN_OUT)).data


async def leave(gateway, sandbox, shared, query=None):
    """Begin everything, and leave when another client, if there is one with this query, shares so many calls."""
    sandbox.reset_calls()
    leaving = asyncio.create_task(gateway.ask(FAN_OUT))
    await until(lambda: sandbox.count("SECURITY", "owner") == HOUSES)
    staying = query and asyncio.create_task(gateway.ask(query))
    joined = {"endpoint": "owner", "by": "joined"}
    await until(lambda: value(read(gateway.parts.metrics), "gateway_shared_reads_total", **joined) == (shared or None))
    leaving.cancel()
    await until(lambda: calls_under_way(gateway) == shared)
    assert sandbox.count("SECURITY", "owner") == HOUSES
    assert len(gateway.parts.reads) == shared
    return staying


def calls_under_way(gateway):
    """How many calls have a slot of the security platform."""
    return gateway.parts.platforms.security.slots.taken
