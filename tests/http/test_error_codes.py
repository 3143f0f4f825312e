"""How the endpoint says that it fails: the codes, as the schema, the explorer's page and real errors have them."""

import json
import re
from html import unescape

import pytest

from gateway.sandbox.faults import Fault, FaultKind
from gateway.wording.codes import ErrorCode

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
