"""GraphQL over HTTP: methods, media types, statuses, headers (draft of the GraphQL Foundation); and documents by their
hash, in the protocol that Apollo Client and urql speak, and by `documentId`.
"""

import asyncio
import json
import subprocess
from hashlib import sha256
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


async def test_query_is_answered_by_post_and_get(gateway):
    query = "query Q($code: ID!) { community(code: $code) { code } } query Other { viewer { subject } }"
    given = {"query": query, "operationName": "Q", "variables": '{"code": "10002"}', "extensions": ""}
    by_get = await gateway.client.get("/graphql", params=given)
    response = await ask(gateway, query, variables={"code": "10002"}, operationName="Q")
    assert by_get.json()["data"] == response.json()["data"] == {"community": {"code": "10002"}}
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


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


ACCEPTED: list[tuple[str | list[str], str | None]] = [
    ([], JSON),
    (["text/html", "multipart/mixed", GRAPHQL], GRAPHQL),
    ([GRAPHQL, "text/html"], GRAPHQL),
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
"""A header, or several lines of it, and the media type of the answer; None: they are not acceptable."""


async def test_best_acceptable_media_type_is_chosen(gateway):
    gateway.client.headers.pop("accept")
    for accept, chosen in ACCEPTED:
        headers = [("accept", line) for line in ([accept] if isinstance(accept, str) else accept)]
        response = await gateway.client.post("/graphql", json={"query": VIEWER}, headers=headers)
        if chosen is None:
            assert status_and_code(response) == (406, "BAD_USER_INPUT"), accept
        else:
            assert response.headers["content-type"] == f"{chosen}; charset=utf-8", accept
            assert ("data" in response.text) is True, accept


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


async def run_in_node(gateway, program: str, *arguments: str) -> list[Any]:
    """The lines of JSON that it prints."""
    command = ("node", program, f"{gateway.url}/graphql", gateway.token, *arguments)
    running = await asyncio.create_subprocess_exec(*command, cwd=NODE, stdout=subprocess.PIPE)
    printed, _ = await asyncio.wait_for(running.communicate(), 120)
    return [json.loads(line) for line in printed.splitlines()]


@pytest.mark.node
@pytest.mark.usefixtures("installed")
async def test_every_audit_of_graphql_http_passes(gateway):
    """Those of the npm package graphql-http: every MUST, SHOULD and MAY of GraphQL over HTTP."""
    audits = await run_in_node(gateway, "audit.mjs")
    assert len(audits) >= 60
    assert {audit["name"].split()[0] for audit in audits} == {"MUST", "SHOULD", "MAY"}
    assert [audit for audit in audits if audit["status"] != "ok"] == []


HASH = sha256(VIEWER.encode()).hexdigest()
PERSISTED = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": HASH}}}


async def post(gateway, **body):
    return await gateway.client.post("/graphql", json=body)


async def get(gateway, **parameters):
    given = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
    return await gateway.client.get("/graphql", params=given)


async def test_document_sent_with_its_hash_is_found_by_hash(gateway):
    for accept, status in (("application/json", 200), ("application/graphql-response+json", 400)):
        unknown = await gateway.client.post("/graphql", json=PERSISTED, headers={"accept": accept})
        [error] = unknown.json()["errors"]
        assert (unknown.status_code, error["message"]) == (status, "PersistedQueryNotFound")
        assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"

    registered = await post(gateway, query=VIEWER, **PERSISTED)
    assert registered.json()["data"] == {"viewer": {"subject": "developer"}}

    for ask in (post, get):
        for named in (PERSISTED, {"documentId": f"sha256:{HASH}"}, {"documentId": HASH}, {"doc_id": HASH}):
            assert (await ask(gateway, **named)).json()["data"] == {"viewer": {"subject": "developer"}}


@pytest.mark.node
@pytest.mark.usefixtures("installed")
async def test_apollo_and_urql_send_each_document_once(gateway):
    """The second client finds the text known: urql sends no `__typename`, so its text is another than Apollo's."""
    by_post, by_get = "query ByPost { viewer { subject } }", "query ByGet { viewer { subject } }"
    lines = await run_in_node(gateway, "persist.mjs", by_post, by_get)

    assert [(line["client"], line["sent"]) for line in lines] == [
        ("Apollo Client", ["POST hash", "POST text", "POST hash"]),
        ("Apollo Client", ["GET hash", "POST text", "GET hash"]),
        ("urql", ["POST hash", "POST text", "POST hash"]),
        ("urql", ["GET hash", "GET text", "GET hash"]),
    ]
    subjects = [answer["viewer"]["subject"] for line in lines for answer in line["answers"]]
    assert subjects == ["developer"] * 8
