"""A payment notification gets its community from the first order list that holds its order."""

import asyncio

from gateway.errors import JournalError
from gateway.events import ORDER_PAID, PAYMENT_PLACED
from gateway.loaders import placement

PAYMENT = """
mutation Pay($number: String!) {
  payCallback(input: { orderNumber: $number, shopNumber: "S1", weixinNumber: "4200000000001" }) {
    outcome payment { communityCode }
  }
}
"""


async def number_of_an_order(gateway) -> str:
    answer = await gateway.ask('{ orders(communityCode: "10002", first: 1) { nodes { number } } }')
    return answer.data["orders"]["nodes"][0]["number"]


async def read_lists_until_told(gateway, events) -> str | None:
    """A payment is looked for a moment after it is kept: lists are read until its order has been found in one."""
    told = asyncio.ensure_future(anext(events))
    async with asyncio.timeout(5):
        while not told.done():
            await number_of_an_order(gateway)
    return told.result().community_code


async def test_a_payment_is_placed_when_its_order_is_seen_in_a_list(gateway):
    number = await number_of_an_order(gateway)
    with gateway.parts.events.subscribe(ORDER_PAID, PAYMENT_PLACED) as events:
        paid = await gateway.ask(PAYMENT, {"number": number})
        assert paid.data["payCallback"] == {"outcome": "CONFIRMED", "payment": {"communityCode": None}}
        assert (await anext(events)).community_code is None

        assert await read_lists_until_told(gateway, events) == "10002"

    listed = await gateway.ask('{ payments(communityCode: "10002") { nodes { orderNumber communityCode } } }')
    assert listed.data["payments"]["nodes"] == [{"orderNumber": number, "communityCode": "10002"}]


async def test_a_journal_that_fails_after_a_payment_was_placed_does_not_keep_its_community_from_being_told(
    gateway, monkeypatch
):
    monkeypatch.setattr(placement, "RETRY", 0.01)
    payments = gateway.parts.journal.payments
    read = payments.by_order_number

    async def fail_once(_numbers):
        payments.by_order_number = read
        raise JournalError("The journal cannot be used now.")

    number = await number_of_an_order(gateway)
    with gateway.parts.events.subscribe(ORDER_PAID, PAYMENT_PLACED) as events:
        await gateway.ask(PAYMENT, {"number": number})
        await anext(events)
        await asyncio.sleep(2 * placement.BURST)
        payments.by_order_number = fail_once
        await number_of_an_order(gateway)

        async with asyncio.timeout(5):
            assert (await anext(events)).community_code == "10002"


async def test_a_payment_of_an_order_nobody_has_seen_stays_without_a_community(gateway):
    await gateway.ask(PAYMENT, {"number": "20990101000000000000"})

    await number_of_an_order(gateway)

    listed = await gateway.ask("{ payments { nodes { communityCode } } }")
    assert listed.data["payments"]["nodes"] == [{"communityCode": None}]
