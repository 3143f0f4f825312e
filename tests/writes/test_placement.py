"""A payment gets its community from an order list that contains its order."""

import pytest
from broken_journal import broken
from waiting import until

from gateway.payments import reads as placement
from gateway.sandbox.faults import Fault, FaultKind


@pytest.fixture
def environ(environ, request):
    """With the settings of one test, by parametrization."""
    return environ | getattr(request, "param", {})


FIRST = 'query ($first: Int!) { orders(communityCode: "10002", first: $first) { nodes { number } } }'
PLACED = "query ($code: ID) { payments(communityCode: $code) { nodes { orderNumber } } }"


def get_order_number(sandbox) -> str:
    return sandbox.world.orders_of["10002"][0].number


async def read_a_list(gateway, first: int = 100) -> list[str]:
    return [order["number"] for order in (await gateway.read(FIRST, {"first": first}))["nodes"]]


async def pay(gateway, number: str, weixin: str = "4200000000001"):
    given = {"orderNumber": number, "shopNumber": "S1", "weixinNumber": weixin}
    return await gateway.write("payCallback", given, "outcome payment { communityCode }")


async def placed(gateway, code="10002", **options) -> list[str]:
    """The order numbers of the payments that are known to be of the community."""
    return [payment["orderNumber"] for payment in (await gateway.read(PLACED, {"code": code}, **options))["nodes"]]


async def test_payment_of_a_seen_order_is_placed_without_a_read(gateway, sandbox):
    number = get_order_number(sandbox)
    assert number in await read_a_list(gateway)
    read = sandbox.count("WJDH", "order/list")
    await pay(gateway, number)

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
async def test_orders_read_place_their_payments(gateway, sandbox):
    """One by its number, and all of a list."""
    first, second = (order.number for order in sandbox.world.orders_of["10002"][:2])
    await pay(gateway, first)
    shown = await gateway.read(ORDER, {"number": first})

    assert shown == {"communityCode": "10002", "notification": {"communityCode": "10002"}}
    assert await placed(gateway) == [first]
    await pay(gateway, second, "4200000000002")
    query = '{ orders(communityCode: "10002", first: 100) { nodes { notification { communityCode } } } }'
    orders = (await gateway.read(query))["nodes"]
    assert [order["notification"] for order in orders if order["notification"]] == [{"communityCode": "10002"}] * 2
    gateway.parts.journal.payments.set_community = None  # nothing is recorded again
    assert await gateway.read(ORDER, {"number": first}) == shown


async def test_failed_placement_is_retried_and_shown_meanwhile(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(placement, "RETRY", 0.01)
    number = get_order_number(sandbox)
    await pay(gateway, number)
    with broken(gateway.parts.journal.payments, "set_community"):
        shown = await gateway.read(ORDER, {"number": number})
        assert shown == {"communityCode": "10002", "notification": {"communityCode": "10002"}}

    assert await until(lambda: placed(gateway)) == [number]


@pytest.mark.postgres
async def test_payment_is_placed_by_another_gateway(environ, sandbox, serve, database_url):
    settings = environ | {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_ID_KEY": "k" * 32}
    async with serve(settings) as one, serve(settings) as two:
        await read_a_list(one)
        await pay(two, get_order_number(sandbox))

        assert await until(lambda: placed(two)) == [get_order_number(sandbox)]


async def test_orders_seen_long_ago_are_forgotten(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(placement, "REMEMBERED", 10)
    query = '{ orders(communityCode: "%s", first: 10) { nodes { number } } }'
    lists = [(await gateway.read(query % code))["nodes"] for code in ("00001", "10003", "10002")]
    forgotten, seen = lists[0][0]["number"], lists[-1][-1]["number"]
    sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.HTTP_500))
    sandbox.reset_calls()

    await pay(gateway, seen)
    assert await until(lambda: placed(gateway)) == [seen]
    assert sandbox.count("WJDH", "order/list") == 0
    await pay(gateway, forgotten, "4200000000002")
    await until(lambda: sandbox.count("WJDH", "order/list"))
    assert await placed(gateway, "00001") == []


SEARCHED = [({"GATEWAY_COMMUNITIES": "00001,10002"}, "10002", 6), ({}, "10003", 9)]
"""The settings, a community of theirs or of those that the security platform reports, and the most calls."""


@pytest.mark.parametrize(("environ", "code", "most"), SEARCHED, indirect=["environ"])
@pytest.mark.parametrize("place", [0, 14, -1])
async def test_unseen_order_is_searched_for_its_clerks(gateway, mint, sandbox, code, most, place):
    number = sandbox.world.orders_of[code][place].number
    await pay(gateway, number)

    assert await until(lambda: placed(gateway, code)) == [number]
    assert 1 <= sandbox.count("WJDH", "order/list") <= most
    for clerk, shown in ((code, [number]), ("00001", [])):
        assert await placed(gateway, None, token=mint("payment:read", communities=[clerk])) == shown, clerk


async def test_search_includes_communities_whose_orders_were_read(gateway, sandbox):
    """The security platform does not report this one."""
    assert get_order_number(sandbox) not in await read_a_list(gateway, 1)
    await pay(gateway, get_order_number(sandbox))

    assert await until(lambda: placed(gateway)) == [get_order_number(sandbox)]


@pytest.mark.parametrize("environ", [{"GATEWAY_COMMUNITIES": "00003,10002"}], indirect=True)
async def test_failed_search_is_repeated(gateway, sandbox, monkeypatch):
    monkeypatch.setattr(placement, "SEARCH_AGAIN", 0.01)
    sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.HTTP_500), times=3)
    await pay(gateway, get_order_number(sandbox))

    assert await until(lambda: placed(gateway)) == [get_order_number(sandbox)]
    assert await gateway.parts._search_order("20990101000000000000"), "wjdh refuses 00003 each time"


async def test_hanging_search_delays_no_seen_order(gateway, sandbox):
    number = (await read_a_list(gateway))[0]
    sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.HANG))
    sandbox.reset_calls()
    await pay(gateway, "20990101000000000000", "4201000000001")
    await until(lambda: sandbox.count("WJDH", "order/list"))
    await pay(gateway, number)
    assert await until(lambda: placed(gateway)) == [number]
    assert sandbox.count("WJDH", "order/list") == 1, "the search goes on"
