"""A payment gets its community from an order list that contains its order."""

import asyncio

import pytest

from gateway.errors import JournalError
from gateway.events import ORDER_PAID, PAYMENT_PLACED
from gateway.loaders import placement
from gateway.wording.faults import FaultWording

PAYMENT = """
mutation Pay($number: String!) {
  payCallback(input: { orderNumber: $number, shopNumber: "S1", weixinNumber: "4200000000001" }) {
    outcome payment { communityCode }
  }
}
"""


def get_order_number(sandbox) -> str:
    return sandbox.world.orders_of["10002"][0].number


async def read_a_list(gateway, first: int = 100) -> list[str]:
    query = 'query Read($first: Int!) { orders(communityCode: "10002", first: $first) { nodes { number } } }'
    return [order["number"] for order in (await gateway.ask(query, {"first": first})).data["orders"]["nodes"]]


async def read_lists_until_event(gateway, events) -> str | None:
    """A payment is looked for a moment after it is kept: lists are read until its order has been found in one."""
    event = asyncio.ensure_future(anext(events))
    async with asyncio.timeout(5):
        while not event.done():
            await read_a_list(gateway)
    return event.result().community_code


async def test_payment_is_placed_when_its_order_is_listed(gateway, sandbox):
    number = get_order_number(sandbox)
    with gateway.parts.events.subscribe(ORDER_PAID, PAYMENT_PLACED) as events:
        paid = await gateway.ask(PAYMENT, {"number": number})
        assert paid.data["payCallback"] == {"outcome": "CONFIRMED", "payment": {"communityCode": None}}
        assert (await anext(events)).community_code is None

        assert await read_lists_until_event(gateway, events) == "10002"

    listed = await gateway.ask('{ payments(communityCode: "10002") { nodes { orderNumber communityCode } } }')
    assert listed.data["payments"]["nodes"] == [{"orderNumber": number, "communityCode": "10002"}]


async def test_payment_of_a_seen_order_is_placed_without_a_read(gateway, sandbox):
    number = get_order_number(sandbox)
    assert number in await read_a_list(gateway)
    read = sandbox.count("WJDH", "order/list")
    with gateway.parts.events.subscribe(PAYMENT_PLACED) as events:
        await gateway.ask(PAYMENT, {"number": number})

        async with asyncio.timeout(5):
            assert (await anext(events)).community_code == "10002"

    assert sandbox.count("WJDH", "order/list") == read


ORDER = """
query Read($number: String!) {
  order(communityCode: "10002", number: $number) { communityCode notification { communityCode } } }
"""


@pytest.fixture
def placed_when_shown(monkeypatch):
    """The search for orders of new payments begins a minute after they came, so that only showing one places it."""
    monkeypatch.setattr(placement, "BURST", 60)


@pytest.mark.usefixtures("placed_when_shown")
async def test_order_read_places_its_payment(gateway, sandbox):
    number = get_order_number(sandbox)
    await gateway.ask(PAYMENT, {"number": number})

    shown = (await gateway.ask(ORDER, {"number": number})).data["order"]

    assert shown == {"communityCode": "10002", "notification": {"communityCode": "10002"}}
    listed = await gateway.ask('{ payments(communityCode: "10002") { nodes { orderNumber } } }')
    assert listed.data["payments"]["nodes"] == [{"orderNumber": number}]
    gateway.parts.journal.payments.set_community = None  # nothing is recorded again
    assert (await gateway.ask(ORDER, {"number": number})).data["order"] == shown


@pytest.mark.usefixtures("placed_when_shown")
async def test_order_list_read_places_its_payments(gateway, sandbox):
    await gateway.ask(PAYMENT, {"number": get_order_number(sandbox)})

    query = '{ orders(communityCode: "10002", first: 100) { nodes { notification { communityCode } } } }'
    orders = (await gateway.ask(query)).data["orders"]["nodes"]

    assert [order["notification"] for order in orders if order["notification"]] == [{"communityCode": "10002"}]


async def test_failed_placement_is_retried_and_shown_meanwhile(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(placement, "RETRY", 0.01)
    number = get_order_number(sandbox)
    payments = gateway.parts.journal.payments
    set_community = payments.set_community

    async def fail(*_):
        raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))

    await gateway.ask(PAYMENT, {"number": number})
    payments.set_community = fail
    with gateway.parts.events.subscribe(PAYMENT_PLACED) as events:
        shown = (await gateway.ask(ORDER, {"number": number})).data["order"]
        assert shown == {"communityCode": "10002", "notification": {"communityCode": "10002"}}
        payments.set_community = set_community

        async with asyncio.timeout(5):
            assert (await anext(events)).community_code == "10002"


@pytest.mark.postgres
async def test_payment_is_placed_by_another_gateway(environ, sandbox, serve, database_url):
    settings = environ | {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_ID_KEY": "k" * 32}
    async with serve(settings) as one, serve(settings) as two:
        await read_a_list(one)
        with two.parts.events.subscribe(PAYMENT_PLACED) as events:
            await two.ask(PAYMENT, {"number": get_order_number(sandbox)})

            async with asyncio.timeout(5):
                assert (await anext(events)).community_code == "10002"


def test_most_recent_seen_orders_are_remembered(monkeypatch):
    monkeypatch.setattr(placement, "REMEMBERED", 10)
    seen = placement.SeenOrders()
    for first in range(0, 100, 2):
        seen.add("10002", [str(first), str(first + 1)])
        seen.add("10003", ["again", None])

    remembered = [number for number in range(100) if seen.get_community(str(number)) is not None]
    assert remembered == list(range(100 - len(remembered), 100))
    assert 10 <= len(remembered) <= 20
    assert (seen.get_community("99"), seen.get_community("again")) == ("10002", "10003")


async def test_journal_failure_after_placement_is_retried(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(placement, "RETRY", 0.01)
    payments = gateway.parts.journal.payments
    read = payments.by_order_number

    async def fail_once(_numbers):
        payments.by_order_number = read
        raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))

    await read_a_list(gateway)
    payments.by_order_number = fail_once
    with gateway.parts.events.subscribe(PAYMENT_PLACED) as events:
        await gateway.ask(PAYMENT, {"number": get_order_number(sandbox)})

        async with asyncio.timeout(5):
            assert (await anext(events)).community_code == "10002"


async def test_payment_of_an_unseen_order_has_no_community(gateway):
    await gateway.ask(PAYMENT, {"number": "20990101000000000000"})

    await read_a_list(gateway)

    listed = await gateway.ask("{ payments { nodes { communityCode } } }")
    assert listed.data["payments"]["nodes"] == [{"communityCode": None}]
