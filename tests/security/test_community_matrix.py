"""Each community and each path to its records: records of other communities look nonexistent.

"As if it were not there" is the very same answer that is given for a community or an id which nobody has.
"""

import re
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
import pytest_asyncio
from schema_routes import RECORD_TYPES, SCHEMA, Field, Ids, Route, node_types
from whole_schema import WholeSchema
from wire import over_event_stream, over_websocket

from gateway.auth.node_ids import InvalidNodeIdError

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMUNITIES = ("10002", "00001", "00002", "10003")
UNKNOWN_COMMUNITY = "99999"
NO_ID = "AXNobody-s-record"

WRITTEN = """
mutation Written($code: ID!, $number: String!) {
  announcement: createAnnouncement(input: {
    communityCode: $code, title: "停水通知", content: "明日停水", idempotencyKey: $code
  }) { operation { id } announcement { id } }
  payment: payCallback(input: {orderNumber: $number, shopNumber: $number, weixinNumber: $number}) { payment { id } }
}
"""
LISTED = """
query Listed($code: ID!) { community(code: $code) {
    id modules { id } house(building: 1, unit: 1, floor: 1, room: 101) { id }
    shenhes(first: 1) { nodes { id } } orders(first: 100) { nodes { id } } repairs(first: 1) { nodes { id } } } }
"""
PAYMENTS = "query Payments($code: ID!) { payments(communityCode: $code) { nodes { id } } }"

BY_CODE = [
    Route((Field("Query", name),))
    for name, field in SCHEMA.query_type.fields.items()
    if {"communityCode", "code", "address"} & set(field.args)
]
BY_ID = [Route((Field("Query", "node"),), on=name) for name in node_types()] + [
    Route((Field(*place.split(".")),)) for place in RECORD_TYPES if "." in place
]
WRITES = [Route((Field("Mutation", name),)) for name in SCHEMA.mutation_type.fields if name != "payCallback"]
SUBSCRIPTIONS = [
    Route((Field("Subscription", name),))
    for name, field in SCHEMA.subscription_type.fields.items()
    if "communityCode" in field.args
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def records(site: Any) -> dict[str, Ids]:
    """For each community a record of each type that has a node id."""
    return {code: await read_record_ids(site, code) for code in COMMUNITIES}


async def read_record_ids(site: Any, code: str) -> Ids:
    number = site.sandbox.world.orders_of[code][-1].number
    written = (await site.ask(WRITTEN, {"code": code, "number": number})).data
    listed = (await site.ask(LISTED, {"code": code})).data["community"]
    while not (payments := (await site.ask(PAYMENTS, {"code": code})).data["payments"]["nodes"]):
        await site.ask(LISTED, {"code": code})  # the order list shows the payment's community, a moment later
    return {
        "Announcement": written["announcement"]["announcement"]["id"],
        "Operation": written["announcement"]["operation"]["id"],
        "Payment": payments[0]["id"],
        "Community": listed["id"],
        "Module": listed["modules"][0]["id"],
        "House": listed["house"]["id"],
        "Shenhe": listed["shenhes"]["nodes"][0]["id"],
        "Order": listed["orders"]["nodes"][0]["id"],
        "Repair": listed["repairs"]["nodes"][0]["id"],
    }


def with_community(variables: dict[str, Any], code: str) -> dict[str, Any]:
    """The same arguments for another community."""

    def changed(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {each: changed(its, each) for each, its in value.items()}
        if isinstance(value, list):
            return [changed(its) for its in value]
        return code if value == "10002" or name == "communityCode" else value

    return {name: changed(value) for name, value in variables.items()}


def said(answer: Any) -> str:
    """The answer without what differs from one request to the next."""
    return re.sub(r'"requestId":"\w+"', "", answer.response.text)


def quoted(text: str) -> str:
    return f'"{text}"'


def own_ids(answer: Any) -> Iterator[str]:
    yield from re.findall(r'"id":"([\w-]+)"', answer.response.text)


@pytest.mark.parametrize("route", BY_CODE, ids=str)
async def test_foreign_root_equals_that_of_an_unknown_community(site, records, route):
    document, variables = route.document(records["10002"])
    for owner, stranger in permutations(COMMUNITIES, 2):
        token = site.mint(communities=[stranger])
        nothing = await site.ask(document, with_community(variables, UNKNOWN_COMMUNITY), token)
        answer, calls = await site.ask_and_count(document, with_community(variables, owner), token)

        assert answer.data == {route.fields[0].name: None}
        assert said(answer) == said(nothing)
        assert not calls


@pytest.mark.parametrize("route", [*BY_ID, *WRITES], ids=str)
async def test_foreign_record_equals_an_unknown_one(site, records, route):
    for owner, stranger in permutations(COMMUNITIES, 2):
        token = site.mint(communities=[stranger])
        document, variables = route.document(records[owner])
        _, made_up = route.document(dict.fromkeys(node_types(), NO_ID))
        site.sandbox.effects.clear()
        nothing = await site.ask(document, with_community(made_up, UNKNOWN_COMMUNITY), token)
        answer, calls = await site.ask_and_count(document, with_community(variables, owner), token)

        assert said(answer) == said(nothing)
        assert "FORBIDDEN" not in said(answer)
        assert not calls
        assert site.sandbox.effects.all() == []


@pytest.mark.parametrize("route", SUBSCRIPTIONS, ids=str)
@pytest.mark.parametrize("carried", [over_websocket, over_event_stream], ids=["WebSocket", "event stream"])
async def test_foreign_subscription_completes_without_an_event(site, records, route, carried):
    document = f'subscription {{ {route.fields[0].name}(communityCode: "10002") {{ __typename }} }}'

    received = await carried(site.gateway.url, site.mint(communities=["00001"]), document, {})

    assert all('"complete"' in message for message in received)
    assert not len(site.gateway.parts.watches)


@pytest.mark.parametrize("code", COMMUNITIES)
async def test_caller_sees_ids_of_its_community_only(site, records, code):
    """On every path: each field of the schema is asked for, from each root."""
    token, seen = site.mint(communities=[code]), set()
    own = {f"{place.removeprefix('Query.')}.id": f'"{records[code][kind]}"' for place, kind in RECORD_TYPES.items()}
    node = {
        "node.id": f'"{records[code]["House"]}"',
        "nodes.ids": f"[{', '.join(map(quoted, records[code].values()))}]",
    }
    for name, query in WholeSchema("first: 20", {**own, **node}).queries.items():
        answer = await site.ask(query.replace('"10002"', f'"{code}"'), None, token)
        for text in own_ids(answer):
            try:
                node = site.gateway.parts.ids.decode(text)
            except InvalidNodeIdError:
                continue  # the hash of a person or a member, who is of no community
            assert node.community_code == code, name
            seen.add(node.type_name)
        assert set(re.findall(r'"communityCode":"(\w+)"', answer.response.text)) <= {code}, name
    assert seen == set(node_types())


async def test_payment_by_mutation_needs_all_communities(site, records):
    """A notification does not say whose order it is of, and is delivered whatever it says."""
    document, variables = Route((Field("Mutation", "payCallback"),)).document({})
    document = document.replace("__typename", "outcome userErrors { code }")
    known = variables["v0"] | {"orderNumber": site.sandbox.world.orders_of["10002"][-1].number}
    for notification in (variables["v0"], known):
        answer = await site.ask(document, {"v0": notification}, site.mint(communities=["10002"]))

        assert answer.data["payCallback"] == {"outcome": "REFUSED", "userErrors": [{"code": "FORBIDDEN_COMMUNITY"}]}
