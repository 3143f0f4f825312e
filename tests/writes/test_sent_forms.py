"""Writes are sent as documented, and numbers as a platform keeps them; what cannot be one goes nowhere."""

import json

from sent_forms import PASTED, SENT
from write_cases import BY_NAME, FIRST, HOUSE, order

ORDER = order("", {"house": HOUSE})
LISTED = 'query ($id: String!) { orders(communityCode: "10002", filter: { idCard: $id }) { totalCount } }'
FIRST_OF = {"repair/update": FIRST["repair"], "shenhe/update": FIRST["shenhe"]}


async def test_form_is_as_documented(gateway, sandbox):
    for number, (mutation, given, endpoint, form) in enumerate(SENT):
        own: dict[str, object] = {"idempotencyKey": f"key {number}"}
        if endpoint in FIRST_OF:
            own["id"] = (await gateway.read(FIRST_OF[endpoint]))["nodes"][0]["id"]
        elif endpoint == "order/new":
            own["allowRepeat"] = True
        sandbox.effects.clear()

        assert await gateway.write(mutation, given | own) == {"outcome": "CONFIRMED"}, given
        [effect] = sandbox.effects.of(endpoint)
        sent = dict(effect.form)
        assert ("id" in own) == (sent.pop("id", None) is not None)
        assert sent == form


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


async def test_filter_for_what_is_no_number_is_refused(gateway, sandbox):
    for number in ("9990**********1234", "12", "999302-19921130-2226"):
        listed = await gateway.ask(LISTED, {"id": number})
        assert (listed.code, listed.error["extensions"]["argument"]) == ("BAD_USER_INPUT", "filter.idCard")
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
