"""What production hides. Each test compares it with development, where the same is open."""

import re
from typing import Any

from graphql_socket import connected

from gateway.auth.principal import Scope

INTROSPECTION = [
    "{ __schema { types { name } } }",
    '{ __type(name: "Order") { fields { name } } }',
    "{ ...All } fragment All on Query { a: __schema { queryType { name } } }",
    "query Q($all: Boolean = true) { __schema @include(if: $all) { queryType { name } } }",
]


async def test_production_hides_introspection_without_its_scope(gateway, production, issuer):
    closed = issuer.mint(" ".join(set(Scope) - {Scope.SCHEMA_INTROSPECT}))
    opened = issuer.mint("schema:introspect", "10002")
    for query in INTROSPECTION:
        answer = await production.ask(query, token=closed)
        assert answer.partial is None or set(answer.partial.values()) == {None}
        assert answer.code == "FORBIDDEN"
        assert "schema:introspect" in answer.error["message"]
        by_get = await production.stranger.get(
            "/graphql", params={"query": query}, headers={"authorization": f"Bearer {closed}"}
        )
        assert by_get.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"

        assert (await production.ask(query, token=opened)).data == (await gateway.ask(query)).data
    async with connected(production.url, token=closed) as socket:
        await socket.subscribe("1", "{ __schema { description } }")
        assert "FORBIDDEN" in str(await socket.receive("1"))

    answer = await production.ask('{ viewer { subject } __type(name: "Order") { name } }', token=closed)
    assert answer.partial == {"viewer": {"subject": "lin"}, "__type": None}
    assert answer.error["path"] == ["__type"]


async def test_explorer_opens_introspection_in_production(serve_production, issuer):
    async with serve_production(GATEWAY_EXPLORER="true") as served:
        page = await served.stranger.get("/")
        assert (page.status_code, 'data-token=""' in page.text) == (200, True)
        assert (await served.ask(INTROSPECTION[0], token=issuer.mint("order:read"))).data
        assert (await served.ask(INTROSPECTION[0], token="")).code == "UNAUTHENTICATED"


async def test_trailing_slash_is_404_without_redirect(production):
    """A form sent on has its credentials in it: by plain HTTP, and to whatever name the request had."""
    form = {"key_k": "k", "key_d": "d"}
    for path in ("/callbacks/token", "/callbacks/payment", "/metrics", "/healthz", "/readyz"):
        assert (await production.stranger.post(path, data=form)).status_code in (200, 405)
        answer = await production.stranger.post(f"{path}/", data=form, headers={"host": "attacker.example"})
        assert (answer.status_code, "location" in answer.headers) == (404, False), path


SUGGESTIONS: list[tuple[str, str, dict[str, Any], str]] = [
    ("field", "{ viewr { subject } }", {}, "viewer"),
    ("field of a type", "{ viewer { scope } }", {}, "scopes"),
    ("type", '{ node(id: "x") { ... on Ordr { id } } }', {}, "Order"),
    ("type of a variable", "query Q($f: ShenheFilte) { viewer { subject } }", {}, "ShenheFilter"),
    ("argument", '{ orders(communityCod: "10002") { totalCount } }', {}, "communityCode"),
    ("argument of a directive", "{ viewer @include(iff: true) { subject } }", {}, "if"),
    ("literal", '{ shenhes(communityCode: "10002", filter: { status: PENDIN }) { totalCount } }', {}, "PENDING"),
    ("literal's field", '{ shenhes(communityCode: "10002", filter: { statu: PENDING }) { totalCount } }', {}, "status"),
]

FILTERED = 'query Q($f: ShenheFilter) { shenhes(communityCode: "10002", filter: $f) { totalCount } }'
WITHIN = 'query Q($s: ShenheStatus) { shenhes(communityCode: "10002", filter: { status: $s }) { totalCount } }'
WRITTEN = "mutation M($i: SyncModulesInput!) { syncModules(input: $i) { outcome } }"

VARIABLES = [
    ("enum", WITHIN, {"s": "PENDIN"}, "PENDING"),
    ("enum in an input", FILTERED, {"f": {"status": "PENDIN"}}, "PENDING"),
    ("field of an input", FILTERED, {"f": {"statu": "PENDING"}}, "status"),
    ("field of a mutation's input", WRITTEN, {"i": {"communityCode": "10002", "dryRu": True}}, "dryRun"),
]


async def test_production_suggests_no_names(gateway, production, subtests):
    for _ in range(3):  # then it runs by a plan
        assert (await production.ask(WITHIN, {"s": "PENDING"})).data
    for case, query, variables, name in SUGGESTIONS + VARIABLES:
        with subtests.test(case):
            open_ = [error["message"] for error in (await gateway.ask(query, variables)).errors]
            assert any("Did you mean" in message and f"'{name}'" in message for message in open_), open_

            closed = await production.ask(query, variables)

            assert "Did you mean" not in closed.response.text
            assert not re.search(rf"'{name}'", closed.response.text)
            assert closed.errors[0]["extensions"]["code"] in ("GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT")


async def test_production_serves_no_explorer(gateway, production):
    script = re.findall(r'src="([^"]+)"', (await gateway.stranger.get("/")).text)[0]
    for path in ("/", f"/{script}", "/explorer/examples.json"):
        assert (await gateway.stranger.get(path)).status_code == 200

        assert (await production.stranger.get(path)).status_code == 404
