"""Every violation of an input comes at once, each with its field, its rule and its bounds, in both languages."""

import re
from typing import Any

import pytest
from write_cases import CASES, HOUSE, Case, order

ORDER = order("", {"house": HOUSE})
BY_NAME = {case.name: case for case in CASES}
APPROVE, REJECT = BY_NAME["approveShenhe"], BY_NAME["rejectShenhe"]
REPAIR, MODULE = BY_NAME["updateRepair"], BY_NAME["setModule"]
ANNOUNCEMENT = BY_NAME["createAnnouncement"]

CHINESE = re.compile(r"[\u4e00-\u9fff]")
NO_ID = "bm9uc2Vuc2U"
TODAY = "today"
"""In place of the date."""

USER_ERRORS = "userErrors { code field rule min max message messageZh }"

REFUSALS: list[tuple[Case, dict[str, Any], list[tuple[str, str, str | None, str | None]]]] = [
    (
        ORDER,
        {
            "amount": "0",
            "title": " ",
            "remark": "199****0001",
            "payer": {"house": HOUSE | {"unit": -1, "room": 100_000}},
            "details": [{"name": " ", "value": "199****0001"}],
        },
        [
            ("amount", "RANGE", "0.01", "9999999.99"),
            ("title", "LENGTH", "1", "100"),
            ("payer.house.unit", "RANGE", "0", "99999"),
            ("payer.house.room", "RANGE", "-99999", "99999"),
            ("remark", "MASKED", None, None),
            ("details.0.name", "REQUIRED", None, None),
            ("details.0.value", "MASKED", None, None),
        ],
    ),
    (ORDER, {"amount": "1.005"}, [("amount", "FORMAT", None, None)]),
    (ORDER, {"payer": {"idCard": "999302********2517"}}, [("payer", "MASKED", None, None)]),
    (
        APPROVE,
        {
            "content": {
                "people": {"name": "李*", "phone": "x", "birthDate": "1800-01-01", "nation": "5"},
                "house": {"building": -1, "communityCode": "a b"},
            }
        },
        [
            ("content.people.name", "MASKED", None, None),
            ("content.people.phone", "FORMAT", None, None),
            ("content.people.birthDate", "RANGE", "1900-01-01", TODAY),
            ("content.people.nation", "FORMAT", None, None),
            ("content.house.communityCode", "FORMAT", "1", "32"),
            ("content.house.building", "RANGE", "0", "99999"),
        ],
    ),
    (APPROVE, {"id": NO_ID, "content": {"people": {"phone": "x"}}}, [("content.people.phone", "FORMAT", None, None)]),
    (APPROVE, {"id": NO_ID}, [("id", "EXISTS", None, None)]),
    (REJECT, {"reason": "199****0001"}, [("reason", "MASKED", None, None)]),
    (REPAIR, {"id": NO_ID, "reply": "199****0001"}, [("reply", "MASKED", None, None)]),
    (
        ANNOUNCEMENT,
        {"title": "", "content": "199****0001", "images": ["", "a,b"]},
        [
            ("title", "REQUIRED", None, None),
            ("content", "MASKED", None, None),
            ("images.0", "FORMAT", None, None),
            ("images.1", "FORMAT", None, None),
        ],
    ),
]


def document(case: Case) -> str:
    return case.document.replace("userErrors { code field message upstreamMessage }", USER_ERRORS)


def found(entries: list[dict[str, Any]]) -> list[tuple[str, str, str | None, str | None]]:
    assert all(CHINESE.search(entry["messageZh"]) for entry in entries)
    bounds = [TODAY if "today" in entry["message"] else entry["max"] for entry in entries]
    return [
        (".".join(entry["field"]), entry["rule"], entry["min"], most)
        for entry, most in zip(entries, bounds, strict=True)
    ]


async def test_refusal_lists_every_violation_with_its_rule(gateway, sandbox):
    for number, (case, change, violations) in enumerate(REFUSALS):
        prepared = await case.prepare(gateway, number) | change
        sandbox.effects.clear()
        payload = case.result((await gateway.ask(document(case), {"input": prepared})).data)
        codes = {"NOT_FOUND" if rule == "EXISTS" else "INVALID" for _, rule, *_ in violations}
        assert (payload["outcome"], {error["code"] for error in payload["userErrors"]}) == ("REFUSED", codes)
        assert sorted(found(payload["userErrors"]), key=str) == sorted(violations, key=str), case.name
        assert not sandbox.effects.all()


LONG_KEY = "k" * 129

WRONG: list[tuple[Case, dict[str, Any], list[tuple[str, str, str | None, str | None]]]] = [
    (
        ORDER,
        {
            "idempotencyKey": LONG_KEY,
            "communityCode": "a b",
            "details": [{"name": "面积", "value": "1"}] * 51,
            "payer": {"idCard": ""},
            "amount": "-1",
        },
        [
            ("idempotencyKey", "FORMAT", "1", "128"),
            ("details", "COUNT", None, "50"),
            ("details", "UNIQUE", None, None),
            ("communityCode", "FORMAT", "1", "32"),
            ("payer", "REQUIRED", None, None),
            ("amount", "RANGE", "0.01", "9999999.99"),
        ],
    ),
    (
        APPROVE,
        {"idempotencyKey": "", "content": {"people": {"sex": "UNRECOGNIZED", "phone": "x"}}},
        [
            ("idempotencyKey", "FORMAT", "1", "128"),
            ("content.people.sex", "ONE_OF", None, None),
            ("content.people.phone", "FORMAT", None, None),
        ],
    ),
    (
        REJECT,
        {"idempotencyKey": "", "reason": "199****0001" * 50},
        [("idempotencyKey", "FORMAT", "1", "128"), ("reason", "LENGTH", "1", "500"), ("reason", "MASKED", None, None)],
    ),
    (
        REPAIR,
        {"idempotencyKey": "", "status": "UNRECOGNIZED", "reply": "复" * 1001},
        [("idempotencyKey", "FORMAT", "1", "128"), ("status", "ONE_OF", None, None), ("reply", "LENGTH", None, "1000")],
    ),
    (
        MODULE,
        {"idempotencyKey": "", "communityCode": "", "name": "UNRECOGNIZED", "enabled": True},
        [
            ("idempotencyKey", "FORMAT", "1", "128"),
            ("communityCode", "FORMAT", "1", "32"),
            ("name", "ONE_OF", None, None),
        ],
    ),
    (
        ANNOUNCEMENT,
        {"idempotencyKey": "", "communityCode": "", "images": ["a,b"] * 21, "title": ""},
        [
            ("images", "COUNT", None, "20"),
            ("communityCode", "FORMAT", "1", "32"),
            ("idempotencyKey", "FORMAT", "1", "128"),
            ("title", "REQUIRED", None, None),
            *((f"images.{index}", "FORMAT", None, None) for index in range(21)),
        ],
    ),
]


async def test_bad_user_input_lists_every_violation(gateway, sandbox):
    for number, (case, change, violations) in enumerate(WRONG):
        prepared = await case.prepare(gateway, number) | change if case is not MODULE else dict(case.input) | change
        sandbox.effects.clear()
        answer = await gateway.ask(document(case), {"input": prepared})
        assert answer.code == "BAD_USER_INPUT", case.name
        extensions = answer.error["extensions"]
        assert found(extensions["violations"]) == violations, case.name
        first = extensions["violations"][0]
        assert extensions["argument"] == "input." + ".".join(first["field"])
        assert (extensions["rule"], answer.error["message"]) == (first["rule"], first["message"])
        assert extensions["messageZh"] == first["messageZh"]
        assert not sandbox.effects.all()


async def test_entry_of_several_lists_its_own_violations(gateway, sandbox):
    mutation = """
    mutation ($input: CreateOrdersInput!) { createOrders(input: $input) { results { outcome %s } } }
    """
    wrong = {"payer": {"idCard": ""}, "amount": "0", "details": [{"name": "面积", "value": "1"}] * 2}
    entries = [wrong, {"payer": {"house": HOUSE}, "amount": "1.005"}]
    given = {"communityCode": "10002", "title": "物业费", "orders": entries, "idempotencyKey": "several"}
    answer = await gateway.ask(mutation % USER_ERRORS, {"input": given})
    first, second = answer.data["createOrders"]["results"]
    assert found(first["userErrors"]) == [
        ("details", "UNIQUE", None, None),
        ("payer", "REQUIRED", None, None),
        ("amount", "RANGE", "0.01", "9999999.99"),
    ]
    assert found(second["userErrors"]) == [("amount", "FORMAT", None, None)]
    assert not sandbox.effects.all()


async def test_write_of_several_lists_every_violation_of_its_input(gateway):
    mutation = """
    mutation ($input: RejectShenhesInput!) { rejectShenhes(input: $input) { results { outcome } } }
    """
    answer = await gateway.ask(mutation, {"input": {"ids": [], "reason": " \u3000\u200b", "idempotencyKey": ""}})
    assert found(answer.error["extensions"]["violations"]) == [
        ("ids", "COUNT", "1", "100"),
        ("reason", "LENGTH", "1", "500"),
        ("idempotencyKey", "FORMAT", "1", "128"),
    ]


async def test_payment_by_hand_lists_every_wrong_number(gateway):
    mutation = """
    mutation { payCallback(input: { orderNumber: "abc", shopNumber: "a b", weixinNumber: "1" }) { outcome %s } }
    """
    payload = (await gateway.ask(mutation % USER_ERRORS)).data["payCallback"]
    assert found(payload["userErrors"]) == [("orderNumber", "FORMAT", None, None), ("shopNumber", "FORMAT", None, None)]


async def test_foreign_community_comes_with_the_other_violations(gateway, mint):
    prepared = await ORDER.prepare(gateway) | {"communityCode": "00001", "amount": "0"}
    token = mint(communities=["10002"])
    payload = (await gateway.ask(document(ORDER), {"input": prepared}, token=token)).body["data"]["createOrder"]
    assert found(payload["userErrors"]) == [
        ("communityCode", "ACCESS", None, None),
        ("amount", "RANGE", "0.01", "9999999.99"),
    ]


async def test_variables_of_wrong_types_are_violations_too(gateway):
    answer = await gateway.ask(document(ORDER), {"input": {"title": 5, "amount": 1.5, "payer": {}}})
    rules = {
        (error["extensions"]["argument"], error["extensions"]["rule"], len(error["extensions"]["violations"]))
        for error in answer.errors
    }
    assert ("input.title", "FORMAT", 1) in rules
    assert ("input.amount", "FORMAT", 1) in rules
    assert ("input.payer", "ONE_OF", 1) in rules
    assert ("input", "REQUIRED", 1) in rules


@pytest.mark.parametrize("field", ["rule", "min", "max"])
async def test_refusal_of_the_platform_has_no_rule(gateway, field):
    prepared = await ORDER.prepare(gateway) | {"communityCode": "77777"}
    [error] = ORDER.result((await gateway.ask(document(ORDER), {"input": prepared})).body["data"])["userErrors"]
    assert error["code"] == "UPSTREAM_REFUSED"
    assert error[field] is None


async def test_recorded_refusal_keeps_its_texts(gateway):
    prepared = await ORDER.prepare(gateway) | {"amount": "0"}
    first = ORDER.result((await gateway.ask(document(ORDER), {"input": prepared})).data)
    again = ORDER.result((await gateway.ask(document(ORDER), {"input": prepared})).data)
    assert first == again
    assert first["outcome"] == "REFUSED"
    assert first["userErrors"][0]["messageZh"] == "金额须大于 0、不超过 9999999.99，精确到分。"
