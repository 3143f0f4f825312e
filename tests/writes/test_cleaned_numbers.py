"""Numbers go to a platform as it keeps them, however people paste them; what cannot be one goes nowhere."""

import json

import pytest
from write_cases import BY_NAME, HOUSE, order

ORDER = order("", {"house": HOUSE})
PASTED = [
    "+86 199-0000-0002",
    "0086 199 0000 0002",
    "86-19900000002",
    "(+86)１９９００００００02",
    " 199 0000\u30000002 ",
    "\u202d+86\u00a0199\u20110000\u20110002\u202c",
]
LISTED = 'query ($id: String!) { orders(communityCode: "10002", filter: { idCard: $id }) { totalCount } }'


@pytest.mark.parametrize(
    ("payer", "sent"),
    [
        ({"phone": {"phone": " 19900000002", "name": "王芳\u3000"}}, {"name": "王芳", "phone": "19900000002"}),
        *(({"phone": {"phone": phone}}, {"phone": "19900000002"}) for phone in PASTED),
        ({"idCard": "９９９302 19921130·2226"}, {"idcard": "999302199211302226"}),
        ({"carNumber": " gk·12001 "}, {"number": "GK12001"}),
    ],
)
async def test_number_of_a_payer_is_sent_clean(gateway, sandbox, payer, sent):
    assert (await ORDER.write(gateway, ORDER.input | {"payer": payer}))["outcome"] == "CONFIRMED"
    [form] = [call.form for call in sandbox.calls if call.endpoint == "order/new"]
    assert json.loads(form["identifier"]) == sent


async def test_filter_and_look_up_clean_their_numbers(gateway, sandbox):
    await gateway.ask(LISTED, {"id": "999302 19921130·222x"})
    phones = 'query ($phone: String!) { orders(communityCode: "10002", filter: {phone: $phone}) { totalCount } }'
    for phone in (*PASTED, " 0335-3012345转8001 "):
        await gateway.ask(phones, {"phone": phone})
        person = 'query ($phone: String!) { people(name: "王芳", phone: $phone) { phone } }'
        assert (await gateway.ask(person, {"phone": phone})).data["people"] == (
            {"phone": "19900000002"} if phone in PASTED else None
        )

    forms = [call.form for call in sandbox.calls if call.endpoint == "order/list"]
    assert [form.get("idcard") or form["phone"] for form in forms] == [
        "99930219921130222X",
        *["19900000002"] * len(PASTED),
        "0335-3012345转8001",
    ]


async def test_write_with_a_number_otherwise_spelt_is_the_same(gateway, sandbox):
    for phone in PASTED:
        payer = {"phone": {"phone": phone}}
        assert (await ORDER.write(gateway, ORDER.input | {"payer": payer}))["outcome"] == "CONFIRMED"
    assert sandbox.effects.count("order/new") == 1


@pytest.mark.parametrize("number", ["9990**********1234", "12", "999302-19921130-2226"])
async def test_number_that_is_none_is_refused(gateway, sandbox, number):
    listed = await gateway.ask(LISTED, {"id": number})
    payers = [{"idCard": number}, {"carNumber": number}]
    payloads = [
        await ORDER.write(gateway, ORDER.input | {"payer": payer, "idempotencyKey": next(iter(payer))})
        for payer in payers
    ]

    assert (listed.code, listed.error["extensions"]["argument"]) == ("BAD_USER_INPUT", "filter.idCard")
    fields = [[error["field"] for error in payload["userErrors"]] for payload in payloads]
    assert fields == [[["payer", "idCard"]], [["payer", "carNumber"]]]
    assert sandbox.calls == []


async def test_correction_is_sent_clean(gateway, sandbox):
    approve = BY_NAME["approveShenhe"]
    people = {"idCard": "\t999302 19921130 222x", "name": " 李 明\u3000", "phone": "19900000009 "}
    prepared = await approve.prepare(gateway) | {"content": {"people": people}}

    assert (await approve.write(gateway, prepared))["outcome"] == "CONFIRMED"
    [form] = [call.form for call in sandbox.calls if call.endpoint == "shenhe/update"]
    sent = json.loads(form["content"])["people"]
    assert [sent[f"people_{key}"] for key in ("idcard", "name", "phone")] == [
        "99930219921130222X",
        "李 明",
        "19900000009",
    ]
