"""`dataQuality`: what does not arrive as documented, as far as it was read."""

import json
from datetime import timedelta
from types import MappingProxyType

import pytest

from gateway.loaders import answers, data_quality
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind

QUALITY = """query ($code: ID) { dataQuality(communityCode: $code) {
  platform endpoint field problem count firstSeenAt lastSeenAt sampleId } }"""
REVIEWS = "query ($code: ID!) { list: shenhes(communityCode: $code, first: 20) { nodes { id } } }"


async def quality(gateway, code=None, token=None):
    return (await gateway.ask(QUALITY, {"code": code}, token=token)).data["dataQuality"]


async def send_reviews(gateway, sandbox, code, *statuses, content=MappingProxyType({"people": {}, "house": {}})):
    """The ids of reviews with these words for their status."""
    rows = [
        {
            "id": number,
            "shenhe_type": "业主绑定",
            "shenhe_status": status,
            "shenhe_content": dict(content),
        }
        for number, status in enumerate(statuses, 1)
    ]
    body = json.dumps({"data": rows, "meta": {"total": len(rows)}}).encode()
    sandbox.faults.set("WJDH", "shenheList", Fault(FaultKind.BODY, body=body), times=1)
    return [node["id"] for node in (await gateway.ask(REVIEWS, {"code": code})).data["list"]["nodes"]]


def of_status(findings):
    return [finding for finding in findings if finding["field"] == "status"]


async def test_documented_answers_leave_no_finding(gateway):
    await gateway.ask('{ repairs(communityCode: "10002", filter: { status: OPEN }, first: 20) { nodes { id } } }')
    await gateway.ask('{ orders(communityCode: "10002", first: 20) { nodes { id } } }')

    assert await quality(gateway) == []


async def test_finding_counts_values_and_names_a_record(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(data_quality, "PAUSE", timedelta(0))
    await send_reviews(gateway, sandbox, "10002", "等待审核", "不知道", "没审")
    sample = await send_reviews(gateway, sandbox, "10002", "不知道")
    [finding] = of_status(await quality(gateway))

    assert (finding["platform"], finding["endpoint"], finding["problem"]) == (
        "WJDH",
        "shenheList",
        "UNRECOGNIZED_VALUE",
    )
    assert finding["count"] == 3
    assert finding["firstSeenAt"] < finding["lastSeenAt"]
    assert [finding["sampleId"]] == sample


async def test_contents_of_a_list_are_counted_in_every_nth_page(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(answers, "WHOLE_EVERY", 2)
    for _ in range(3):
        await send_reviews(gateway, sandbox, "10002", "等待审核", content={"people": 1})

    found = [each["count"] for each in await quality(gateway) if each["field"] == "content.people"]
    assert found == [2]


async def test_record_of_finding_is_named_once_in_a_while(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(data_quality, "PAUSE", timedelta(hours=1))
    [named, _] = await send_reviews(gateway, sandbox, "10002", "不知道", "等待审核")
    await send_reviews(gateway, sandbox, "10002", "等待审核", "不知道")
    [finding] = of_status(await quality(gateway))

    assert (finding["count"], finding["sampleId"]) == (2, named)


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
    body = json.dumps({"code": 0, "data": person}).encode()
    sandbox.faults.set("SECURITY", "people", Fault(FaultKind.BODY, body=body))
    found = (await gateway.ask('{ people(name: "王芳", phone: "19900000002") { id } }')).data["people"]

    ofpeople = [finding for finding in await quality(gateway) if finding["endpoint"] == "people"]
    assert {finding["sampleId"] for finding in ofpeople} == {found["id"]}
    for token in (mint(communities=["10002"]), mint(communities=["10002", "00001"])):
        assert [each for each in await quality(gateway, token=token) if each["endpoint"] == "people"] == []


async def test_findings_hold_no_personal_value(gateway, sandbox):
    await send_reviews(gateway, sandbox, "10002", "19900000007")
    text = (await gateway.ask(QUALITY)).response.text

    assert '"count":1' in text
    assert "199" not in text


async def test_findings_are_bounded(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(data_quality, "MOST_FINDINGS", 1)
    await send_reviews(gateway, sandbox, "10002", "不知道")
    await send_reviews(gateway, sandbox, "00001", "不知道")

    assert len(gateway.parts.quality._findings) == 1
    assert of_status(await quality(gateway, "00001")) != []
