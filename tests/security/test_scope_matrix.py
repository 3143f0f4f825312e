"""Each scope and each field that requires it: without it the field is null and costs no call.

The fields are those of the executable schema, so a new one is tested as soon as it is there.
"""

from typing import Any

import pytest
import pytest_asyncio
from graphql import is_interface_type
from records import read_record_ids
from schema_routes import SCHEMA, Field, Ids, Route, node_types, root_routes, scoped_routes
from wire import over_event_stream, over_websocket

from gateway.auth.principal import Scope
from gateway.journal.listing import OperationQuery
from schema.build import get_scopes

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTES = [*scoped_routes()]
READS = [route for route in ROUTES if route.fields[0].parent == "Query"]
PAYLOADS = [route for route in ROUTES if route.fields[0].parent == "Mutation" and len(route.fields) > 1]
NODES = [Route((Field("Query", "node"),), on=name) for name in node_types()]
SUBSCRIPTIONS = root_routes("Subscription")
NODE_SCOPES = {
    "Announcement": {"announcement:read"},
    "Community": set(),
    "House": {"people:read"},
    "Module": {"module:read"},
    "Operation": {"operation:read"},
    "Order": {"order:read"},
    "Payment": {"payment:read"},
    "Repair": {"repair:read"},
    "Shenhe": {"shenhe:read"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ids(site: Any) -> Ids:
    """A record of each type that has a node id."""
    return await read_record_ids(site.ask, "10002", "20201213104757994399")


def needed(route: Route) -> set[str]:
    return {*route.scopes} | (NODE_SCOPES[route.on] if route.on else set())


def value_at(data: Any, path: list[str | int]) -> Any:
    for part in path:
        data = data[part]
    return data


def check_refused(answer: Any, scope: str) -> None:
    """All errors say that this scope is missing, and what they are of is null."""
    for error in answer.errors:
        assert (error["extensions"]["code"], error["extensions"]["missingScope"]) == ("FORBIDDEN", scope)
        assert value_at(answer.partial, error["path"]) is None


async def test_every_scope_of_a_record_guards_a_field(ids):
    guarded = set().union(*(needed(route) for route in [*ROUTES, *NODES]))
    assert guarded == set(Scope) - {Scope.PII_READ, Scope.TRACE_READ, Scope.SCHEMA_INTROSPECT}
    assert set(NODE_SCOPES) == set(ids) == set(node_types())


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
        check_refused(answer, scope)


@pytest.mark.parametrize("route", root_routes("Mutation"), ids=str)
async def test_mutation_requires_exactly_its_scope(site, ids, route):
    document, variables = route.document(ids)
    [scope] = route.fields[0].scopes
    operations = site.gateway.parts.journal.operations
    written = await operations.list(OperationQuery(), 1)

    answer, calls = await site.ask_and_count(document, variables, site.mint(set(Scope) - {scope}))

    assert answer.partial == {route.fields[0].name: None}
    check_refused(answer, scope)
    assert not calls
    assert await operations.list(OperationQuery(), 1) == written
    assert (await site.ask(document, variables, site.mint({scope}))).data[route.fields[0].name]


@pytest.mark.parametrize("route", PAYLOADS, ids=str)
async def test_payload_field_requires_its_own_scope(site, ids, route):
    document, variables = route.document(ids)
    for scope in route.fields[-1].scopes - route.fields[0].scopes:
        answer = await site.ask(document, variables, site.mint(set(Scope) - {scope}))

        check_refused(answer, scope)
        for error in answer.errors:
            assert error["path"][-1] == route.fields[-1].name
            assert value_at(answer.partial, error["path"][:1]) is not None


@pytest.mark.parametrize("route", SUBSCRIPTIONS, ids=str)
@pytest.mark.parametrize("carried", [over_websocket, over_event_stream], ids=["WebSocket", "event stream"])
async def test_subscription_requires_exactly_its_scope(site, ids, route, carried):
    document, variables = route.document(ids)
    for scope in route.scopes:
        [refused] = await carried(site.gateway.url, site.mint(set(Scope) - {scope}), document, variables)
        assert '"code":"FORBIDDEN"' in refused
        assert f'"missingScope":"{scope}"' in refused

    assert bool(route.scopes) == (route.fields[0].name != "operationEvents"), "the caller's own"
    assert await carried(site.gateway.url, site.mint(route.scopes), document, variables) == []
