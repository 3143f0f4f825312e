"""Phones as people paste them: normalised wherever a caller gives one, before a platform is asked."""

import json

import pytest

PASTED = [
    "+86 199-0000-0002",
    "0086 199 0000 0002",
    "86-19900000002",
    "(+86)１９９００００００02",
    " 199 0000\u30000002 ",
    "\u202d+86\u00a0199\u20110000\u20110002\u202c",
]
PERSON = 'query ($phone: String!) { people(name: "王芳", phone: $phone) { phone } }'
ORDERS = 'query ($phone: String!) { orders(communityCode: "10002", filter: {phone: $phone}) { totalCount } }'
CREATE = """mutation ($payer: PayerInput!, $key: ID!) { createOrder(input: { communityCode: "10002", payer: $payer
    title: "测试费", amount: "0.01", idempotencyKey: $key }) { outcome userErrors { message } } }"""
CREATE_ALL = """mutation ($orders: [NewOrderInput!]!) { createOrders(input: { communityCode: "10002", title: "测试费"
    orders: $orders, idempotencyKey: "pasted" }) { confirmed } }"""
NO_PHONE = "0335-3012345转8001"


async def test_spellings_of_one_phone_are_one_call(gateway, sandbox):
    fields = " ".join(
        f'p{at}: people(name: "王芳", phone: {json.dumps(phone)}) {{ phone }}' for at, phone in enumerate(PASTED)
    )
    assert len((await gateway.ask(f"{{ {fields} }}")).data) == len(PASTED)
    assert sandbox.count("SECURITY", "people") == 1


@pytest.mark.parametrize("phone", PASTED)
async def test_orders_are_filtered_by_a_pasted_phone(gateway, sandbox, phone):
    world = sandbox.world
    wanted = [order for order in world.orders_of["10002"] if order.payer and order.payer.phone == "19900000002"]

    assert wanted
    assert (await gateway.ask(ORDERS, {"phone": phone})).data["orders"]["totalCount"] == len(wanted)
    assert sandbox.count("WJDH", "order/list") == 1


async def test_same_phone_otherwise_spelt_is_the_same_write(gateway, sandbox):
    for phone in PASTED:
        answer = await gateway.ask(CREATE, {"payer": {"phone": {"phone": phone}}, "key": "pasted"})
        assert answer.data["createOrder"]["outcome"] == "CONFIRMED"

    (effect,) = sandbox.effects.of("order/new")
    assert json.loads(effect.form["identifier"]) == {"phone": "19900000002"}


async def test_payers_of_several_orders_are_normalised(gateway, sandbox):
    entries = [{"payer": {"phone": {"phone": phone}}, "amount": f"{at + 1}.00"} for at, phone in enumerate(PASTED)]

    answer = await gateway.ask(CREATE_ALL, {"orders": entries})

    assert answer.data["createOrders"]["confirmed"] == len(PASTED)
    identifiers = {effect.form["identifier"] for effect in sandbox.effects.of("order/new")}
    assert [json.loads(identifier) for identifier in identifiers] == [{"phone": "19900000002"}]


async def test_other_text_is_looked_for_as_it_is(gateway, sandbox):
    await gateway.ask(ORDERS, {"phone": f" {NO_PHONE} "})

    (call,) = [call for call in sandbox.calls if call.endpoint == "order/list"]
    assert call.form["phone"] == NO_PHONE
