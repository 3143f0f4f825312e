"""Each scope and each field that requires it: without it the field is null and costs no call.

The fields are those of the executable schema, so a new one is tested as soon as it is there.
"""

from typing import Any

import pytest
import pytest_asyncio
from graphql import is_interface_type
from schema_routes import SCHEMA, Field, Ids, Route, node_types, routes_to, scoped_fields
from wire import over_event_stream, over_websocket

from gateway.auth.principal import Scope
from gateway.journal.listing import Cut, OperationQuery
from schema.build import get_scopes

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRITTEN = """
mutation Written {
  announcement: createAnnouncement(input: {
    communityCode: "10002", title: "停水通知", content: "明日停水", idempotencyKey: "a"
  }) { operation { id } announcement { id } }
  payment: payCallback(input: {
    orderNumber: "20201213104757994399", shopNumber: "1900000109", weixinNumber: "4200000202"
  }) { payment { id } }
}
"""
LISTED = """
{ community(code: "10002") {
    id modules { id } house(building: 1, unit: 1, floor: 1, room: 101) { id }
    shenhes(filter: { status: PENDING }, first: 1) { nodes { id } } orders(first: 1) { nodes { id } }
    repairs(filter: { status: OPEN }, first: 1) { nodes { id } } } }
"""

ROUTES = [route for field in scoped_fields() for route in routes_to(field)]
READS = [route for route in ROUTES if route.fields[0].parent == "Query"]
PAYLOADS = [route for route in ROUTES if route.fields[0].parent == "Mutation" and len(route.fields) > 1]
MUTATIONS = [Route((Field("Mutation", name),)) for name in SCHEMA.mutation_type.fields]
NODES = [Route((Field("Query", "node"),), on=name) for name in node_types()]
SUBSCRIPTIONS = [Route((Field("Subscription", name),)) for name in SCHEMA.subscription_type.fields]
NODE_SCOPES = {
    "Announcement": "announcement:read",
    "Community": None,
    "House": "people:read",
    "Module": "module:read",
    "Operation": "operation:read",
    "Order": "order:read",
    "Payment": "payment:read",
    "Repair": "repair:read",
    "Shenhe": "shenhe:read",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ids(site: Any) -> Ids:
    """A record of each type that has a node id."""
    written = (await site.ask(WRITTEN)).data
    listed = (await site.ask(LISTED)).data["community"]
    return {
        "Announcement": written["announcement"]["announcement"]["id"],
        "Operation": written["announcement"]["operation"]["id"],
        "Payment": written["payment"]["payment"]["id"],
        "Community": listed["id"],
        "Module": listed["modules"][0]["id"],
        "House": listed["house"]["id"],
        **{
            name: listed[field]["nodes"][0]["id"]
            for name, field in (("Shenhe", "shenhes"), ("Order", "orders"), ("Repair", "repairs"))
        },
    }


def needed(route: Route) -> set[str]:
    by_id = NODE_SCOPES[route.on] if route.on else None
    return {*route.scopes} | ({by_id} if by_id else set())


def refusals(answer: Any) -> list[dict[str, Any]]:
    return [error for error in answer.body.get("errors", []) if error["extensions"]["code"] == "FORBIDDEN"]


def value_at(data: Any, path: list[str | int]) -> Any:
    for part in path:
        data = data[part]
    return data


async def test_node_types_have_a_scope_in_the_matrix(ids):
    assert set(NODE_SCOPES) == set(ids) == set(node_types())


async def test_every_scope_of_a_record_guards_a_field():
    guarded = set().union(*(needed(route) for route in [*ROUTES, *NODES]))
    assert guarded == set(Scope) - {Scope.PII_READ, Scope.TRACE_READ, Scope.SCHEMA_INTROSPECT}


async def test_interface_requires_the_scopes_of_its_types():
    for interface in filter(is_interface_type, SCHEMA.type_map.values()):
        for name, field in interface.fields.items():
            for implementation in SCHEMA.get_possible_types(interface):
                assert get_scopes(implementation.fields[name]) == get_scopes(field)


@pytest.mark.parametrize("route", [*READS, *NODES], ids=str)
async def test_field_without_its_scope_is_null_and_costs_no_call(site, ids, route):
    document, variables = route.document(ids)
    answer = await site.ask(document, variables, site.mint(needed(route)))
    assert "errors" not in answer.body, "the scopes it declares are enough"

    before = route.document(ids, without_last=True) if len(route.fields) > 1 else ("{ __typename }", {})
    for scope in Scope:
        token = site.mint(set(Scope) - {scope})
        answer, calls = await site.ask_and_count(document, variables, token)

        if scope not in needed(route):
            assert "errors" not in answer.body, scope
            continue
        _, calls_before = await site.ask_and_count(*before, token)
        assert calls <= calls_before
        assert refusals(answer) == answer.errors
        for error in answer.errors:
            assert error["extensions"]["missingScope"] == scope
            assert value_at(answer.partial, error["path"]) is None


@pytest.mark.parametrize("route", MUTATIONS, ids=str)
async def test_mutation_without_its_scope_does_not_begin(site, ids, route):
    document, variables = route.document(ids)
    [scope] = route.fields[0].scopes
    written = await site.gateway.parts.journal.operations.list(OperationQuery(), Cut(1))

    answer, calls = await site.ask_and_count(document, variables, site.mint(set(Scope) - {scope}))

    assert answer.partial == {route.fields[0].name: None}
    assert answer.error["extensions"] | {"messageZh": "", "requestId": ""} == {
        "code": "FORBIDDEN",
        "missingScope": scope,
        "messageZh": "",
        "requestId": "",
    }
    assert not calls
    assert await site.gateway.parts.journal.operations.list(OperationQuery(), Cut(1)) == written


@pytest.mark.parametrize("route", MUTATIONS, ids=str)
async def test_mutation_needs_only_its_scope(site, ids, route):
    document, variables = route.document(ids)

    answer = await site.ask(document, variables, site.mint(route.scopes))

    assert "errors" not in answer.body
    assert answer.data[route.fields[0].name]


@pytest.mark.parametrize("route", PAYLOADS, ids=str)
async def test_payload_field_requires_its_own_scope(site, ids, route):
    document, variables = route.document(ids)
    for scope in route.fields[-1].scopes - route.fields[0].scopes:
        answer = await site.ask(document, variables, site.mint(set(Scope) - {scope}))

        assert {error["extensions"]["missingScope"] for error in refusals(answer)} == {scope}
        for error in answer.errors:
            assert error["path"][-1] == route.fields[-1].name
            assert value_at(answer.partial, error["path"]) is None
            assert value_at(answer.partial, error["path"][:1]) is not None


@pytest.mark.parametrize("route", [route for route in SUBSCRIPTIONS if route.scopes], ids=str)
@pytest.mark.parametrize("carried", [over_websocket, over_event_stream], ids=["WebSocket", "event stream"])
async def test_subscription_requires_exactly_its_scope(site, ids, route, carried):
    document, variables = route.document(ids)
    [scope] = route.scopes

    [refused] = await carried(site.gateway.url, site.mint(set(Scope) - {scope}), document, variables)
    begun = await carried(site.gateway.url, site.mint({scope}), document, variables)

    assert '"code":"FORBIDDEN"' in refused
    assert f'"missingScope":"{scope}"' in refused
    assert begun == []


@pytest.mark.parametrize("route", [route for route in SUBSCRIPTIONS if not route.scopes], ids=str)
async def test_subscription_to_the_callers_own_requires_no_scope(site, ids, route):
    document, variables = route.document(ids)

    assert route.fields[0].name == "operationEvents"
    assert await over_websocket(site.gateway.url, site.mint(set()), document, variables) == []
