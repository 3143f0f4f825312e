"""Each community and each path to its records: records of other communities look nonexistent.

"As if it were not there" is the very same answer that is given for a community or an id which nobody has.
"""

import re
from itertools import permutations
from typing import Any

import pytest
import pytest_asyncio
from records import read_record_ids
from schema_routes import Field, Ids, Route, WholeSchema, node_types, root_routes
from wire import over_event_stream, over_websocket

from gateway.auth.node_ids import InvalidNodeIdError

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMUNITIES = ("10002", "00001", "00002", "10003")
UNKNOWN_COMMUNITY = "99999"
NO_ID = "AXNobody-s-record"


def routes_with(operation: str, *names: str) -> list[Route]:
    """To the root fields that have one of these arguments."""
    return [route for route in root_routes(operation) if set(names) & set(route.fields[0].definition.args)]


BY_ID = [Route((Field("Query", "node"),), on=name) for name in node_types()]
BY_ID += [route for route in routes_with("Query", "id") if route.fields[0].name != "node"]
WRITES = [route for route in root_routes("Mutation") if route.fields[0].name != "payCallback"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def records(site: Any) -> dict[str, Ids]:
    """For each community a record of each type that has a node id."""
    orders_of = site.sandbox.world.orders_of
    return {code: await read_record_ids(site.ask, code, orders_of[code][-1].number) for code in COMMUNITIES}


def with_community(value: Any, code: str, name: str = "") -> Any:
    """The same arguments for another community."""
    if isinstance(value, dict):
        return {each: with_community(its, code, each) for each, its in value.items()}
    if isinstance(value, list):
        return [with_community(its, code) for its in value]
    return code if value == "10002" or name == "communityCode" else value


def said(answer: Any) -> str:
    """The answer without what differs from one request to the next."""
    return re.sub(r'"requestId":"\w+"', "", answer.response.text)


@pytest.mark.parametrize("route", [*routes_with("Query", "communityCode", "code", "address"), *BY_ID, *WRITES], ids=str)
async def test_foreign_record_equals_an_unknown_one(site, records, route):
    for owner, stranger in permutations(COMMUNITIES, 2):
        token = site.mint(communities=[stranger])
        document, variables = route.document(records[owner])
        _, made_up = route.document(dict.fromkeys(node_types(), NO_ID))
        site.sandbox.effects.clear()
        nothing = await site.ask(document, with_community(made_up, UNKNOWN_COMMUNITY), token)
        answer, calls = await site.ask_and_count(document, with_community(variables, owner), token)

        assert said(answer) == said(nothing)
        if route not in WRITES:
            assert answer.data == {route.fields[0].name: None}
        assert "FORBIDDEN" not in said(answer)
        assert not calls
        assert site.sandbox.effects.all() == []


@pytest.mark.parametrize("route", routes_with("Subscription", "communityCode"), ids=str)
@pytest.mark.parametrize("carried", [over_websocket, over_event_stream], ids=["WebSocket", "event stream"])
async def test_foreign_subscription_completes_without_an_event(site, records, route, carried):
    document, variables = route.document({})

    received = await carried(site.gateway.url, site.mint(communities=["00001"]), document, variables)

    assert all('"complete"' in message for message in received)
    assert not len(site.gateway.parts.watches)


@pytest.mark.parametrize("code", COMMUNITIES[:2])
async def test_caller_sees_ids_of_its_community_only(site, records, code):
    """On every path: each field of the schema is asked for, from each root."""
    token, seen = site.mint(communities=[code]), set()
    for name, query in WholeSchema(records[code]).queries.items():
        answer = await site.ask(query.replace('"10002"', f'"{code}"'), None, token)
        for text in re.findall(r'"id":"([\w-]+)"', answer.response.text):
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
    known = variables["input"] | {"orderNumber": site.sandbox.world.orders_of["10002"][-1].number}
    for notification in (variables["input"], known):
        answer = await site.ask(document, {"input": notification}, site.mint(communities=["10002"]))

        assert answer.data["payCallback"] == {"outcome": "REFUSED", "userErrors": [{"code": "FORBIDDEN_COMMUNITY"}]}
