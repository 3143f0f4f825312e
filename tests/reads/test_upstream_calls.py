"""The number of platform calls per query, logins excluded, counted by the platforms."""

import pytest
from platform_answers import calls

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
        (ORDERS_WITH_OWNERS, {"order/list": 2, "owner": 10}),  # of ten houses
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
