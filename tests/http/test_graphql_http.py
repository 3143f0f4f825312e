"""GraphQL over HTTP: methods, media types, statuses, headers (draft of the GraphQL Foundation)."""

from typing import Any

import httpx
import pytest
from both_languages import require_chinese
from graphql_server import Server

RESPONSE_JSON = "application/graphql-response+json"
URQL_ACCEPT = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)


def only_error_code(response: httpx.Response) -> str:
    """The code of the only error."""
    (error,) = response.json()["errors"]
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    require_chinese([error])
    return error["extensions"]["code"]


def ask(client: httpx.Client, query: str, accept: str = RESPONSE_JSON, **more: object) -> httpx.Response:
    return client.post("/graphql", json={"query": query, **more}, headers={"accept": accept})


def test_query_is_answered_by_post(client: httpx.Client) -> None:
    response = ask(client, "query Q($n: String!) { hello(name: $n) }", variables={"n": "门"}, operationName="Q")
    assert response.status_code == 200
    assert response.json() == {"data": {"hello": "hello 门"}}
    assert response.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_query_is_answered_by_get(client: httpx.Client) -> None:
    query = {"query": "query A($n: String) { hello(name: $n) } query B { hello }", "operationName": "A"}
    response = client.get("/graphql", params={**query, "variables": '{"n": "you"}', "extensions": ""})
    assert response.status_code == 200
    assert response.json() == {"data": {"hello": "hello you"}}


def test_mutation_is_not_run_by_get(client: httpx.Client, server: Server) -> None:
    before = server.watched.resolved
    response = client.get("/graphql", params={"query": "mutation { touch }"})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert only_error_code(response) == "METHOD_NOT_ALLOWED"
    assert server.watched.resolved == before
    assert ask(client, "mutation { touch }").json() == {"data": {"touch": True}}


def test_subscription_is_refused(client: httpx.Client) -> None:
    response = ask(client, "subscription { ticks }")
    assert (response.status_code, only_error_code(response)) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_unsupported_methods_are_405(client: httpx.Client, method: str) -> None:
    response = client.request(method, "/graphql")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")
    assert only_error_code(response) == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("accept", ["multipart/mixed", "text/html", "application/json;q=0"])
def test_unsupported_media_type_is_406(client: httpx.Client, accept: str) -> None:
    response = ask(client, "{ hello }", accept)
    assert (response.status_code, only_error_code(response)) == (406, "BAD_USER_INPUT")


def test_urql_gets_one_json_answer(client: httpx.Client) -> None:
    response = ask(client, "{ hello }", URQL_ACCEPT)
    assert response.headers["content-type"].startswith(RESPONSE_JSON)
    assert response.json() == {"data": {"hello": "hello world"}}


@pytest.mark.parametrize("others", [["text/html"], ["text/html", "multipart/mixed"]])
def test_accept_lines_are_combined(client: httpx.Client, others: list[str]) -> None:
    for accepts in ([RESPONSE_JSON, *others], [*others, RESPONSE_JSON]):
        headers = [("accept", accept) for accept in accepts]
        response = client.post("/graphql", json={"query": "{ hello }"}, headers=headers)
        assert response.status_code == 200
        assert response.headers["content-type"].startswith(RESPONSE_JSON)


@pytest.mark.parametrize("content_type", ["application/json;charset=UTF-8", 'Application/JSON; charset="utf-8"'])
def test_utf_8_may_be_named(client: httpx.Client, content_type: str) -> None:
    response = client.post("/graphql", content=b'{"query": "{ hello }"}', headers={"content-type": content_type})
    assert response.status_code == 200


WRONG_DOCUMENTS = [
    ("{", {}, "GRAPHQL_PARSE_FAILED"),
    ("", {}, "GRAPHQL_PARSE_FAILED"),
    ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("fragment F on Query { hello }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ("query A { hello } query B { hello }", {}, "BAD_USER_INPUT"),
    ("query A { hello }", {"operationName": "B"}, "BAD_USER_INPUT"),
    ("query Q($n: String!) { hello(name: $n) }", {}, "BAD_USER_INPUT"),
    ("query Q($n: String!) { hello(name: $n) }", {"variables": {"n": 1}}, "BAD_USER_INPUT"),
    ("{ a: hello b: hello c: hello d: hello e: hello f: hello }", {}, "QUERY_TOO_COMPLEX"),
]


@pytest.mark.parametrize(("query", "more", "code"), WRONG_DOCUMENTS)
def test_wrong_document_status_depends_on_media_type(
    client: httpx.Client, query: str, more: dict[str, Any], code: str
) -> None:
    response = ask(client, query, **more)
    assert (response.status_code, only_error_code(response)) == (400, code)
    assert "data" not in response.json()
    response = ask(client, query, "application/json", **more)
    assert (response.status_code, only_error_code(response)) == (200, code)
    assert "data" not in response.json()


def test_error_names_argument_or_limit_and_bound(client: httpx.Client) -> None:
    for query, more, named in (
        ("query A { hello }", {"operationName": "B"}, {"argument": "operationName"}),
        ("{ nested " * 6 + "{ hello }" + " }" * 6, {}, {"limit": "depth", "bound": 6, "requested": 7}),
    ):
        (error,) = ask(client, query, **more).json()["errors"]
        assert named.items() <= error["extensions"].items()


@pytest.mark.parametrize(
    ("token", "status", "code", "header"),
    [
        ("bad", 401, "UNAUTHENTICATED", ("www-authenticate", "Bearer")),
        ("weak", 403, "FORBIDDEN", None),
        ("greedy", 429, "RATE_LIMITED", ("retry-after", "2")),
    ],
)
@pytest.mark.parametrize("accept", [RESPONSE_JSON, "application/json"])
def test_refusal_status_is_equal_in_both_media_types(
    client: httpx.Client, token: str, status: int, code: str, header: tuple[str, str] | None, accept: str
) -> None:
    headers = {"authorization": f"Bearer {token}", "accept": accept}
    response = client.post("/graphql", json={"query": "{"}, headers=headers)
    assert (response.status_code, only_error_code(response)) == (status, code)
    if header:
        assert response.headers[header[0]] == header[1]


def test_well_formed_request_id_is_echoed(client: httpx.Client) -> None:
    headers = {"x-request-id": "order-7.a_B"}
    response = client.post("/graphql", json={"query": "{ fails }"}, headers=headers)
    assert response.headers["x-request-id"] == "order-7.a_B"
    assert response.json()["errors"][0]["extensions"]["requestId"] == "order-7.a_B"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "<script>", "é"])
def test_ill_formed_request_id_is_replaced(client: httpx.Client, given: str) -> None:
    response = client.post("/graphql", json={"query": "{ hello }"}, headers={b"x-request-id": given.encode()})
    assert len(response.headers["x-request-id"]) == 16


def test_answer_to_head_has_no_body(client: httpx.Client) -> None:
    for _ in range(2):  # on one connection, which would be out of step
        response = client.head("/graphql", params={"query": "{ hello }"})
        assert (response.status_code, response.headers["allow"], response.content) == (405, "GET, POST", b"")
