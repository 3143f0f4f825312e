"""`dataQuality` and metrics: what does not arrive as documented, as far as it was read."""

import json
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest
from exposed import by_labels, scrape, value
from platform_answers import send
from platform_rows import repair
from structlog.testing import capture_logs

from gateway.loaders import answers
from gateway.sandbox.dialects.dialect import Dialect

QUALITY = """query ($code: ID) { dataQuality(communityCode: $code) {
  platform endpoint field problem count firstSeenAt lastSeenAt sampleId } }"""
EVERYTHING = """{ modules(communityCode: "10002") { id } repairs(communityCode: "10002", first: 100) { nodes { id } }
  orders(communityCode: "10002", first: 100) { nodes { details { name } house { id } } }
  shenhes(communityCode: "10002", first: 100) { nodes { content { raw } } }
  people(name: "王芳", phone: "19900000002") { residencies { house { owner { phone } } } } }"""
REVIEWS = "query ($code: ID!) { list: shenhes(communityCode: $code, first: 20) { nodes { id } } }"


async def quality(gateway, code=None, token=None):
    return await gateway.read(QUALITY, {"code": code}, token=token)


async def send_reviews(gateway, sandbox, code, *statuses, content=MappingProxyType({"people": {}, "house": {}})):
    """The ids of reviews with these words for their status."""
    row = {"shenhe_type": "业主绑定", "shenhe_content": dict(content)}
    rows = [row | {"id": number, "shenhe_status": status} for number, status in enumerate(statuses, 1)]
    send(sandbox, "WJDH", "shenheList", {"data": rows, "meta": {"total": len(rows)}}, times=1)
    return [node["id"] for node in (await gateway.ask(REVIEWS, {"code": code})).data["list"]["nodes"]]


def of_status(findings):
    return [finding for finding in findings if finding["field"] == "status"]


async def test_documented_answers_have_no_finding_and_nothing_undocumented(gateway):
    """But for an audit type where the kind of occupant should be: so the preface prints it (quirk 92)."""
    await gateway.ask(EVERYTHING)
    found = {(finding["endpoint"], finding["field"], finding["problem"]) for finding in await quality(gateway)}
    assert {field.split(".")[-1] for _, field, _ in found} == {"occupantType"}
    assert {problem for *_, problem in found} == {"UNRECOGNIZED_VALUE", "CONTRADICTORY"}
    assert await undocumented(gateway) == {}


async def test_finding_counts_values_and_names_a_record(gateway, sandbox, monkeypatch):
    [_, named, _] = await send_reviews(gateway, sandbox, "10002", "等待审核", "不知道", "没审")
    await send_reviews(gateway, sandbox, "10002", "不知道")
    [finding] = of_status(await quality(gateway))
    shown = {"platform": "WJDH", "endpoint": "shenheList", "problem": "UNRECOGNIZED_VALUE", "count": 3}
    assert finding == finding | shown | {"sampleId": named}
    assert finding["firstSeenAt"] < finding["lastSeenAt"]

    monkeypatch.setattr(answers, "PAUSE", timedelta(0))  # after which another record is named
    [sample] = await send_reviews(gateway, sandbox, "10002", "不知道")
    assert [each["sampleId"] for each in of_status(await quality(gateway))] == [sample]


async def test_contents_of_a_list_are_counted_in_every_nth_page(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(answers, "WHOLE_EVERY", 2)
    for _ in range(3):
        await send_reviews(gateway, sandbox, "10002", "等待审核", content={"people": 1})
    found = [each["count"] for each in await quality(gateway) if each["field"] == "content.people"]
    assert found == [2]


async def test_findings_are_of_the_callers_communities(gateway, sandbox, mint):
    await send_reviews(gateway, sandbox, "10002", "不知道")
    await send_reviews(gateway, sandbox, "00001", "不知道", "没审")

    async def count(code=None, token=None):
        return sum(finding["count"] for finding in of_status(await quality(gateway, code, token)))

    caller = mint(communities=["10002"])
    assert [await count(), await count("10002"), await count("00001")] == [3, 1, 2]
    assert await count(token=caller) == 1
    assert await quality(gateway, "00001", caller) is None


@pytest.mark.parametrize("dialect", [Dialect.MIXED])
async def test_people_are_counted_for_callers_of_every_community(gateway, sandbox, mint):
    person = {"people_name": "王芳", "people_phone": "19900000002", "people_sex": "不详", "houses": []}
    send(sandbox, "SECURITY", "people", {"code": 0, "data": person})
    found = (await gateway.ask('{ people(name: "王芳", phone: "19900000002") { id } }')).data["people"]
    ofpeople = [finding for finding in await quality(gateway) if finding["endpoint"] == "people"]
    assert {finding["sampleId"] for finding in ofpeople} == {found["id"]}
    for token in (mint(communities=["10002"]), mint(communities=["10002", "00001"])):
        assert [each for each in await quality(gateway, token=token) if each["endpoint"] == "people"] == []


async def test_findings_are_bounded_and_hold_no_personal_value(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(answers, "MOST_FINDINGS", 1)
    await send_reviews(gateway, sandbox, "10002", "不知道")
    await send_reviews(gateway, sandbox, "00001", "19900000007")
    [finding] = await quality(gateway)
    assert finding in await quality(gateway, "00001")
    assert "199" not in str(finding)


@pytest.mark.settings(CACHE="all=0,modules=30")
async def test_issues_calls_and_reads_that_cost_none_are_counted(gateway, sandbox):
    data = {"10002": {"绑定房屋": "维护中", "生活缴费": None, "投诉建议": "1"}, "00001": None}
    send(sandbox, "SECURITY", "modules-sync", {"code": 0, "data": data})
    await gateway.ask("{ communities { code } }")
    for _ in range(3):
        await gateway.ask('{ modules(communityCode: "10002") { name } }')
    found = await scrape(gateway)
    issues = by_labels(found, "gateway_data_issues_total", "platform", "endpoint", "field", "problem")
    assert issues == {("SECURITY", "modules-sync", "enabled", problem): 1 for problem in ("MALFORMED", "MISSING")}
    labels = {"endpoint": "modules", "outcome": "OK", "platform": "WJDH"}
    assert value(found, "gateway_upstream_call_seconds_count", **labels) == 1
    assert value(found, "gateway_shared_reads_total", by="kept", endpoint="modules") == 2


NAME = "欧阳修远"
OPEN_REPAIRS = '{ repairs(communityCode: "10002", filter: { status: OPEN }, first: 20) { nodes { id } } }'


async def read_repairs(gateway: Any, sandbox: Any, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines that are logged of these repairs."""
    numbered = [repair(id=number, **row) for number, row in enumerate(rows, 1)]
    data = {"repairs": numbered, "pages": {"total": len(rows), "per_page": 20, "current_page": 1, "last_page": 1}}
    send(sandbox, "WJDH", "repair/list", {"code": 0, "data": data}, times=1)
    with capture_logs() as logs:
        assert len((await gateway.ask(OPEN_REPAIRS)).data["repairs"]["nodes"]) == len(rows)
    return [
        {name: line[name] for name in ("record", "key", "what", "type")}
        for line in logs
        if line["event"] == "undocumented"
    ]


async def undocumented(gateway: Any) -> dict[str, float]:
    """By what is undocumented."""
    return {what: it for (what,), it in by_labels(await scrape(gateway), "gateway_undocumented_total", "what").items()}


async def test_key_word_and_type_are_counted_and_logged(gateway, sandbox):
    logged = await read_repairs(gateway, sandbox, {"urgency": "高"}, {"status": "待派单"}, {"reply": 12, "urgency": ""})
    assert logged == [
        {"record": "Repair", "key": "status", "what": "word", "type": None},
        {"record": "Repair", "key": "reply", "what": "type", "type": "integer"},
        {"record": "Repair", "key": "urgency", "what": "key", "type": "string"},
    ]
    assert await undocumented(gateway) == {"key": 2, "word": 1, "type": 1}


async def test_every_nth_answer_is_looked_at(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(answers, "EVERY", 3)
    logged = [await read_repairs(gateway, sandbox, {"urgency": "高"}) for _ in range(7)]
    assert [len(lines) for lines in logged] == [1, 0, 0, 0, 0, 0, 0]  # and logged once
    assert (await undocumented(gateway))["key"] == 3


async def test_values_of_persons_are_not_kept(gateway, sandbox):
    with capture_logs() as logs:
        await read_repairs(gateway, sandbox, {"status": NAME, "phone": NAME, "name": NAME, NAME: NAME})
    assert NAME not in json.dumps(logs, ensure_ascii=False, default=str)
    assert NAME not in (await gateway.stranger.get("/metrics")).text
    assert (await undocumented(gateway))["key"] == 1


async def test_profile_makes_a_key_known(serve, environ, sandbox, tmp_path):
    profile = tmp_path / "profile.toml"
    profile.write_text('[keys.Repair]\nlocation = ["area"]\n[seen.Repair]\nurgency = ["string"]', encoding="utf-8")
    async with serve(environ | {"GATEWAY_PROFILE": str(profile)}) as gateway:
        assert await read_repairs(gateway, sandbox, {"urgency": "高", "area": "东门"}) == []
        assert await undocumented(gateway) == {}
