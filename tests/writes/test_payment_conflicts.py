"""Notifications that contradict a payment are listed with it."""

import pytest
from waiting import until

CONFLICTS = "conflicts { orderNumber shopNumber weixinNumber receivedAt }"
PAYMENTS = (
    "query Payments($code: ID, $conflicting: Boolean) { payments(communityCode: $code, filter: "
    f"{{conflicting: $conflicting}}) {{ nodes {{ orderNumber {CONFLICTS} }} }} }}"
)
ORDERS = f'{{ orders(communityCode: "10002") {{ nodes {{ number notification {{ {CONFLICTS} }} }} }} }}'

SHOP, WEIXIN = "1900000109", "4200000201"


@pytest.fixture
def environ(environ, engine):
    return environ | engine


async def pay(gateway, order, shop=SHOP, weixin=WEIXIN):
    given = {"orderNumber": order, "shopNumber": shop, "weixinNumber": weixin}
    payload = await gateway.write("payCallback", given, "outcome userErrors { code }")
    assert [error["code"] for error in payload["userErrors"]] == (
        ["CONFLICT"] if payload["outcome"] == "REFUSED" else []
    )
    return payload["outcome"]


async def list_payments(gateway, token=None, **arguments):
    return (await gateway.read(PAYMENTS, arguments, token=token))["nodes"]


def numbers(payment):
    return [(it["orderNumber"], it["shopNumber"], it["weixinNumber"]) for it in payment["conflicts"]]


async def test_conflict_lists_numbers_and_times(gateway, clock):
    """Of the payment with its order, before that with its WeChat number."""
    for order, shop, weixin in (
        ("3", SHOP, "4203"),
        ("1", SHOP, WEIXIN),
        ("1", "1901", WEIXIN),
        ("2", SHOP, WEIXIN),
        ("1", SHOP, "4203"),
        ("2", SHOP, WEIXIN),
    ):
        await pay(gateway, order, shop, weixin)
        clock.advance(minutes=1)
    payment, other = await list_payments(gateway)

    assert numbers(other) == []
    assert numbers(payment) == [("1", "1901", WEIXIN), ("2", SHOP, WEIXIN), ("1", SHOP, "4203")]
    times = [conflict["receivedAt"] for conflict in payment["conflicts"]]
    assert times == sorted(set(times))


async def test_payments_are_filtered_by_conflict(gateway):
    given = (("1", WEIXIN), ("2", "4202"), ("2", "4203"))
    outcomes = [await pay(gateway, order, weixin=weixin) for order, weixin in given]

    assert outcomes == ["CONFIRMED", "CONFIRMED", "REFUSED"]
    for conflicting, order in ((True, "2"), (False, "1")):
        found = await list_payments(gateway, conflicting=conflicting)
        assert [payment["orderNumber"] for payment in found] == [order]
    assert [numbers(payment) for payment in await list_payments(gateway)] == [[("2", SHOP, "4203")], []]


async def test_conflicts_of_a_payment_are_limited(gateway):
    await pay(gateway, "1")
    for number in range(25):
        assert await pay(gateway, "1", shop=str(number)) == "REFUSED"

    [payment] = await list_payments(gateway, conflicting=True)
    assert [shop for _, shop, _ in numbers(payment)] == [str(number) for number in range(20)]


async def test_conflict_hides_foreign_order_numbers(gateway, mint):
    community_token = mint("payment:read", communities=["10002"])
    order = (await gateway.read(ORDERS))["nodes"][0]["number"]
    await pay(gateway, order)
    await pay(gateway, "20990101000000000000", shop="1901")
    await pay(gateway, order, weixin="4202")

    async def placed():
        await gateway.ask(ORDERS)
        return await list_payments(gateway, community_token)

    [payment] = await until(placed)
    assert set(numbers(payment)) == {(None, "1901", WEIXIN), (order, SHOP, "4202")}
    [payment] = await list_payments(gateway)
    assert set(numbers(payment)) == {("20990101000000000000", "1901", WEIXIN), (order, SHOP, "4202")}
    by_order = {node["number"]: node["notification"] for node in (await gateway.read(ORDERS))["nodes"]}
    assert by_order[order] == {"conflicts": payment["conflicts"]}
