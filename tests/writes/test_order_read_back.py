"""An order whose answer was lost is recognised in the list or stays unknown, and is never made twice."""

import asyncio
import json

import pytest
from platform_answers import edit_rows, interpose
from waiting import until
from write_cases import HOUSE, order

from gateway.sandbox.dialects import paging
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import SandboxOptions
from gateway.sandbox.wjdh.order import OrderEndpoints

pytestmark = pytest.mark.usefixtures("short_calls")

ORDER = order("", {"house": HOUSE})
LOST = b"<html>"


@pytest.fixture
def per_page():
    return 2


@pytest.fixture
def sandbox_options(dialect, per_page):
    return SandboxOptions(dialect=dialect, orders_per_page=per_page)


@pytest.fixture
def list_orders(monkeypatch):
    """`list_orders(choose)`: order/list lists what `choose(orders, form)` makes of the orders that it finds."""

    def list_orders(choose):
        found = OrderEndpoints._filtered
        monkeypatch.setattr(OrderEndpoints, "_filtered", lambda its, code, form: choose(found(its, code, form), form))

    return list_orders


def on_order(sandbox, *acts):
    """Have `act(form, make)` answer order/new, each act one call."""
    turns = iter(acts)

    def act(form, make):
        return next(turns, lambda *_: make())(form, make)

    interpose(sandbox, "order/new", act)


def made_and_lost(*others, makers=None):
    """It makes the order and one with each of these changes, and its answer is lost. `makers` get what makes it."""

    def act(form, make):
        make()
        for other in others:
            form.update(other)
            make()
        return never_made(makers)(form, make)

    return act


def never_made(makers=None):
    def act(_form, make):
        if makers is not None:
            makers.append(make)
        return LOST

    return act


async def write(gateway, **change):
    return await ORDER.write(gateway, ORDER.input | change)


def newer(count):
    return [{"amount": str(amount)} for amount in range(1, count + 1)]


@pytest.mark.parametrize(
    ("words", "others", "searched", "outcome"),
    [
        *(({}, [], 20, "CONFIRMED"), ({"title": " 物业费 "}, [], 20, "CONFIRMED")),
        *(({"title": title}, [], 20, "UNKNOWN") for title in ("水费", None)),
        *(({"amount": amount}, [], 20, "UNKNOWN") for amount in (99.5, "待定")),
        *(({name: None}, [], 20, "UNKNOWN") for name in ("number", "id")),
        ({}, [{}], 20, "UNKNOWN"),  # an equal one, which the gateway has not made
        # Of pages of two orders, behind one other it is on the first, behind four on the third.
        *(({}, newer(2), 20, "CONFIRMED"), ({}, newer(1), 2, "CONFIRMED"), ({}, newer(4), 2, "UNKNOWN")),
    ],
)
async def test_lost_order_is_confirmed_if_recognised(gateway, sandbox, monkeypatch, words, others, searched, outcome):
    monkeypatch.setattr("gateway.orders.writes.SEARCHED_PAGES", searched)
    edit_rows(sandbox, lambda row: row.update(words) if row["amount"] == 12.3 else None)
    on_order(sandbox, made_and_lost(*others))

    assert (await write(gateway))["outcome"] == outcome
    assert sandbox.effects.count("order/new") == 1 + len(others)


async def test_equal_order_of_another_house_is_not_confused(gateway, sandbox, settle):
    def make_another(form, make):
        form["identifier"] = json.dumps(json.loads(form["identifier"]) | {"fangjian": 102})
        make()
        return LOST

    on_order(sandbox, make_another)
    payload = await write(gateway)

    assert (payload["outcome"], (await settle(payload))["outcome"]) == ("UNKNOWN", "REFUSED")
    assert sandbox.effects.count("order/new") == 1


@pytest.mark.parametrize("other", [{"title": "水费"}, {"amount": "45.60"}, {"payer": {"house": HOUSE | {"room": 102}}}])
async def test_unknown_order_does_not_block_a_different_one(gateway, sandbox, other):
    on_order(sandbox, never_made(), made_and_lost())
    payloads = [await write(gateway, **other), await write(gateway, idempotencyKey="other")]

    assert [payload["outcome"] for payload in payloads] == ["UNKNOWN", "CONFIRMED"]


@pytest.mark.parametrize(("act", "outcome"), [(made_and_lost(), "CONFIRMED"), (never_made(), "UNKNOWN")])
async def test_first_order_of_a_house_is_recognised(gateway, sandbox, monkeypatch, act, outcome):
    """All of its list is new then. An empty list does not say how many pages it has: it is read before and after."""
    pages = paging.pages
    monkeypatch.setattr(paging, "pages", lambda page, *given: pages(page, *given) if page.rows else None)
    sandbox.world.orders_of["10002"].clear()
    on_order(sandbox, act)

    assert (await write(gateway))["outcome"] == outcome
    assert sandbox.count("WJDH", "order/list") == (3 if outcome == "CONFIRMED" else 2), "once more for the payload"


@pytest.mark.parametrize("payer", [{"phone": {"phone": "19900000002"}}, {"idCard": "999302199211302226"}])
@pytest.mark.parametrize(
    ("words", "lists_paid_only", "outcome"),
    [
        ({}, False, "CONFIRMED"),
        ({}, True, "UNKNOWN"),
        ({"paied": "已付款"}, False, "UNKNOWN"),
        ({"house": "晨曦家园1栋1单元1楼101号"}, False, "UNKNOWN"),
    ],
)
async def test_order_of_a_person_is_found_if_listed(
    gateway, sandbox, list_orders, payer, words, lists_paid_only, outcome
):
    """Whether their lists are of those who are charged or who have paid, the document does not say (quirk 149)."""
    if lists_paid_only:
        list_orders(lambda orders, form: [each for each in orders if each.is_paid or not {"phone", "idcard"} & {*form}])
    edit_rows(sandbox, lambda row: row.update(words) if row["amount"] == 12.3 else None)
    on_order(sandbox, made_and_lost())

    assert (await write(gateway, payer=payer))["outcome"] == outcome
    assert sandbox.effects.count("order/new") == 1


async def test_one_order_never_confirms_two_writes(gateway, sandbox, monkeypatch):
    """The first is lost before it is made. The second, which is made, ends while the first looks for its order."""
    operations, looked, second_ended = gateway.parts.journal.operations, [], asyncio.Event()

    def let_the_second_end_after(look):
        async def look_and_wait(*arguments):
            found = await look(*arguments)
            looked.append(look)
            await second_ended.wait()
            return found

        return look_and_wait

    on_order(sandbox, lambda _, make: make(), never_made())
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.HANG), times=1)
    first = asyncio.create_task(write(gateway, idempotencyKey="first"))
    await until(lambda: sandbox.count("WJDH", "order/new") == 1)
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.LATENCY, seconds=0.3), times=1)
    second = asyncio.create_task(write(gateway, idempotencyKey="second"))
    second.add_done_callback(lambda _: second_ended.set())
    await until(lambda: sandbox.count("WJDH", "order/new") == 2)
    for name in ("recorded", "unresolved"):
        monkeypatch.setattr(operations, name, let_the_second_end_after(getattr(operations, name)))
    sandbox.faults.clear()

    assert [(await each)["outcome"] for each in (first, second)] == ["UNKNOWN", "CONFIRMED"]
    assert looked
    assert sandbox.effects.count("order/new") == 1


@pytest.mark.parametrize("newest_first", [True, False])
async def test_order_possibly_on_another_page_is_unknown(gateway, sandbox, list_orders, newest_first):
    """How lists are sorted, the document does not say (quirk 142): its example has the newest order first."""
    list_orders(lambda orders, _: orders if newest_first else orders[::-1])
    on_order(sandbox, made_and_lost(), made_and_lost())
    for turn in ("first", "second"):
        payload = await write(gateway, idempotencyKey=turn)
        assert payload["outcome"] == ("CONFIRMED" if newest_first else "UNKNOWN")

    assert sandbox.effects.count("order/new") == 2


@pytest.mark.parametrize("per_page", [50])
async def test_order_is_recognised_in_any_sort_order(gateway, sandbox, list_orders):
    """The one beside it, which looks alike, was there before, and the gateway has not made it."""
    list_orders(lambda orders, _: orders[::-1])
    makers = []
    on_order(sandbox, made_and_lost(makers=makers), made_and_lost())
    first = await write(gateway, idempotencyKey="first")
    makers[0]()
    second = await write(gateway, idempotencyKey="second")

    assert [first["outcome"], second["outcome"]] == ["CONFIRMED", "CONFIRMED"]


async def test_order_is_found_behind_newer_orders(gateway, sandbox, settle):
    def make_unseen(form, make):
        sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.HTTP_500))
        return made_and_lost()(form, make)

    on_order(sandbox, make_unseen)
    lost = await write(gateway)
    sandbox.faults.clear()
    for number in range(5):
        await write(gateway, title="水费", idempotencyKey=f"since {number}")

    assert (lost["outcome"], (await settle(lost))["outcome"]) == ("UNKNOWN", "CONFIRMED")


@pytest.mark.parametrize("moved", [0, 365], ids=["right clock", "wrong clock"])
async def test_two_equal_lost_orders_both_stay_unknown(gateway, clock, sandbox, settle, moved):
    """Two clerks, equal orders, both answers lost, one order made: its owner is undecidable."""
    on_order(sandbox, never_made(), made_and_lost())
    clock.advance(days=moved)
    lost = await write(gateway, idempotencyKey="one")
    clock.advance(days=-moved)
    made = await write(gateway, idempotencyKey="two", amount="12.3")

    assert [payload["outcome"] for payload in (lost, made)] == ["UNKNOWN", "UNKNOWN"]
    assert [(await settle(payload))["outcome"] for payload in (lost, made)] == ["UNKNOWN", "UNKNOWN"]
    assert sandbox.effects.count("order/new") == 1


async def test_unknown_order_blocks_only_simultaneous_ones(gateway, clock, sandbox):
    """Charges of a phone cannot be looked up later: lost ones stay UNKNOWN."""
    on_order(sandbox, never_made(), made_and_lost(), made_and_lost())
    outcomes = []
    for minutes in (0, 1, 10):
        clock.advance(minutes=minutes)
        payload = await write(gateway, payer={"phone": {"phone": "19900000002"}}, idempotencyKey=f"after {minutes}")
        outcomes.append(payload["outcome"])

    assert outcomes == ["UNKNOWN", "UNKNOWN", "CONFIRMED"]


async def test_order_of_another_write_confirms_nothing(gateway, sandbox, settle):
    """The second is begun, made and recorded while the first, which is never made, is on its way."""
    on_order(sandbox, lambda _, make: make(), never_made())
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.HANG), times=1)
    writing = asyncio.create_task(write(gateway, idempotencyKey="first"))
    await until(lambda: sandbox.count("WJDH", "order/new") == 1)
    second = await write(gateway, idempotencyKey="second")
    sandbox.faults.clear()
    first = await writing

    assert [second["outcome"], first["outcome"]] == ["CONFIRMED", "UNKNOWN"]
    assert (await settle(first))["outcome"] == "REFUSED"
    assert sandbox.effects.count("order/new") == 1
