"""Refused writes have a code, a recorded operation and no effect."""

from typing import Any

import pytest
from write_cases import CASES, HOUSE, Case, order

from gateway.sandbox.faults import Fault, FaultKind

BY_NAME = {case.name: case for case in CASES}

ORDER = order("", {"house": HOUSE})
APPROVE, REJECT = BY_NAME["approveShenhe"], BY_NAME["rejectShenhe"]
REPAIR, MODULE, SYNC = BY_NAME["updateRepair"], BY_NAME["setModule"], BY_NAME["syncModules"]
ANNOUNCEMENT = BY_NAME["createAnnouncement"]

NO_OWNER = {"building": 9, "unit": 9, "floor": 9, "room": 999}

REFUSALS: list[tuple[Case, dict[str, Any], str, Any]] = [
    (ORDER, {"payer": {"house": NO_OWNER}}, "PERSON_NOT_FOUND", ["payer"]),
    (ORDER, {"payer": {"phone": {"phone": "19900099999"}}}, "PERSON_NOT_FOUND", ["payer"]),
    (ORDER, {"payer": {"phone": {"phone": "19900099999", "name": "无人"}}}, "PERSON_NOT_FOUND", ["payer"]),
    (ORDER, {"payer": {"idCard": "999302199001010000"}}, "PERSON_NOT_FOUND", ["payer"]),
    (ORDER, {"payer": {"carNumber": "GK99999"}}, "VEHICLE_NOT_FOUND", ["payer"]),
    (ORDER, {"payer": {"parkingNumber": "Z999"}}, "UPSTREAM_REFUSED", None),
    (ORDER, {"communityCode": "00003"}, "UPSTREAM_REFUSED", None),
    (ORDER, {"communityCode": "77777"}, "UPSTREAM_REFUSED", None),
    (ORDER, {"amount": "-1"}, "INVALID", ["amount"]),
    (ORDER, {"amount": "10000000"}, "INVALID", ["amount"]),
    (ORDER, {"title": "\u200b\ufeff "}, "INVALID", ["title"]),
    (ORDER, {"title": "费" * 101}, "INVALID", ["title"]),
    (ORDER, {"payer": {"house": HOUSE | {"building": -1}}}, "INVALID", ["payer", "house", "building"]),
    (ORDER, {"payer": {"house": HOUSE | {"floor": 10_000_000}}}, "INVALID", ["payer", "house", "floor"]),
    (ORDER, {"payer": {"house": HOUSE | {"floor": -1, "room": -101}}}, "PERSON_NOT_FOUND", ["payer"]),
    (ORDER, {"payer": {"phone": {"phone": "199****0002"}}}, "INVALID", ["payer"]),
    (ORDER, {"payer": {"carNumber": "\u200b"}}, "INVALID", ["payer"]),
    (ORDER, {"payer": {"phone": {"phone": "19900000002", "name": "王*"}}}, "INVALID", ["payer"]),
    (ORDER, {"title": "199****0001"}, "INVALID", ["title"]),
    (ORDER, {"manager": "199****0001"}, "INVALID", ["manager"]),
    (APPROVE, {"id": "99999"}, "NOT_FOUND", ["id"]),
    (APPROVE, {"content": {"people": {"phone": "199****0001"}}}, "INVALID", ["content", "people", "phone"]),
    (APPROVE, {"content": {"people": {"idCard": "999302********2517"}}}, "INVALID", ["content", "people", "idCard"]),
    (APPROVE, {"content": {"people": {"name": "李*明"}}}, "INVALID", ["content", "people", "name"]),
    (APPROVE, {"content": {"people": {"idCard": ""}}}, "INVALID", ["content", "people", "idCard"]),
    (APPROVE, {"content": {"people": {"birthDate": "0001-01-01"}}}, "INVALID", ["content", "people", "birthDate"]),
    (APPROVE, {"content": {"house": {"floor": 10_000_000}}}, "INVALID", ["content", "house", "floor"]),
    (REJECT, {"id": "99999"}, "NOT_FOUND", ["id"]),
    (REJECT, {"reason": "证件999302********2517不符"}, "INVALID", ["reason"]),
    (REPAIR, {"id": "99999"}, "NOT_FOUND", ["id"]),
    (MODULE, {"communityCode": "77777"}, "UPSTREAM_REFUSED", None),
    (SYNC, {"communityCode": "10002"}, "NOT_FOUND", ["communityCode"]),
    (SYNC, {"communityCode": "10002", "dryRun": True}, "NOT_FOUND", ["communityCode"]),
    (ANNOUNCEMENT, {"title": "\u200b"}, "INVALID", ["title"]),
    (ANNOUNCEMENT, {"content": "\n"}, "INVALID", ["content"]),
    (ANNOUNCEMENT, {"manager": "199****0001"}, "INVALID", ["manager"]),
    (ANNOUNCEMENT, {"images": ["\u200b"]}, "INVALID", ["images", "0"]),
    (ANNOUNCEMENT, {"communityCode": "00003"}, "UPSTREAM_REFUSED", None),
]

WRONG_ARGUMENTS = [
    (ORDER, {"idempotencyKey": "钥"}, "input.idempotencyKey"),
    *((REJECT, {"reason": reason}, "input.reason") for reason in ("", " \u3000")),
    *(
        (APPROVE, {"content": {"people": {"birthDate": day}}}, "input.content.people.birthDate")
        for day in ("2025-W48-2", "2025-02-29", "20250228", "２０２５-02-28", " 2025-02-28", "2025-02-28T00:00:00", "")
    ),
]


def writes(sandbox, case: Case) -> int:
    return sandbox.effects.count(case.endpoint)


async def test_refusal_has_a_code_an_operation_and_no_effect(gateway, sandbox):
    for number, (case, change, code, field) in enumerate(REFUSALS):
        prepared = await case.prepare(gateway, number) | change
        sandbox.effects.clear()
        answer = await gateway.ask(case.document, {"input": prepared})
        payload = case.result(answer.body["data"])  # a community that is not the account's cannot be shown either

        [error] = payload["userErrors"]
        assert (payload["outcome"], error["code"], error["field"]) == ("REFUSED", code, field), (case.name, change)
        if not change.get("dryRun"):
            assert payload["operation"]["outcome"] == "REFUSED", (case.name, change)
        assert not sandbox.effects.all(), (case.name, change)


async def test_unregistered_resident_differs_from_unknown_person(gateway, sandbox):
    known = next(resident.person for resident in sandbox.world.residents.values() if not resident.uses_mini_program)
    for payer in ({"phone": {"phone": known.phone, "name": known.name}}, {"idCard": known.id_card}):
        payload = await ORDER.write(gateway, dict(ORDER.input) | {"payer": payer, "idempotencyKey": str(payer)[:9]})

        [error] = payload["userErrors"]
        assert (error["code"], error["field"], error["upstreamMessage"]) == ("NOT_REGISTERED", ["payer"], "用户未注册")
        assert writes(sandbox, ORDER) == 0


async def test_module_that_a_community_lacks_is_not_found(gateway, sandbox):
    modules = sandbox.world.modules_of["10002"]
    modules[:] = [module for module in modules if module.name != "投诉建议"]
    for name, expected in (("COMPLAINTS", ("REFUSED", ["NOT_FOUND"])), ("REPAIRS", ("CONFIRMED", []))):
        payload = await MODULE.write(gateway, {"communityCode": "10002", "name": name, "enabled": False})
        assert (payload["outcome"], [error["code"] for error in payload["userErrors"]]) == expected
        assert all(error["field"] == ["name"] for error in payload["userErrors"])
    assert writes(sandbox, MODULE) == 1


async def test_wrong_argument_is_named_and_nothing_is_sent(gateway, sandbox):
    for case, change, argument in WRONG_ARGUMENTS:
        prepared = await case.prepare(gateway) | change
        sandbox.effects.clear()
        sandbox.reset_calls()
        answer = await gateway.ask(case.document, {"input": prepared})

        assert (answer.code, answer.error["extensions"]["argument"]) == ("BAD_USER_INPUT", argument), change
        assert sandbox.calls == []


async def test_amount_is_written_in_plain_digits(gateway, sandbox):
    for amount in (
        "１２",
        "٣",
        "12,3",
        "1,234",
        "1e2",
        "1e16",
        " 12",
        "12\n",
        "12.",
        ".5",
        "NaN",
        "Infinity",
        "",
        12.5,
        True,
    ):
        answer = await gateway.ask(ORDER.document, {"input": dict(ORDER.input) | {"amount": amount}})
        assert answer.code == "BAD_USER_INPUT", amount
    assert sandbox.calls == []


async def test_exactly_one_payer_must_be_given(gateway, sandbox):
    for payer in ({}, {"idCard": "999302199211302226", "carNumber": "GK12001"}, {"idCard": None}):
        answer = await gateway.ask(ORDER.document, {"input": dict(ORDER.input) | {"payer": payer}})
        assert answer.code == "BAD_USER_INPUT"
    assert sandbox.calls == []


async def test_review_is_decided_once(gateway, sandbox):
    prepared = await APPROVE.prepare(gateway)
    assert (await APPROVE.write(gateway, prepared))["outcome"] == "CONFIRMED"

    for case, change in ((APPROVE, {}), (REJECT, {"reason": "迟了"})):
        payload = await case.write(gateway, prepared | change)
        [error] = payload["userErrors"]
        assert (payload["outcome"], error["code"]) == ("REFUSED", "ALREADY_REVIEWED")
        assert "APPROVED" in error["message"]
        assert payload["shenhe"] == {"status": "APPROVED"}
    assert writes(sandbox, APPROVE) == 1


async def test_competing_decision_does_not_confirm_a_lost_one(environ, serve, clock, sandbox):
    async with serve(environ, clock) as gateway:
        prepared = await APPROVE.prepare(gateway)
        sandbox.faults.set("WJDH", "shenhe/update", Fault(FaultKind.RESET), times=1)
        lost = await APPROVE.write(gateway, prepared)
        other = await REJECT.write(gateway, prepared | {"reason": "照片不清晰"})
        clock.advance(minutes=3)
        await gateway.parts.reconciler.reconcile_due()
        query = "query ($id: ID!) { operation(id: $id) { outcome userErrors { code } } }"
        operation = (await gateway.ask(query, {"id": lost["operation"]["id"]})).data["operation"]

    assert (lost["outcome"], other["outcome"]) == ("UNKNOWN", "CONFIRMED")
    assert operation == {"outcome": "REFUSED", "userErrors": [{"code": "ALREADY_REVIEWED"}]}
    assert writes(sandbox, APPROVE) == 1


@pytest.mark.parametrize("case", [case for case in CASES if "communityCode" in case.input], ids=lambda case: case.name)
async def test_foreign_community_is_refused_before_any_call(gateway, mint, sandbox, case):
    token = mint(communities=["00002"])
    prepared = await case.prepare(gateway)
    sandbox.effects.clear()
    sandbox.reset_calls()
    payload = await case.write(gateway, prepared, token=token)

    [error] = payload["userErrors"]
    assert (payload["outcome"], error["code"], error["field"]) == ("REFUSED", "FORBIDDEN_COMMUNITY", ["communityCode"])
    shown = {field: value for field, value in payload.items() if field not in ("outcome", "userErrors", "operation")}
    assert not any(shown.values())
    assert sandbox.calls == []


@pytest.mark.parametrize(("code", "own"), [("10003", False), ("1", False), ("10002 ", False), ("10002", True)])
async def test_correction_cannot_move_to_a_foreign_community(gateway, mint, sandbox, code, own):
    """By a correction of what was submitted: the platform would carry it out for the gateway's account."""
    token = mint(communities=["10002"])
    prepared = await APPROVE.prepare(gateway) | {"content": {"house": {"communityCode": code}}}
    sandbox.effects.clear()
    payload = await APPROVE.write(gateway, prepared, token=token)

    if own:
        assert (payload["outcome"], writes(sandbox, APPROVE)) == ("CONFIRMED", 1)
        return
    [error] = payload["userErrors"]
    assert (payload["outcome"], error["code"], error["field"]) == (
        "REFUSED",
        "FORBIDDEN_COMMUNITY",
        ["content", "house", "communityCode"],
    )
    assert writes(sandbox, APPROVE) == 0


@pytest.mark.parametrize("case", [APPROVE, REJECT, REPAIR], ids=lambda case: case.name)
async def test_foreign_record_is_not_found(gateway, mint, sandbox, case):
    token = mint(communities=["00002"])
    prepared = await case.prepare(gateway)
    sandbox.reset_calls()
    for node_id in (prepared["id"], "1", "99999"):
        payload = await case.write(gateway, prepared | {"id": node_id}, token=token)
        assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"]
    assert sandbox.calls == []


async def test_refused_write_returns_its_record_and_no_payment(gateway):
    prepared = await APPROVE.prepare(gateway)
    refused = (
        "mutation Refuse($review: ApproveShenheInput!, $payment: PayCallbackInput!) {"
        " approveShenhe(input: $review) { outcome operation { result { id __typename } } }"
        " payCallback(input: $payment) { outcome operation { result { id } } payment { id } } }"
    )
    masked = {"id": prepared["id"], "content": {"people": {"name": "李*"}}}
    payment = {"orderNumber": "20261106160800172143", "shopNumber": "1900000109", "weixinNumber": ""}

    answer = await gateway.ask(refused, {"review": masked, "payment": payment})

    assert answer.data == {
        "approveShenhe": {
            "outcome": "REFUSED",
            "operation": {"result": {"id": prepared["id"], "__typename": "Shenhe"}},
        },
        "payCallback": {"outcome": "REFUSED", "operation": {"result": None}, "payment": None},
    }
