"""Refused writes: one table of inputs and what is said of each, with its field, code, rule and bounds; and rights."""

import re
from typing import Any

from documents import write_document
from write_cases import BY_NAME, CASES, HOUSE, Case, order

ORDER = order("", {"house": HOUSE})
APPROVE, REJECT, REJECTS = BY_NAME["approveShenhe"], BY_NAME["rejectShenhe"], BY_NAME["rejectShenhes"]
REPAIR, MODULE, SYNC = BY_NAME["updateRepair"], BY_NAME["setModule"], BY_NAME["syncModules"]
ANNOUNCEMENT = BY_NAME["createAnnouncement"]

NO_ID = "bm9uc2Vuc2U"
MASKED = "199****0001"
NO_OWNER = {"building": 9, "unit": 9, "floor": 9, "room": 999}
NO_PERSON = "payer PERSON_NOT_FOUND EXISTS"

NO_ID_CARDS = ("12", "999302-19921130-2226")
NO_NUMBERS = ("", "1,5", "01", "+1", "1.", ".5", "NaN", "Infinity", " 1", "１", "1e", "0x1", "1\n", "八十")

NO_HOUSE = {"house": {"building": -1, "unit": -1, "floor": 10_000_000, "room": 100_000}}
NO_PEOPLE = {"name": "李*", "phone": "x", "birthDate": "1800-01-01", "nation": "5"}
NO_LABELS = ("没有", "", "COMPLAINTS", "UNRECOGNIZED")
MASKED_PHONES = ({"phone": "199****0002"}, {"phone": "19900000002", "name": "王*"})
ROWS = [{"name": "面积", "value": "1"}] * 51

Table = list[tuple[Case, dict[str, Any], str]]


def people(**fields: object) -> dict[str, Any]:
    return {"content": {"people": fields}}


REFUSALS: Table = [
    *((ORDER, {"payer": {"house": house}}, NO_PERSON) for house in (NO_OWNER, HOUSE | {"floor": -1, "room": -101})),
    (ORDER, {"payer": {"phone": {"phone": "19900099999"}}}, NO_PERSON),
    (ORDER, {"payer": {"phone": {"phone": "19900099999", "name": "无人"}}}, NO_PERSON),
    (ORDER, {"payer": {"idCard": "999302199001010000"}}, NO_PERSON),
    (ORDER, {"payer": {"carNumber": "GK99999"}}, "payer VEHICLE_NOT_FOUND EXISTS"),
    (ORDER, {"payer": {"parkingNumber": "Z999"}}, "UPSTREAM_REFUSED"),
    *((ORDER, {"communityCode": code}, "UPSTREAM_REFUSED") for code in ("00003", "77777")),
    *((ORDER, {"amount": amount}, "amount RANGE 0.01..9999999.99") for amount in ("-1", "10000000")),
    (ORDER, {"amount": "1.005"}, "amount FORMAT"),
    *((ORDER, {"title": title}, "title LENGTH 1..100") for title in ("\u200b\ufeff ", "费" * 101)),
    (ORDER, {"payer": {"carNumber": "\u200b"}}, "payer REQUIRED"),
    *((ORDER, {"payer": {"idCard": number}}, "payer.idCard FORMAT") for number in NO_ID_CARDS),
    *((ORDER, {"payer": {"carNumber": number}}, "payer.carNumber FORMAT") for number in NO_ID_CARDS),
    *((ORDER, {"payer": {"phone": phone}}, "payer MASKED") for phone in MASKED_PHONES),
    (ORDER, {"payer": {"idCard": "999302********2517"}}, "payer MASKED"),
    *((ORDER, {name: MASKED}, f"{name} MASKED") for name in ("title", "manager")),
    (
        ORDER,
        {"amount": "0", "title": " ", "remark": MASKED, "payer": NO_HOUSE, "details": [{"name": " ", "value": MASKED}]},
        "amount RANGE 0.01..9999999.99, title LENGTH 1..100, remark MASKED, details.0.name REQUIRED, "
        "details.0.value MASKED, payer.house.building RANGE 0..99999, payer.house.unit RANGE 0..99999, "
        "payer.house.floor RANGE -99999..99999, payer.house.room RANGE -99999..99999",
    ),
    (
        ORDER,
        {"details": [{"name": str(at), "value": text, "numeric": True} for at, text in enumerate(NO_NUMBERS)]},
        ", ".join(f"details.{at}.value FORMAT" for at in range(len(NO_NUMBERS))),
    ),
    *((case, {"id": id_}, "id NOT_FOUND EXISTS") for case in (APPROVE, REJECT, REPAIR) for id_ in ("99999", NO_ID)),
    (APPROVE, people(phone=MASKED), "content.people.phone MASKED"),
    (APPROVE, people(idCard="999302********2517"), "content.people.idCard MASKED"),
    (APPROVE, people(name="李*明"), "content.people.name FORMAT 1..64"),
    *((APPROVE, people(idCard=number), "content.people.idCard FORMAT") for number in ("", "9993021992113025")),
    (APPROVE, people(birthDate="0001-01-01"), "content.people.birthDate RANGE 1900-01-01..today"),
    (APPROVE, {"content": {"house": {"floor": 10_000_000}}}, "content.house.floor RANGE -99999..99999"),
    (APPROVE, {"id": NO_ID, **people(phone="１９９０００００００１")}, "content.people.phone FORMAT"),
    (
        APPROVE,
        {"content": {"people": NO_PEOPLE, "house": {"building": -1, "communityCode": "a b"}}},
        "content.people.name MASKED, content.people.phone FORMAT, content.people.nation FORMAT, "
        "content.people.birthDate RANGE 1900-01-01..today, content.house.communityCode FORMAT 1..32, "
        "content.house.building RANGE 0..99999",
    ),
    *((REJECT, {"reason": reason}, "reason MASKED") for reason in (MASKED, "证件999302********2517不符")),
    (REJECTS, {"reason": None, "reasons": [MASKED]}, "reasons.0 MASKED"),
    (REPAIR, {"id": NO_ID, "reply": MASKED}, "reply MASKED"),
    (MODULE, {"communityCode": "77777"}, "UPSTREAM_REFUSED"),
    *((MODULE, {"name": None, "label": label}, "label NOT_FOUND EXISTS") for label in NO_LABELS),
    *((SYNC, {"communityCode": "10002", "dryRun": dry}, "communityCode NOT_FOUND EXISTS") for dry in (False, True)),
    *((ANNOUNCEMENT, {name: text}, f"{name} REQUIRED") for name, text in (("title", "\u200b"), ("content", "\n"))),
    (ANNOUNCEMENT, {"manager": MASKED}, "manager MASKED"),
    (ANNOUNCEMENT, {"images": ["\u200b"]}, "images.0 FORMAT"),
    (ANNOUNCEMENT, {"communityCode": "00003"}, "UPSTREAM_REFUSED"),
    (
        ANNOUNCEMENT,
        {"title": "", "content": MASKED, "images": ["", "a,b"]},
        "title REQUIRED, content MASKED, images.0 FORMAT, images.1 FORMAT",
    ),
]
"""An input, and what is said of it: field, code unless it is INVALID, rule, bounds."""

KEY, CODE = "idempotencyKey FORMAT 1..128", "communityCode FORMAT 1..32"
DATES = ("2025-W48-2", "2025-02-29", "20250228", "２０２５-02-28", " 2025-02-28", "2025-02-28T00:00:00", "")
WRONG: Table = [
    (ORDER, {"idempotencyKey": "钥"}, KEY),
    (
        ORDER,
        {"idempotencyKey": "k" * 129, "communityCode": "a b", "details": ROWS, "payer": {"idCard": ""}, "amount": "-1"},
        f"{KEY}, details COUNT ..50, details UNIQUE, {CODE}, payer REQUIRED, amount RANGE 0.01..9999999.99",
    ),
    (
        APPROVE,
        {"idempotencyKey": "", **people(sex="UNRECOGNIZED", phone="x")},
        f"{KEY}, content.people.sex ONE_OF, content.people.phone FORMAT",
    ),
    *((APPROVE, people(birthDate=day), "content.people.birthDate FORMAT") for day in DATES),
    *((REJECT, {"reason": reason}, "reason LENGTH 1..500") for reason in ("", " \u3000")),
    (REJECT, {"idempotencyKey": "", "reason": MASKED * 50}, f"{KEY}, reason LENGTH 1..500, reason MASKED"),
    (REJECTS, {"ids": [], "reason": "\u200b", "idempotencyKey": ""}, f"ids COUNT 1..100, {KEY}, reason LENGTH 1..500"),
    (REJECTS, {"reason": None}, "reason ONE_OF"),
    (REJECTS, {"reasons": ["甲"]}, "reasons CONFLICT"),
    (REJECTS, {"reason": None, "reasons": ["甲", "乙"]}, "reasons COUNT 1..1"),
    (REJECTS, {"ids": ["1", "1"], "reason": None, "reasons": ["甲", "乙"]}, "ids UNIQUE"),
    (
        REJECTS,
        {"ids": ["1", "2"], "reason": None, "reasons": ["", "长" * 501], "idempotencyKey": ""},
        f"{KEY}, reasons.0 LENGTH 1..500, reasons.1 LENGTH 1..500",
    ),
    (
        REPAIR,
        {"idempotencyKey": "", "status": "UNRECOGNIZED", "reply": "复" * 1001},
        f"{KEY}, status ONE_OF, reply LENGTH ..1000",
    ),
    (MODULE, {"idempotencyKey": "", "communityCode": "", "name": "UNRECOGNIZED"}, f"{KEY}, {CODE}, name ONE_OF"),
    *((MODULE, change, "name ONE_OF") for change in ({"name": None}, {"label": "投诉建议"})),
    (
        ANNOUNCEMENT,
        {"idempotencyKey": "", "communityCode": "", "images": ["a,b"] * 21, "title": ""},
        ", ".join([KEY, "images COUNT ..20", CODE, "title REQUIRED", *(f"images.{at} FORMAT" for at in range(21))]),
    ),
]
"""The same of what is BAD_USER_INPUT, in the order in which it is said."""

AMOUNTS = ("１２", "٣", "12,3", "1,234", "1e2", "1e16", " 12", "12\n", "12.", ".5", "NaN", "Infinity", "", 12.5, True)
PAYERS = ({}, {"idCard": "999302199211302226", "carNumber": "GK12001"}, {"idCard": None})

USER_ERRORS = "userErrors { code field rule min max message messageZh upstreamMessage }"


def document(case: Case) -> str:
    return case.document.replace("userErrors { code field message upstreamMessage }", USER_ERRORS)


def said(error: dict[str, Any]) -> str:
    assert re.search(r"[\u4e00-\u9fff]", error["messageZh"])
    code = error.get("code", "INVALID")
    bounds = f"{error['min'] or ''}..{'today' if 'today' in error['message'] else error['max'] or ''}"
    words = (".".join(error["field"] or ()), code.replace("INVALID", ""), error["rule"], bounds.removesuffix(".."))
    return " ".join(filter(None, words))


def writes(sandbox, case: Case) -> int:
    return sandbox.effects.count(case.endpoint)


async def test_refusal_has_its_errors_an_operation_and_no_effect(gateway, sandbox):
    for number, (case, change, errors) in enumerate(REFUSALS):
        prepared = await case.prepare(gateway, number) | change
        sandbox.effects.clear()
        answer = await gateway.ask(document(case), {"input": prepared})
        payload = case.result(answer.body["data"])  # a community that is not the account's cannot be shown either

        assert (payload["outcome"], sorted(map(said, payload["userErrors"]))) == (
            "REFUSED",
            sorted(errors.split(", ")),
        ), change
        if not change.get("dryRun"):
            assert payload["operation"]["outcome"] == "REFUSED", (case.name, change)
        assert not sandbox.effects.all(), (case.name, change)
        assert not re.search("9993021992|１９９|99900", answer.response.text), "what is personal is not repeated"


async def test_bad_user_input_lists_every_violation_and_sends_nothing(gateway, sandbox):
    for number, (case, change, errors) in enumerate(WRONG):
        prepared = await case.prepare(gateway, number) | change
        sandbox.effects.clear()
        sandbox.reset_calls()
        answer = await gateway.ask(document(case), {"input": prepared})

        assert answer.code == "BAD_USER_INPUT", case.name
        extensions = answer.error["extensions"]
        assert ", ".join(map(said, extensions["violations"])) == errors, case.name
        first = extensions["violations"][0]
        assert extensions["argument"] == "input." + ".".join(first["field"])
        assert (extensions["rule"], answer.error["message"]) == (first["rule"], first["message"])
        assert extensions["messageZh"] == first["messageZh"]
        assert sandbox.calls == []


async def test_amount_is_in_plain_digits_and_payer_is_one(gateway, sandbox):
    for change in [*({"amount": amount} for amount in AMOUNTS), *({"payer": payer} for payer in PAYERS)]:
        answer = await gateway.ask(ORDER.document, {"input": dict(ORDER.input) | change})
        assert answer.code == "BAD_USER_INPUT", change
    assert sandbox.calls == []


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


async def test_foreign_community_is_refused_before_any_call(gateway, mint, sandbox):
    for number, case in enumerate(case for case in CASES if "communityCode" in case.input):
        prepared = await case.prepare(gateway) | {"idempotencyKey": f"key-{number}"}
        sandbox.reset_calls()
        payload = await case.write(gateway, prepared, token=mint(communities=["00002"]))

        [error] = payload.pop("userErrors")
        said = (payload.pop("outcome"), error["code"], error["field"])
        assert said == ("REFUSED", "FORBIDDEN_COMMUNITY", ["communityCode"]), case.name
        assert payload.pop("operation")["outcome"] == "REFUSED"
        assert not any(payload.values())
        assert sandbox.calls == []


async def test_foreign_community_comes_with_the_other_violations(gateway, mint):
    given = await ORDER.prepare(gateway) | {"communityCode": "00001", "amount": "0"}
    answer = await gateway.ask(document(ORDER), {"input": given}, token=mint(communities=["10002"]))
    errors = ORDER.result(answer.body["data"])["userErrors"]

    assert [*map(said, errors)] == ["communityCode FORBIDDEN_COMMUNITY ACCESS", "amount RANGE 0.01..9999999.99"]


async def test_correction_cannot_move_to_a_foreign_community(gateway, mint, sandbox):
    """By a correction of what was submitted: the platform would carry it out for the gateway's account."""
    for code in ("10003", "1", "10002 ", "10002"):
        prepared = await APPROVE.prepare(gateway) | {"content": {"house": {"communityCode": code}}}
        payload = await APPROVE.write(gateway, prepared, token=mint(communities=["10002"]))

        own, errors = code == "10002", [(error["code"], error["field"]) for error in payload["userErrors"]]
        refused = [("FORBIDDEN_COMMUNITY", ["content", "house", "communityCode"])]
        assert (payload["outcome"], errors) == (("CONFIRMED", []) if own else ("REFUSED", refused)), code
        assert writes(sandbox, APPROVE) == own


async def test_foreign_record_is_not_found(gateway, mint, sandbox):
    token = mint(communities=["00002"])
    for case in (APPROVE, REJECT, REPAIR):
        prepared = await case.prepare(gateway)
        sandbox.reset_calls()
        for node_id in (prepared["id"], "1", "99999"):
            payload = await case.write(gateway, prepared | {"id": node_id}, token=token)
            assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"]
        assert sandbox.calls == []


async def test_refused_write_returns_its_record_and_no_payment(gateway):
    id_ = (await APPROVE.prepare(gateway))["id"]
    payment = {"orderNumber": "20261106160800172143", "shopNumber": "1900000109", "weixinNumber": ""}
    refused = await gateway.write("approveShenhe", {"id": id_, **people(name="李*")}, "operation { result { id } }")
    unpaid = await gateway.write("payCallback", payment, "outcome operation { result { id } } payment { id }")

    assert refused == {"operation": {"result": {"id": id_}}}
    assert unpaid == {"outcome": "REFUSED", "operation": {"result": None}, "payment": None}


async def test_payment_by_hand_lists_every_wrong_number(gateway):
    given = {"orderNumber": "abc", "shopNumber": "a b", "weixinNumber": "1"}
    payload = await gateway.write("payCallback", given, USER_ERRORS)

    assert [*map(said, payload["userErrors"])] == ["orderNumber FORMAT", "shopNumber FORMAT"]


async def test_variables_of_wrong_types_are_violations_too(gateway):
    given = {"title": 5, "amount": 1.5, "payer": {}}
    answer = await gateway.ask(write_document("createOrder"), {"input": given})
    said = [error["extensions"] for error in answer.errors]

    rules = {(each["argument"], each["rule"], len(each["violations"])) for each in said}
    wrong = {
        ("input.title", "FORMAT"),
        ("input.amount", "FORMAT"),
        ("input.payer", "ONE_OF"),
        ("input.communityCode", "REQUIRED"),
    }
    assert {(*each, 1) for each in wrong} <= rules


async def test_recorded_refusal_keeps_its_texts(gateway):
    prepared = await ORDER.prepare(gateway) | {"amount": "0"}
    first, again = [(await gateway.read(document(ORDER), {"input": prepared})) for _ in range(2)]
    assert first == again
    assert first["outcome"] == "REFUSED"
    assert first["userErrors"][0]["messageZh"] == "金额须大于 0、不超过 9999999.99，精确到分。"
