"""The number of platform calls per query, logins excluded, counted by the platforms."""

import asyncio
from collections import Counter

import pytest

from gateway.sandbox.faults import Fault, FaultKind

TOKENS = {("WJDH", "secret"), ("SECURITY", "token")}

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


def calls(sandbox) -> Counter[str]:
    counted = Counter[str]()
    for (platform, endpoint), count in sandbox.counts().items():
        if (platform, endpoint) not in TOKENS:
            counted[endpoint] += count
    return counted


async def ask_twice(gateway, sandbox, query, variables=None):
    """Ask until plans are at work, and count only the last time."""
    for _ in range(3):
        sandbox.reset_calls()
        answer = await gateway.ask(query, variables)
    return answer


async def test_community_with_its_modules_costs_one_call(gateway, sandbox):
    answer = await ask_twice(gateway, sandbox, '{ community(code: "10002") { code modules { name enabled } } }')

    assert len(answer.data["community"]["modules"]) == 9
    assert calls(sandbox) == {"modules": 1}


async def test_orders_with_owners_cost_a_call_per_house(gateway, sandbox):
    answer = await ask_twice(gateway, sandbox, ORDERS_WITH_OWNERS)

    orders = answer.data["orders"]["nodes"]
    assert len(orders) == 20
    assert len({order["house"]["address"] for order in orders}) == 10
    assert calls(sandbox) == {"order/list": 2, "owner": 10}


async def test_reviews_with_content_cost_one_call(gateway, sandbox):
    answer = await ask_twice(gateway, sandbox, REVIEWS)

    assert len(answer.data["shenhes"]["nodes"]) == 20
    assert calls(sandbox) == {"shenheList": 1}


async def test_verification_costs_a_call_per_person_and_house(gateway, sandbox):
    answer = await ask_twice(gateway, sandbox, VERIFIED_REVIEWS)

    contents = [review["content"] for review in answer.data["shenhes"]["nodes"] if review["content"]]
    people = {(content["people"]["name"], content["people"]["phone"]) for content in contents}
    houses = {tuple(content["house"].values()) for content in contents}
    assert calls(sandbox) == {"shenheList": 1, "people": len(people), "owner": len(houses)}


async def test_repairs_of_both_statuses_cost_two_calls(gateway, sandbox):
    await ask_twice(gateway, sandbox, '{ repairs(communityCode: "10002") { totalCount nodes { status } } }')

    assert calls(sandbox) == {"repair/list": 2}


async def test_summary_costs_four_concurrent_calls(gateway, sandbox):
    await gateway.ask(SUMMARY)  # so that the token is there
    sandbox.reset_calls()
    sandbox.faults.set("WJDH", None, Fault(FaultKind.LATENCY, seconds=0.2))

    answer = await gateway.ask(SUMMARY)

    assert all(isinstance(number, int) for number in answer.data["community"]["summary"].values())
    assert calls(sandbox).total() == 4
    assert sandbox.wjdh.max_concurrent == 4


async def test_aliases_cost_no_additional_call(gateway, sandbox):
    fields = "totalCount nodes { number house { owner { phone } } }"
    answer = await ask_twice(
        gateway,
        sandbox,
        "{"
        + " ".join(f'{alias}: orders(communityCode: "10002", first: 15) {{ {fields} }}' for alias in ("a", "b", "c"))
        + "}",
    )

    assert answer.data["a"] == answer.data["b"] == answer.data["c"]
    houses = {order["house"] and str(order) for order in answer.data["a"]["nodes"]}
    assert calls(sandbox)["order/list"] == 1
    assert calls(sandbox)["owner"] <= len(houses)


async def test_requests_with_a_dead_token_share_one_login(gateway, sandbox):
    query = '{ orders(communityCode: "10002", first: 15) { nodes { number } } }'
    await gateway.ask(query)
    sandbox.expire_tokens()
    sandbox.reset_calls()
    sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.LATENCY, seconds=0.3))

    answers = await asyncio.gather(*(gateway.ask(query) for _ in range(50)))

    assert len({str(answer.data) for answer in answers}) == 1
    assert sandbox.count("WJDH", "secret") == 1
    # One read met the dead token, and was made again with the new one; a late caller may have begun a second one.
    assert sandbox.count("WJDH", "order/list") <= 4
