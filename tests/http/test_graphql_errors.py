"""Errors as callers receive them, and details that are only logged; their codes, in the schema and in the explorer."""

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.auth.principal import Principal
from gateway.sandbox.faults import Fault, FaultKind
from gateway.wording.codes import ErrorCode

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
    monkeypatch.setattr(gateway.parts.admission, "buckets", fail)
    answer = await gateway.ask("{ __typename }")
    assert (answer.response.status_code, answer.code) == (500, "INTERNAL")
    assert [entry["error"] for entry in logs] == ["ValueError"]
    assert SECRET not in answer.response.text + json.dumps(logs)


async def test_error_messages_are_short(gateway):
    name = "x" * 5000
    for query, more in ((f"{{ {name} }}", {}), ("{ __typename }", {"operationName": name})):
        assert len((await gateway.ask(query, **more)).error["message"]) < 200


async def test_long_numeric_id_is_exact(gateway):
    """Quirk 77: order numbers are beyond 64 bits, and one sent as a number must not lose its last digits."""
    number = 20201118110146999999
    answer = await gateway.ask("query ($id: ID!) { community(code: $id) { code } }", {"id": number})
    assert answer.data == {"community": {"code": str(number)}}


CODES = "{ errorCodes { code retryable message messageZh advice adviceZh } }"


@pytest.mark.usefixtures("execution")
async def test_error_codes_list_each_code_in_both_languages(gateway):
    entries = await gateway.read(CODES)
    assert [entry["code"] for entry in entries] == list(ErrorCode)
    for entry in entries:
        for english, chinese in (("message", "messageZh"), ("advice", "adviceZh")):
            assert re.fullmatch("[ -~]+\\.", entry[english]), entry
            assert re.search(r"[\u4e00-\u9fff].*。$", entry[chinese]), entry


async def test_errors_are_as_retryable_as_their_codes_say(gateway, sandbox):
    said = {entry["code"]: entry["retryable"] for entry in await gateway.read(CODES)}
    seen = {}
    for kind in (FaultKind.WRONG_SHAPE, FaultKind.RESET, FaultKind.EXPIRED_TOKEN):
        sandbox.faults.set("WJDH", "shenheList", Fault(kind))
        error = (await gateway.ask('{ shenhes(communityCode: "10002") { totalCount } }')).error["extensions"]
        seen[error["code"]] = error["retryable"]
    assert set(seen) == {"UPSTREAM_PROTOCOL", "UPSTREAM_UNAVAILABLE", "UPSTREAM_AUTH"}
    assert seen.items() <= said.items()


async def test_explorer_has_the_words_of_the_schema(gateway):
    page = (await gateway.stranger.get("/")).text
    words = json.loads(unescape(re.search('data-error-codes="(.*?)"', page)[1]))
    assert words == {
        entry["code"]: {"en": [entry["message"], entry["advice"]], "zh": [entry["messageZh"], entry["adviceZh"]]}
        for entry in await gateway.read(CODES)
    }
