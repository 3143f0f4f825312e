"""Notifications that contradict a payment are listed with it."""

import pytest

PAY = """
mutation Pay($input: PayCallbackInput!) { payCallback(input: $input) { outcome userErrors { code } } }
"""
CONFLICTS = "conflicts { orderNumber shopNumber weixinNumber receivedAt }"
PAYMENTS = (
    "query Payments($code: ID, $conflicting: Boolean) { payments(communityCode: $code, filter: "
    f"{{conflicting: $conflicting}}) {{ totalCount nodes {{ orderNumber {CONFLICTS} }} }} }}"
)
ORDERS = f'{{ orders(communityCode: "10002") {{ nodes {{ number notification {{ {CONFLICTS} }} }} }} }}'

SHOP, WEIXIN = "1900000109", "4200000201"


@pytest.fixture
def environ(environ, engine):
    return environ | engine


@pytest.fixture
def pay(gateway):
    async def pay(order, shop=SHOP, weixin=WEIXIN):
        numbers = {"orderNumber": order, "shopNumber": shop, "weixinNumber": weixin}
        payload = (await gateway.ask(PAY, {"input": numbers})).data["payCallback"]
        codes = [error["code"] for error in payload["userErrors"]]
        assert codes == (["CONFLICT"] if payload["outcome"] == "REFUSED" else [])
        return payload["outcome"]

    return pay


@pytest.fixture
def list_payments(gateway):
    async def list_payments(token=None, **arguments):
        return (await gateway.ask(PAYMENTS, arguments, token=token)).data["payments"]["nodes"]

    return list_payments


def numbers(payment):
    return [(it["orderNumber"], it["shopNumber"], it["weixinNumber"]) for it in payment["conflicts"]]


async def test_conflict_lists_numbers_and_times(environ, serve, clock):
    async with serve(environ, clock) as gateway:
        for change in (
            {},
            {"shopNumber": "1901"},
            {"orderNumber": "2"},
            {"weixinNumber": "4201"},
            {"orderNumber": "2"},
        ):
            await gateway.ask(PAY, {"input": {"orderNumber": "1", "shopNumber": SHOP, "weixinNumber": WEIXIN} | change})
            clock.advance(minutes=1)
        [payment] = (await gateway.ask(PAYMENTS)).data["payments"]["nodes"]

    assert numbers(payment) == [("1", "1901", WEIXIN), ("2", SHOP, WEIXIN), ("1", SHOP, "4201")]
    times = [conflict["receivedAt"] for conflict in payment["conflicts"]]
    assert times == sorted(set(times))


async def test_payments_are_filtered_by_conflict(pay, list_payments):
    outcomes = [await pay("1"), await pay("2", weixin="4202"), await pay("2", weixin="4203")]

    assert outcomes == ["CONFIRMED", "CONFIRMED", "REFUSED"]
    assert [payment["orderNumber"] for payment in await list_payments(conflicting=True)] == ["2"]
    assert [payment["orderNumber"] for payment in await list_payments(conflicting=False)] == ["1"]
    assert [numbers(payment) for payment in await list_payments()] == [[("2", SHOP, "4203")], []]


async def test_conflicts_of_a_payment_are_limited(gateway, pay, list_payments):
    await pay("1")
    for number in range(25):
        assert await pay("1", shop=str(number)) == "REFUSED"

    [payment] = await list_payments(conflicting=True)
    assert [shop for _, shop, _ in numbers(payment)] == [str(number) for number in range(20)]


async def test_conflict_hides_foreign_order_numbers(gateway, pay, list_payments, mint, until):
    community_token = mint("payment:read", communities=["10002"])
    listed = (await gateway.ask(ORDERS)).data["orders"]["nodes"]
    order = listed[0]["number"]
    await pay(order)
    await pay("20990101000000000000", shop="1901")
    await pay(order, weixin="4202")

    async def placed():
        await gateway.ask(ORDERS)
        return await list_payments(community_token)

    [payment] = await until(placed)
    assert set(numbers(payment)) == {(None, "1901", WEIXIN), (order, SHOP, "4202")}
    [payment] = await list_payments()
    assert set(numbers(payment)) == {("20990101000000000000", "1901", WEIXIN), (order, SHOP, "4202")}
    by_order = {node["number"]: node["notification"] for node in (await gateway.ask(ORDERS)).data["orders"]["nodes"]}
    assert by_order[order] == {"conflicts": payment["conflicts"]}
