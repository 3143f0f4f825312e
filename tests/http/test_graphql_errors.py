"""Errors as callers receive them, and details that are only logged."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.auth.principal import Principal

SECRET = "upstream said: 999302199211302517 at https://platform.example/"


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as entries:
        yield entries


def fail(*_: object) -> None:
    raise ValueError(SECRET)


@pytest.mark.settings(SECURITY_PEOPLE_PATH="")
async def test_gateway_error_is_reported_beside_partial_data(gateway):
    answer = await gateway.ask('{ __typename people(name: "王芳", phone: "19900000002") { name } }')
    assert answer.response.status_code == 200
    assert answer.partial == {"__typename": "Query", "people": None}
    assert answer.error == {
        "message": "The settings do not say where this endpoint is.",
        "locations": [{"line": 1, "column": 14}],
        "path": ["people"],
        "extensions": {
            "code": "NOT_CONFIGURED",
            "platform": "SECURITY",
            "endpoint": "people",
            "retryable": False,
            "messageZh": "设置中没有该接口的路径。",
            "requestId": answer.response.headers["x-request-id"],
        },
    }


@pytest.mark.usefixtures("execution")
async def test_unexpected_error_is_logged_without_details(gateway, monkeypatch, logs):
    monkeypatch.setattr(gateway.parts.reads, "of", fail)
    monkeypatch.setattr(Principal, "sees_all", property(fail))
    for query, partial in (
        ('{ __typename modules(communityCode: "10002") { name } }', {"__typename": "Query", "modules": None}),
        ("{ viewer { seesAllCommunities } }", None),
    ):
        logs.clear()
        answer = await gateway.ask(query)
        assert (answer.response.status_code, answer.partial) == (200, partial)
        assert answer.response.text.startswith('{"data":')
        assert (answer.error["message"], answer.code) == ("Internal error", "INTERNAL")
        [entry] = [entry for entry in logs if entry["event"] == "unexpected error"]
        assert (entry["request_id"], entry["error"]) == (answer.response.headers["x-request-id"], "ValueError")
        assert "9993" not in answer.response.text + json.dumps(logs)


async def test_fault_outside_the_query_is_a_coded_500(gateway, monkeypatch, logs):
    monkeypatch.setattr(gateway.parts.admission, "admit", fail)
    answer = await gateway.ask("{ __typename }")
    assert (answer.response.status_code, answer.code) == (500, "INTERNAL")
    assert [entry["error"] for entry in logs] == ["ValueError"]
    assert SECRET not in answer.response.text + json.dumps(logs)


async def test_error_messages_are_short(gateway):
    name = "x" * 5000
    for query, more in ((f"{{ {name} }}", {}), ("{ __typename }", {"operationName": name})):
        assert len((await gateway.ask(query, **more)).error["message"]) < 200


async def test_error_messages_mask_numbers_of_persons(gateway):
    number = 999302199211302517
    query = "query ($names: [String!]) { dictionaries(names: $names) { name } }"
    for document, variables in ((query, {"names": [number]}), (f"{{ dictionaries(names: {number}) {{ name }} }}", {})):
        error = (await gateway.ask(document, variables)).error
        assert str(number) not in error["message"]


async def test_long_numeric_id_is_exact(gateway):
    """Quirk 77: order numbers are beyond 64 bits, and one sent as a number must not lose its last digits."""
    number = 20201118110146999999
    answer = await gateway.ask("query ($id: ID!) { community(code: $id) { code } }", {"id": number})
    assert answer.data == {"community": {"code": str(number)}}
