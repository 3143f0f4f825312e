"""GraphQL over HTTP: methods, media types, statuses, headers (draft of the GraphQL Foundation)."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from both_languages import require_chinese

NODE = Path(__file__).parents[1] / "node"

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"
VIEWER = "{ viewer { subject } }"


async def ask(gateway, query: str, accept: str = GRAPHQL, **more: object) -> httpx.Response:
    return await gateway.client.post("/graphql", json={"query": query, **more}, headers={"accept": accept})


def only_error(response: httpx.Response) -> dict[str, Any]:
    """The extensions of the only error."""
    [error] = response.json()["errors"]
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    require_chinese([error])
    return error["extensions"]


def status_and_code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, only_error(response)["code"]


async def test_query_is_answered_by_post(gateway):
    query = "query Q($code: ID!) { community(code: $code) { code } } query Other { viewer { subject } }"
    response = await ask(gateway, query, variables={"code": "10002"}, operationName="Q")
    assert response.json()["data"] == {"community": {"code": "10002"}}
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_query_is_answered_by_get(gateway):
    query = {"query": "query A($code: ID!) { community(code: $code) { code } } query B { viewer { subject } }"}
    given = {"operationName": "A", "variables": '{"code": "10002"}', "extensions": ""}
    response = await gateway.client.get("/graphql", params=query | given)
    assert response.json()["data"] == {"community": {"code": "10002"}}


async def test_other_asgi_server_gets_the_same_answers(gateway):
    """It has none of the extensions."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(gateway.app), base_url=gateway.url) as client:
        for query, expected in ((VIEWER, {"data"}), ("{", {"errors"})):
            bearer = {"authorization": f"Bearer {gateway.token}"}
            answer = await client.post("/graphql", json={"query": query}, headers=bearer)
            assert set(answer.json()) - {"extensions"} == expected


async def test_mutation_is_not_run_by_get(gateway, sandbox):
    mutation = 'mutation { setModule(input: {communityCode: "10002", name: REPAIRS, enabled: true}) { outcome } }'
    response = await gateway.client.get("/graphql", params={"query": mutation})
    assert (status_and_code(response), response.headers["allow"]) == ((405, "METHOD_NOT_ALLOWED"), "POST")
    assert sandbox.calls == []


async def test_subscription_is_refused(gateway):
    assert status_and_code(await ask(gateway, "subscription { paymentEvents { cursor } }")) == (400, "BAD_USER_INPUT")


async def test_unsupported_methods_are_405(gateway):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        response = await gateway.client.request(method, "/graphql")
        assert (status_and_code(response), response.headers["allow"]) == ((405, "METHOD_NOT_ALLOWED"), "GET, POST")
    for _ in range(2):  # on one connection, which would be out of step
        response = await gateway.client.head("/graphql", params={"query": VIEWER})
        assert (response.status_code, response.headers["allow"], response.content) == (405, "GET, POST", b"")


ACCEPTED = [
    (None, JSON),
    ("*/*", JSON),
    ("application/*", JSON),
    ("application/json", JSON),
    ("application/json, text/plain, */*", JSON),
    ("application/graphql-response+json", GRAPHQL),
    ("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", GRAPHQL),
    ("application/json, application/graphql-response+json", GRAPHQL),
    ("application/json, application/graphql-response+json;q=1", GRAPHQL),
    ("application/graphql-response+json,application/json;q=0.9", GRAPHQL),
    ("application/graphql-response+json;q=0.5, application/json", JSON),
    ("application/graphql-response+json;q=0, */*", JSON),
    ("APPLICATION/GraphQL-Response+JSON", GRAPHQL),
    ("text/html, */*;q=0.1", JSON),
    ("application/json; version=1", JSON),
    ("text/html," * 200 + "application/json", JSON),
    ("application/graphql-response+json, application/graphql+json, application/json, text/event-stream", GRAPHQL),
    ("text/event-stream", EVENTS),
    ("Text/Event-Stream; charset=utf-8", EVENTS),
    ("text/event-stream, text/event-stream;q=0.5", EVENTS),
    ("text/event-stream, multipart/mixed", EVENTS),
    ("text/event-stream, application/json;q=0", EVENTS),
    ("text/event-stream, application/json", JSON),
    ("text/event-stream, application/graphql-response+json;q=0.1", GRAPHQL),
    ("text/event-stream, */*", JSON),
    ("text/event-streams", None),
    ("multipart/mixed", None),
    ("application/json;q=0", None),
    ("application/json;q=nonsense", None),
    ("application/json;q=nan", None),
    ("application/json;q=2", None),
    ("application/json; charset=gbk", None),
    ("", None),
    (";;,,q=1", None),
]
"""Headers, and the media type of the answer; None: they are not acceptable."""


async def test_best_acceptable_media_type_is_chosen(gateway):
    gateway.client.headers.pop("accept")
    for accept, chosen in ACCEPTED:
        headers = [] if accept is None else [("accept", accept)]
        response = await gateway.client.post("/graphql", json={"query": VIEWER}, headers=headers)
        if chosen is None:
            assert status_and_code(response) == (406, "BAD_USER_INPUT"), accept
        else:
            assert response.headers["content-type"] == f"{chosen}; charset=utf-8", accept
            assert ("data" in response.text) is True, accept


async def test_accept_lines_are_combined(gateway):
    for others in (["text/html"], ["text/html", "multipart/mixed"]):
        for accepts in ([GRAPHQL, *others], [*others, GRAPHQL]):
            headers = [("accept", accept) for accept in accepts]
            response = await gateway.client.post("/graphql", json={"query": VIEWER}, headers=headers)
            assert response.headers["content-type"].startswith(GRAPHQL)


WRONG_DOCUMENTS: list[tuple[str, dict[str, Any], str]] = [
    ("{", {}, "GRAPHQL_PARSE_FAILED"),
    ("", {}, "GRAPHQL_PARSE_FAILED"),
    ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("fragment F on Query { viewer { subject } }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("query A { __typename } query B { __typename }", {}, "BAD_USER_INPUT"),
    ("query A { __typename }", {"operationName": "B"}, "BAD_USER_INPUT"),
    ("query Q($n: ID!) { community(code: $n) { code } }", {}, "BAD_USER_INPUT"),
    ("query Q($n: ID!) { community(code: $n) { code } }", {"variables": {"n": True}}, "BAD_USER_INPUT"),
    ("{" + "".join(f"a{number}: __typename " for number in range(50)) + "}", {}, "QUERY_TOO_COMPLEX"),
]


async def test_wrong_document_status_depends_on_media_type(gateway):
    for query, more, code in WRONG_DOCUMENTS:
        for accept, status in ((GRAPHQL, 400), (JSON, 200)):
            response = await ask(gateway, query, accept, **more)
            assert status_and_code(response) == (status, code), query
            assert "data" not in response.json()


async def test_error_names_argument_or_limit_and_bound(gateway):
    wrong = await ask(gateway, "query A { __typename }", operationName="B")
    assert only_error(wrong)["argument"] == "operationName"
    deep = only_error(await ask(gateway, '{ __type(name: "A") ' + "{ ofType " * 20 + "{ name }" + " }" * 21))
    assert (deep["limit"], deep["requested"] > deep["bound"]) == ("depth", True)


@pytest.mark.settings(RATE_LIMIT="1")
async def test_refusal_status_is_equal_in_both_media_types(gateway):
    """Of a caller: what their request holds is not looked at."""
    await gateway.client.get("/graphql")
    for accept in (GRAPHQL, JSON):
        refused = [
            await client.post("/graphql", headers={"accept": accept}) for client in (gateway.stranger, gateway.client)
        ]
        assert [status_and_code(response) for response in refused] == [(401, "UNAUTHENTICATED"), (429, "RATE_LIMITED")]
        assert refused[0].headers["www-authenticate"] == "Bearer"
        assert 0 < int(refused[1].headers["retry-after"]) <= 60


async def test_only_a_well_formed_request_id_is_echoed(gateway):
    for given in ("order-7.a_B", "", "a b", "x" * 129, "<script>", "é"):
        response = await gateway.client.post("/graphql", json={"query": "{"}, headers={b"x-request-id": given.encode()})
        id_ = response.headers["x-request-id"]
        assert id_ == only_error(response)["requestId"]
        assert (id_ == given) is (given == "order-7.a_B")
        assert id_ == given or len(id_) == 16


@pytest.mark.node
@pytest.mark.usefixtures("installed")
async def test_every_audit_of_graphql_http_passes(gateway):
    """Those of the npm package graphql-http: every MUST, SHOULD and MAY of GraphQL over HTTP."""
    command = ["node", "audit.mjs", f"{gateway.url}/graphql", gateway.token]
    auditing = await asyncio.create_subprocess_exec(*command, cwd=NODE, stdout=subprocess.PIPE)
    printed, _ = await asyncio.wait_for(auditing.communicate(), 120)
    audits = [json.loads(line) for line in printed.splitlines()]
    assert len(audits) >= 60
    assert {audit["name"].split()[0] for audit in audits} == {"MUST", "SHOULD", "MAY"}
    assert [audit for audit in audits if audit["status"] != "ok"] == []
