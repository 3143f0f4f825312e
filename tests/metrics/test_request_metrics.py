"""GraphQL requests and refusals, counted at the HTTP edge."""

import asyncio
import json
from collections import Counter

import httpx
import pytest
from exposed import value
from scraped import refusals, requests, scrape

from gateway.sandbox.faults import Fault, FaultKind


class TestRequests:
    async def test_requests_are_counted_by_operation_and_type(self, gateway):
        await gateway.ask("query Listed { __typename }")
        await gateway.ask("query Listed { __typename }")
        await gateway.ask("query Unlisted { __typename }")
        await gateway.ask("{ __typename }")
        await gateway.ask('mutation OrdersPage { approveShenhe(input: { id: "nonsense" }) { userErrors { message } } }')

        counted = await requests(gateway)
        [mutation] = [key for key in counted if key[1] == "mutation"]
        assert mutation[0] == "OrdersPage"
        assert counted == {("Listed", "query", "ok"): 2, ("other", "query", "ok"): 2, mutation: 1}

    async def test_duration_falls_into_its_bucket(self, gateway, sandbox):
        sandbox.faults.set("WJDH", "modules", Fault(FaultKind.LATENCY, seconds=0.06))
        await gateway.ask('query Listed { modules(communityCode: "10002") { name } }')

        series, labels = await scrape(gateway), {"operation": "Listed", "type": "query", "outcome": "ok"}
        total = value(series, "gateway_request_seconds_sum", **labels)
        assert (total or 0) >= 0.06
        assert value(series, "gateway_request_seconds_bucket", **labels, le="0.05") == 0
        assert value(series, "gateway_request_seconds_bucket", **labels, le="10.0") == 1

    async def test_outcome_is_partial_or_the_code_of_the_error(self, gateway, sandbox):
        sandbox.faults.set("WJDH", "modules", Fault(FaultKind.GARBAGE))
        partial = await gateway.ask('query Listed { __typename modules(communityCode: "10002") { name } }')
        assert partial.partial is not None

        counted = await requests(gateway)
        assert counted == {("Listed", "query", "partial"): 1}
        assert value(await scrape(gateway), "gateway_errors_total", code=partial.code) == 1

    async def test_refused_request_keeps_its_listed_name(self, gateway):
        body = {"query": "query Listed { nothing }", "operationName": "Listed"}
        await gateway.client.post("/graphql", json=body)
        await gateway.client.post("/graphql", json=body | {"operationName": "199000 00001"})

        failed = "GRAPHQL_VALIDATION_FAILED"
        assert await requests(gateway) == {("Listed", "unknown", failed): 1, ("other", "unknown", failed): 1}

    async def test_request_whose_client_leaves_is_cancelled(self, gateway, sandbox):
        sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HANG))
        with pytest.raises(httpx.ReadTimeout):
            await gateway.client.post(
                "/graphql", json={"query": 'query Listed { modules(communityCode: "10002") { name } }'}, timeout=0.2
            )
        async with asyncio.timeout(60):
            while await requests(gateway) != {("Listed", "query", "cancelled"): 1}:  # noqa: ASYNC110 # there is no event
                await asyncio.sleep(0.01)

    @pytest.mark.parametrize("extra", [{"GATEWAY_CALL_TIMEOUT": "0.2"}])
    async def test_upstream_timeout_is_no_refusal(self, gateway, sandbox):
        sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HANG))
        await gateway.ask('query Listed { modules(communityCode: "10002") { name } }')

        [(_, _, outcome)] = await requests(gateway)
        assert outcome in ("partial", "UPSTREAM_TIMEOUT")
        assert await refusals(gateway) == {}

    async def test_trusted_documents_name_operations(self, environ, serve, tmp_path):
        manifest = tmp_path / "manifest.json"
        manifest.write_text(json.dumps({"1": "query Trusted { __typename }", "2": "query Broken { nothing }"}))
        settings = {"GATEWAY_TRUSTED_DOCUMENTS": str(manifest), "GATEWAY_TRUSTED_DOCUMENTS_MODE": "report"}
        async with serve(environ | settings) as gateway:
            for name in ("Trusted", "Listed", "Broken", "Unlisted"):
                await gateway.ask(f"query {name} {{ __typename }}")

            assert await requests(gateway) == {
                ("Trusted", "query", "ok"): 1,
                ("Listed", "query", "ok"): 1,
                ("other", "query", "ok"): 2,
            }


SMALL = {"GATEWAY_MAX_DEPTH": "3", "GATEWAY_COST_LIMIT": "3"}

REFUSED = {
    "tokens": {"query": "{" + "__typename " * 2100 + "}"},
    "characters": {"query": "{ __typename }" + " " * 65_000},
    "depth": {"query": '{ community(code: "1") { orders { nodes { house { address } } } } }'},
    "aliases": {"query": "{" + "".join(f"a{n}: __typename " for n in range(31)) + "}"},
    "rootFields": {"query": "{" + "__typename " * 21 + "}"},
    "directives": {"query": "{ __typename " + "@skip(if: false) " * 51 + "}"},
    "cost": {"query": '{ orders(communityCode: "10002", first: 100) { totalCount } }'},
    "bytes": {"query": "{ __typename }" + "," * 270_000},
    "variables": {"query": "{ __typename }", "variables": {"a": "b" * 70_000}},
    "nesting": {"query": "{ __typename }", "variables": {"a": json.loads("[" * 40 + "]" * 40)}},
    "answer": {"query": '{ modules(communityCode: "10002") { name } }'},
}


@pytest.mark.parametrize("extra", [SMALL])
class TestLimits:
    async def test_refusal_is_counted_by_its_limit(self, serve, environ, monkeypatch):
        monkeypatch.setattr("gateway.app.LARGEST_ANSWER", 100)
        async with serve(environ) as gateway:
            for limit, body in REFUSED.items():
                [error] = (await gateway.client.post("/graphql", json=body)).json()["errors"]
                assert (error["extensions"]["code"], error["extensions"]["limit"]) == ("QUERY_TOO_COMPLEX", limit)
            counted, outcomes = await refusals(gateway), {key[2] for key in await requests(gateway)}

        assert counted == {("QUERY_TOO_COMPLEX", limit): 1 for limit in REFUSED}
        assert outcomes == {"QUERY_TOO_COMPLEX"}


class TestRefusals:
    @pytest.mark.parametrize("extra", [{"GATEWAY_RATE_LIMIT": "2"}])
    async def test_rate_limit_is_counted(self, gateway):
        for _ in range(5):
            await gateway.client.post("/graphql", json={"query": "{ __typename }"})

        assert await refusals(gateway) == {("RATE_LIMITED", "rate"): 3}

    async def test_refusal_is_counted_by_its_code(self, gateway):
        bodies: list[tuple[str, dict[str, object]]] = [
            ("GRAPHQL_PARSE_FAILED", {"query": "{"}),
            ("GRAPHQL_VALIDATION_FAILED", {"query": "{ nothing }"}),
            ("BAD_USER_INPUT", {"query": "query ($id: ID!) { node(id: $id) { id } }"}),
            ("BAD_USER_INPUT", {"query": 1}),
            ("PERSISTED_QUERY_NOT_FOUND", {"documentId": "sha256:" + "0" * 64}),
        ]
        for _, body in bodies:
            await gateway.client.post("/graphql", json=body)

        assert await refusals(gateway) == Counter((code, "") for code, _ in bodies)
        assert {outcome for _, _, outcome in await requests(gateway)} == {code for code, _ in bodies}

    async def test_unknown_caller_and_wrong_method_are_counted(self, gateway):
        await gateway.stranger.post("/graphql", json={"query": "{ __typename }"})
        await gateway.client.put("/graphql", json={"query": "{ __typename }"})
        await gateway.client.get("/graphql", headers={"host": "evil.example"})

        assert await refusals(gateway) == {
            ("UNAUTHENTICATED", ""): 1,
            ("METHOD_NOT_ALLOWED", ""): 1,
            ("BAD_USER_INPUT", ""): 1,
        }

    async def test_refusals_of_the_server_are_counted(self, gateway):
        await gateway.client.get("/graphql?query=" + "a" * 20_000)
        await gateway.client.get("/graphql", headers={"x-long": "a" * 40_000})

        assert await refusals(gateway) == {("QUERY_TOO_COMPLEX", "bytes"): 1, ("QUERY_TOO_COMPLEX", "headers"): 1}

    async def test_untrusted_document_is_counted(self, environ, serve, tmp_path):
        manifest = tmp_path / "manifest.json"
        manifest.write_text(json.dumps({"1": "query Trusted { __typename }"}))
        async with serve(environ | {"GATEWAY_TRUSTED_DOCUMENTS": str(manifest)}) as gateway:
            await gateway.ask("{ __typename }")

            assert await refusals(gateway) == {("QUERY_NOT_IN_SAFELIST", ""): 1}
