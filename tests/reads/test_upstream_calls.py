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


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        pytest.param('{ community(code: "10002") { code modules { name } } }', {"modules": 1}, id="modules"),
        pytest.param(ORDERS_WITH_OWNERS, {"order/list": 2, "owner": 10}, id="orders with owners of ten houses"),
        pytest.param(REVIEWS, {"shenheList": 1}, id="reviews with content"),
        pytest.param('{ repairs(communityCode: "10002") { nodes { id } } }', {"repair/list": 2}, id="both statuses"),
    ],
)
async def test_query_costs_its_calls(gateway, sandbox, query, asked):
    answer = await ask_twice(gateway, sandbox, query)

    houses = {order["house"]["address"] for order in answer.data.get("orders", {}).get("nodes", ())}
    assert len(houses) == asked.get("owner", 0)
    assert calls(sandbox) == asked


async def test_verification_costs_a_call_per_person_and_house(gateway, sandbox):
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
