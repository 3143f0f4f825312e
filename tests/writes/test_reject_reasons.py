"""Rejecting several reviews, each for its own reason."""

import pytest

REVIEWS = """{ shenhes(communityCode: "10002", filter: { status: PENDING }, first: 3) {
  nodes { id platformId rejectionReason } } }"""
FIELDS = "results { outcome userErrors { field code rule messageZh } operation { reason } shenhe { rejectionReason } }"


@pytest.fixture
async def ids(gateway) -> list[str]:
    return [node["id"] for node in (await gateway.read(REVIEWS))["nodes"]][:2]


async def reject(gateway, ids, **given):
    return (await gateway.write("rejectShenhes", {"ids": ids, **given}, FIELDS))["results"]


async def refused(gateway, ids, **given):
    """What is wrong with the input, by field."""
    document = "mutation ($input: RejectShenhesInput!) { rejectShenhes(input: $input) { results { outcome } } }"
    error = (await gateway.ask(document, {"input": {"ids": ids, **given}})).error
    found = [(".".join(each["field"]), each["rule"], each["messageZh"]) for each in error["extensions"]["violations"]]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    return found


async def test_each_review_has_its_own_reason(gateway, sandbox, ids):
    for _repeat in range(2):
        results = await reject(gateway, ids, reasons=["照片不清晰", " 材料不全 "], idempotencyKey="k")
        assert [result["outcome"] for result in results] == ["CONFIRMED"] * 2
        assert [result["operation"]["reason"] for result in results] == ["照片不清晰", "材料不全"]
    assert sandbox.count("WJDH", "shenhe/update") == 2


async def test_other_reasons_with_the_same_key_are_a_mismatch(gateway, ids):
    await reject(gateway, ids, reasons=["照片不清晰", "材料不全"], idempotencyKey="k")
    results = await reject(gateway, ids, reasons=["照片不清晰", "不是本人"], idempotencyKey="k")
    codes = [[error["code"] for error in result["userErrors"]] for result in results]
    assert codes == [[], ["IDEMPOTENCY_MISMATCH"]]


async def test_masked_reason_refuses_its_own_review(gateway, ids):
    first, second = await reject(gateway, ids, reasons=["照片不清晰", "电话 199****0001 有误"])
    assert (first["outcome"], second["outcome"]) == ("CONFIRMED", "REFUSED")
    [error] = second["userErrors"]
    assert (error["field"], error["code"], error["rule"]) == (["reasons", "1"], "INVALID", "MASKED")


async def test_reason_and_reasons_exclude_each_other(gateway, sandbox, ids):
    sandbox.reset_calls()
    assert await refused(gateway, ids) == [("reason", "ONE_OF", "理由与理由列表须填写其中一个。")]
    given = {"reason": "材料不全", "reasons": ["甲", "乙"]}
    assert await refused(gateway, ids, **given) == [("reasons", "CONFLICT", "理由列表与理由不能同时填写。")]
    short = "理由列表须有 2 项，与标识列表一一对应。"
    assert await refused(gateway, ids, reasons=["甲"]) == [("reasons", "COUNT", short)]
    assert sandbox.calls == []


async def test_every_wrong_reason_is_a_violation(gateway, sandbox, ids):
    sandbox.reset_calls()
    found = await refused(gateway, ids, reasons=["", "长" * 501], idempotencyKey="")
    assert [each[:2] for each in found] == [
        ("idempotencyKey", "FORMAT"),
        ("reasons.0", "LENGTH"),
        ("reasons.1", "LENGTH"),
    ]
    assert sandbox.calls == []


async def test_review_that_is_named_twice_has_one_reason(gateway, sandbox, ids):
    sandbox.reset_calls()
    first, _ = ids
    assert [each[:2] for each in await refused(gateway, [first, first], reasons=["甲", "乙"])] == [("ids", "UNIQUE")]
    assert sandbox.calls == []
    results = await reject(gateway, [first, first], reasons=["甲", "甲"])
    assert [result["outcome"] for result in results] == ["CONFIRMED"] * 2
    assert sandbox.count("WJDH", "shenhe/update") == 1
