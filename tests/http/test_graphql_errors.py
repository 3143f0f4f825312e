"""Errors as callers receive them, and details that are only logged."""

import json
from typing import Any

import httpx
import pytest
from both_languages import require_chinese
from graphql_server import SECRET
from structlog.testing import capture_logs

ACCEPT = {"accept": "application/graphql-response+json"}


def ask_for_errors(client: httpx.Client, query: str, **more: object) -> list[dict[str, Any]]:
    response = client.post("/graphql", json={"query": query, **more}, headers=ACCEPT)
    assert response.status_code < 500
    require_chinese(response.json()["errors"])
    return response.json()["errors"]


def test_gateway_error_is_reported_beside_partial_data(client: httpx.Client) -> None:
    response = client.post("/graphql", json={"query": "{ hello notConfigured }"}, headers=ACCEPT)
    assert response.status_code == 200
    assert response.json()["data"] == {"hello": "hello world", "notConfigured": None}
    (error,) = response.json()["errors"]
    assert error["message"] == "The settings do not say where this endpoint is."
    assert error["path"] == ["notConfigured"]
    assert error["locations"] == [{"line": 1, "column": 9}]
    assert error["extensions"] == {
        "code": "NOT_CONFIGURED",
        "platform": "SECURITY",
        "endpoint": "people",
        "retryable": False,
        "messageZh": "设置中没有该接口的路径。",
        "requestId": response.headers["x-request-id"],
    }


def test_missing_scope_in_a_query_is_status_200(client: httpx.Client) -> None:
    (error,) = ask_for_errors(client, "{ forbidden }")
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert error["extensions"]["missingScope"] == "people:read"


@pytest.mark.parametrize("query", ["{ fails }", "{ mistyped }", "{ required }", "{ nested { required } }"])
def test_unexpected_error_is_logged_without_details(client: httpx.Client, query: str) -> None:
    with capture_logs() as logs:
        response = client.post("/graphql", json={"query": query}, headers=ACCEPT)
    assert response.status_code == 200
    (error,) = response.json()["errors"]
    assert (error["message"], error["extensions"]["code"]) == ("Internal error", "INTERNAL")
    (entry,) = [entry for entry in logs if entry["event"] == "unexpected error"]
    assert entry["request_id"] == response.headers["x-request-id"]
    assert "9993" not in response.text + json.dumps(logs)
    assert SECRET not in response.text + json.dumps(logs)


def test_null_at_the_root_is_data_null(client: httpx.Client) -> None:
    response = client.post("/graphql", json={"query": "{ required }"}, headers=ACCEPT)
    assert response.text.startswith('{"data":null,"errors":[{')
    assert response.json()["errors"][0]["path"] == ["required"]


def test_fault_outside_the_query_is_a_coded_500(client: httpx.Client) -> None:
    with capture_logs() as logs:
        response = client.post("/graphql", json={"query": "{ hello }"}, headers={"authorization": "Bearer broken"})
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (500, "INTERNAL")
    assert logs[0]["error"] == "RuntimeError"
    assert SECRET not in response.text + json.dumps(logs)


def test_null_for_required_argument_is_bad_user_input(client: httpx.Client) -> None:
    (error,) = ask_for_errors(client, "query Q($n: String) { nested { hello(name: $n) } }", variables={"n": None})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["path"] == ["nested", "hello"]


def test_error_messages_are_short(client: httpx.Client) -> None:
    name = "x" * 5000
    for error in ask_for_errors(client, f"{{ {name} }}") + ask_for_errors(client, "{ hello }", operationName=name):
        assert len(error["message"]) < 200


def test_error_messages_mask_numbers_of_persons(client: httpx.Client) -> None:
    number = 999302199211302517
    for query, variables in (
        (f"{{ hello(name: {number}) }}", {}),
        ("query Q($n: String!) { hello(name: $n) }", {"n": number}),
    ):
        (error,) = ask_for_errors(client, query, variables=variables)
        assert str(number) not in error["message"]


def test_long_numeric_id_is_exact(client: httpx.Client) -> None:
    """Quirk 77: order numbers are beyond 64 bits, and one sent as a number must not lose its last digits."""
    number = 20201118110146999999
    body = {"query": "query Q($id: ID!) { echo(id: $id) }", "variables": {"id": number}}
    assert client.post("/graphql", json=body).json() == {"data": {"echo": str(number)}}
