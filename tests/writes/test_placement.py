"""A payment gets its community from an order list that contains its order."""

import pytest

from gateway.auth.issuer import DevelopmentIssuer
from gateway.errors import JournalError
from gateway.loaders import placement
from gateway.sandbox.faults import Fault, FaultKind
from gateway.settings import load_settings
from gateway.wording.faults import FaultWording

PAYMENT = """
mutation Pay($number: String!) {
  payCallback(input: { orderNumber: $number, shopNumber: "S1", weixinNumber: "4200000000001" }) {
    outcome payment { communityCode }
  }
}
"""


@pytest.fixture
def environ(environ, request):
    """With the settings of one test, by parametrization."""
    return environ | getattr(request, "param", {})


def get_order_number(sandbox) -> str:
    return sandbox.world.orders_of["10002"][0].number


async def read_a_list(gateway, first: int = 100) -> list[str]:
    query = 'query Read($first: Int!) { orders(communityCode: "10002", first: $first) { nodes { number } } }'
    return [order["number"] for order in (await gateway.ask(query, {"first": first})).data["orders"]["nodes"]]


async def placed(gateway, code="10002") -> list[str]:
    """The order numbers of the payments that are known to be of the community."""
    answer = await gateway.ask(f'{{ payments(communityCode: "{code}") {{ nodes {{ orderNumber }} }} }}')
    return [payment["orderNumber"] for payment in answer.data["payments"]["nodes"]]


async def test_payment_is_placed_when_its_order_is_listed(gateway, sandbox, until):
    number = get_order_number(sandbox)
    paid = await gateway.ask(PAYMENT, {"number": number})
    assert paid.data["payCallback"] == {"outcome": "CONFIRMED", "payment": {"communityCode": None}}

    async def read_and_placed():  # a payment is looked for a moment after it is kept
        await read_a_list(gateway)
        return await placed(gateway)

    assert await until(read_and_placed) == [number]


async def test_payment_of_a_seen_order_is_placed_without_a_read(gateway, sandbox, until):
    number = get_order_number(sandbox)
    assert number in await read_a_list(gateway)
    read = sandbox.count("WJDH", "order/list")
    await gateway.ask(PAYMENT, {"number": number})

    assert await until(lambda: placed(gateway)) == [number]
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


async def test_failed_placement_is_retried_and_shown_meanwhile(gateway, sandbox, monkeypatch, until):
    monkeypatch.setattr(placement, "RETRY", 0.01)
    number = get_order_number(sandbox)
    payments = gateway.parts.journal.payments
    set_community = payments.set_community

    async def fail(*_):
        raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))

    await gateway.ask(PAYMENT, {"number": number})
    payments.set_community = fail
    shown = (await gateway.ask(ORDER, {"number": number})).data["order"]
    assert shown == {"communityCode": "10002", "notification": {"communityCode": "10002"}}
    payments.set_community = set_community

    assert await until(lambda: placed(gateway)) == [number]


@pytest.mark.postgres
async def test_payment_is_placed_by_another_gateway(environ, sandbox, serve, database_url, until):
    settings = environ | {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_ID_KEY": "k" * 32}
    async with serve(settings) as one, serve(settings) as two:
        await read_a_list(one)
        await two.ask(PAYMENT, {"number": get_order_number(sandbox)})

        assert await until(lambda: placed(two)) == [get_order_number(sandbox)]


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


async def test_payment_of_an_unseen_order_has_no_community(gateway):
    await gateway.ask(PAYMENT, {"number": "20990101000000000000"})

    await read_a_list(gateway)

    listed = await gateway.ask("{ payments { nodes { communityCode } } }")
    assert listed.data["payments"]["nodes"] == [{"communityCode": None}]


SEARCHED = [({"GATEWAY_COMMUNITIES": "00001,10002"}, "10002", 6), ({}, "10003", 9)]
"""The settings, a community of theirs or of those that the security platform reports, and the most calls."""


@pytest.mark.parametrize(("environ", "code", "most"), SEARCHED, indirect=["environ"])
@pytest.mark.parametrize("place", [0, 14, -1])
async def test_unseen_order_is_searched_for_its_clerks(gateway, environ, sandbox, until, code, most, place):
    number = sandbox.world.orders_of[code][place].number
    await gateway.ask(PAYMENT, {"number": number})

    assert await until(lambda: placed(gateway, code)) == [number]
    assert 1 <= sandbox.count("WJDH", "order/list") <= most
    issuer = DevelopmentIssuer.open(load_settings(environ))
    for clerk, shown in ((code, [{"orderNumber": number}]), ("00001", [])):
        token = issuer.mint(["payment:read"], [clerk], "lin", 600)
        answer = await gateway.ask("{ payments { nodes { orderNumber } } }", token=token)
        assert answer.data["payments"]["nodes"] == shown, clerk


async def test_search_includes_communities_whose_orders_were_read(gateway, sandbox, until):
    """The security platform does not report this one."""
    assert get_order_number(sandbox) not in await read_a_list(gateway, 1)
    await gateway.ask(PAYMENT, {"number": get_order_number(sandbox)})

    assert await until(lambda: placed(gateway)) == [get_order_number(sandbox)]


@pytest.mark.parametrize("environ", [{"GATEWAY_COMMUNITIES": "00003,10002"}], indirect=True)
async def test_failed_search_is_repeated(gateway, sandbox, monkeypatch, until):
    monkeypatch.setattr(placement, "SEARCH_AGAIN", 0.01)
    sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.HTTP_500), times=3)
    await gateway.ask(PAYMENT, {"number": get_order_number(sandbox)})

    assert await until(lambda: placed(gateway)) == [get_order_number(sandbox)]
    assert await gateway.parts._search_order("20990101000000000000"), "wjdh refuses 00003 each time"


async def test_hanging_search_delays_no_seen_order(gateway, sandbox, until):
    number = (await read_a_list(gateway))[0]
    sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.HANG))
    sandbox.reset_calls()
    await gateway.ask(PAYMENT.replace("4200", "4201"), {"number": "20990101000000000000"})

    async def is_searched():
        return sandbox.count("WJDH", "order/list") > 0

    await until(is_searched)
    await gateway.ask(PAYMENT, {"number": number})
    assert await until(lambda: placed(gateway)) == [number]
    assert sandbox.count("WJDH", "order/list") == 1, "the search goes on"
