"""The number of platform calls per query, logins excluded, also when ten look-ups fail, hang, or are abandoned."""

import asyncio
from collections import Counter

import pytest
from exposed import read, value
from platform_answers import calls
from waiting import until

from gateway.sandbox.faults import Fault, FaultKind

ORDERS_WITH_OWNERS = """
query Orders($first: Int! = 20) {
  orders(communityCode: "10002", first: $first) { nodes { number title house { address owner { phone role } } } }
}
"""
REVIEWS = """
{ shenhes(communityCode: "10002", first: 20) {
    nodes { type status content { people { name phone sex } house { building unit floor room role } } } } }
"""
VERIFIED_REVIEWS = """
{ shenhes(communityCode: "10002", first: 20) {
    nodes { type content { people { name phone } house { building unit floor room } }
            verification { registered { name } owner { phone } findings { code } } } } }
"""
HOUSES = 10
SUMMARY = '{ community(code: "10002") { summary { pendingShenhes unpaidOrders openRepairs disabledModules } } }'


pytestmark = pytest.mark.usefixtures("execution")


async def ask_twice(gateway, sandbox, query, variables=None):
    """Ask until plans are at work, and count only the last time."""
    for _ in range(3):
        sandbox.reset_calls()
        answer = await gateway.ask(query, variables)
    return answer


async def test_query_costs_its_calls(gateway, sandbox):
    for query, asked in (
        ('{ community(code: "10002") { code modules { name } } }', {"modules": 1}),
        (ORDERS_WITH_OWNERS, {"order/list": 2, "owner": HOUSES}),
        (REVIEWS, {"shenheList": 1}),
        ('{ repairs(communityCode: "10002") { nodes { id } } }', {"repair/list": 2}),  # of both statuses
    ):
        answer = await ask_twice(gateway, sandbox, query)
        houses = {order["house"]["address"] for order in answer.data.get("orders", {}).get("nodes", ())}
        assert len(houses) == asked.get("owner", 0)
        assert calls(sandbox) == asked, query

    answer = await ask_twice(gateway, sandbox, VERIFIED_REVIEWS)
    contents = [review["content"] for review in answer.data["shenhes"]["nodes"] if review["content"]]
    people = {(content["people"]["name"], content["people"]["phone"]) for content in contents}
    houses = {tuple(content["house"].values()) for content in contents}
    assert calls(sandbox) == {"shenheList": 1, "people": len(people), "owner": len(houses)}


async def test_summary_costs_four_concurrent_calls(gateway, sandbox):
    await gateway.ask(SUMMARY)  # so that the token is there
    sandbox.reset_calls()
    sandbox.faults.set("WJDH", None, Fault(FaultKind.LATENCY, seconds=0.2))
    answer = await gateway.ask(SUMMARY)
    assert all(isinstance(number, int) for number in answer.data["community"]["summary"].values())
    assert calls(sandbox).total() == 4
    assert sandbox.wjdh.max_concurrent == 4


@pytest.fixture
async def whole(gateway, sandbox):
    """The answer when nothing fails, by address; plans are at work, and the calls so far forgotten."""
    for _ in range(2):
        answer = await gateway.ask(ORDERS_WITH_OWNERS)
    sandbox.reset_calls()
    owners = {order["house"]["address"]: order["house"]["owner"] for order in answer.data["orders"]["nodes"]}
    assert len(owners) == HOUSES
    return owners


async def test_failed_lookups_do_not_affect_the_others(gateway, sandbox, whole):
    for failing in (1, 3, HOUSES):
        sandbox.reset_calls()
        sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.GARBAGE), times=failing)

        answer = await gateway.ask(ORDERS_WITH_OWNERS)

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
    query = ORDERS_WITH_OWNERS.replace("owner { phone role }", "a: owner { phone } b: owner { role }")
    await gateway.ask(query)
    sandbox.reset_calls()
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.GARBAGE), times=1)
    answer = await gateway.ask(query)
    assert Counter(error["path"][-1] for error in answer.errors) == {"a": 2, "b": 2}  # two orders charge each house
    assert sandbox.count("SECURITY", "owner") == HOUSES


async def test_deadline_stops_pending_lookups(environ, serve, sandbox):
    async with serve(environ, request_timeout=0.4) as gateway:
        assert (await gateway.ask(ORDERS_WITH_OWNERS)).data
        sandbox.reset_calls()
        sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.HANG))
        answer = await gateway.ask(ORDERS_WITH_OWNERS)
        assert answer.response.status_code == 504
        assert answer.code == "UPSTREAM_TIMEOUT"
        assert sandbox.count("SECURITY", "owner") == HOUSES
        await until(lambda: not calls_under_way(gateway))
        assert len(gateway.parts.reads) == 0
        sandbox.faults.clear()
        assert (await gateway.ask(ORDERS_WITH_OWNERS)).data


async def test_calls_end_when_their_last_client_leaves(gateway, sandbox, whole):
    listed = (await gateway.ask(ORDERS_WITH_OWNERS, {"first": 5})).data["orders"]["nodes"]
    shared = len({order["house"]["address"] for order in listed})
    assert 1 < shared < HOUSES
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.HANG))
    await leave(gateway, sandbox, 0)
    staying = await leave(gateway, sandbox, shared, 5)
    sandbox.faults.clear()
    assert (await staying).data
    assert (await gateway.ask(ORDERS_WITH_OWNERS)).data


async def leave(gateway, sandbox, shared, first=0):
    """Begin everything, and leave when another client, if there is one with `first` orders, shares so many calls."""
    sandbox.reset_calls()
    leaving = asyncio.create_task(gateway.ask(ORDERS_WITH_OWNERS))
    await until(lambda: sandbox.count("SECURITY", "owner") == HOUSES)
    staying = first and asyncio.create_task(gateway.ask(ORDERS_WITH_OWNERS, {"first": first}))
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
