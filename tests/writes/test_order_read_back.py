"""An order whose answer was lost is recognised in the list, or nobody knows: it is never made twice by mistake."""

import asyncio
from decimal import Decimal

import msgspec
import pytest
from write_cases import HOUSE, order

from gateway.sandbox.dialects import order as order_rows
from gateway.sandbox.dialects import paging
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.sandbox.wjdh.order import OrderEndpoints

ORDER = order("", {"house": HOUSE})
FEN = 1230

CREATE = "mutation ($input: CreateOrderInput!) { createOrder(input: $input) { outcome } }"
OPERATION = "query ($id: ID!) { operation(id: $id) { outcome } }"


@pytest.fixture
def words():
    """What the list shows in the new order's row."""
    return {}


@pytest.fixture
async def sandbox(words, monkeypatch):
    render = order_rows.RENDER[Dialect.DOCUMENTED]
    dirty = {Dialect.DOCUMENTED: lambda order: render(order) | (words if order.fen == FEN else {})}
    monkeypatch.setattr(order_rows, "RENDER", dirty)
    async with Sandbox(SandboxOptions(dialect=Dialect.DOCUMENTED, orders_per_page=2)) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ({}, "CONFIRMED"),
        ({"title": " 物业费 "}, "CONFIRMED"),
        ({"title": "水费"}, "REFUSED"),
        ({"amount": 99.5}, "REFUSED"),
        ({"amount": "待定"}, "UNKNOWN"),
        ({"number": None}, "UNKNOWN"),
        ({"id": None}, "UNKNOWN"),
        ({"title": None}, "UNKNOWN"),
    ],
)
async def test_an_order_that_can_not_be_recognised_is_not_to_be_made_again(gateway, sandbox, outcome):
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.GARBAGE), times=1)

    payload = await ORDER.write(gateway, ORDER.input)

    assert payload["outcome"] == outcome
    assert sandbox.effects.count("order/new") == 1


@pytest.mark.parametrize("at_once", [True, False])
async def test_an_order_alike_of_the_house_next_door_is_another_one(environ, serve, clock, sandbox, at_once):
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        platform, make = gateway.parts.platforms.wjdh, gateway.parts.platforms.wjdh.create_order

        async def create_order(new):
            await make(msgspec.structs.replace(new, payer=msgspec.structs.replace(new.payer, room=102)))
            sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.HTTP_500 if at_once else FaultKind.RESET), times=1)
            return await make(new)

        platform.create_order = create_order
        payload = await ORDER.write(gateway, ORDER.input)

        assert payload["outcome"] == ("REFUSED" if at_once else "UNKNOWN")
        assert await outcome_later(gateway, clock, payload) == "REFUSED"
        assert sandbox.effects.count("order/new") == 1


@pytest.mark.parametrize("other", [{"title": "水费"}, {"amount": "45.60"}, {"payer": {"house": HOUSE | {"room": 102}}}])
async def test_an_order_of_which_nobody_knows_stands_in_the_way_of_none_that_is_another(
    environ, serve, clock, sandbox, other
):
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        outcomes: list[str] = []
        for kind, given in ((FaultKind.RESET, other), (FaultKind.APPLIED_THEN_RESET, {})):
            sandbox.faults.set("WJDH", "order/new", Fault(kind), times=1)
            payload = await ORDER.write(gateway, ORDER.input | given | {"idempotencyKey": kind})
            outcomes.append(payload["outcome"])

    assert outcomes == ["UNKNOWN", "CONFIRMED"]


@pytest.mark.parametrize(("kind", "outcome"), [(FaultKind.GARBAGE, "CONFIRMED"), (FaultKind.HTTP_500, "REFUSED")])
async def test_a_house_that_had_no_order_has_one_then_or_none(gateway, sandbox, monkeypatch, kind, outcome):
    """All of its list is new then. An empty list does not say how many pages it has."""
    pages = paging.pages
    monkeypatch.setattr(paging, "pages", lambda page, *given: pages(page, *given) if page.rows else None)
    sandbox.world.orders_of["10002"].clear()
    sandbox.faults.set("WJDH", "order/new", Fault(kind), times=1)
    answer = await gateway.ask(CREATE, {"input": ORDER.input})

    assert answer.data["createOrder"]["outcome"] == outcome
    assert sandbox.count("WJDH", "order/list") == 2


PERSONS = {"phone": {"phone": {"phone": "19900000002"}}, "ID number": {"idCard": "999302199211302226"}}


class TestListsOfPersons:
    """Whether they are of those who are charged or of those who have paid, the document does not say (quirk 149)."""

    @pytest.fixture(params=PERSONS)
    def of_person(self, request):
        return ORDER.input | {"payer": PERSONS[request.param]}

    @pytest.fixture
    def by_who_has_paid(self, sandbox, monkeypatch):
        filtered = OrderEndpoints._filtered

        def paid(endpoints, community, form):
            of_person = "phone" in form or "idcard" in form
            return [order for order in filtered(endpoints, community, form) if order.is_paid or not of_person]

        monkeypatch.setattr(OrderEndpoints, "_filtered", paid)

    async def test_an_order_that_is_listed_as_unpaid_is_recognised(self, gateway, sandbox, of_person):
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.GARBAGE), times=1)

        assert (await ORDER.write(gateway, of_person))["outcome"] == "CONFIRMED"

    @pytest.mark.usefixtures("by_who_has_paid")
    async def test_an_order_that_is_not_listed_may_have_been_made(self, gateway, sandbox, of_person):
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.GARBAGE), times=1)

        assert (await ORDER.write(gateway, of_person))["outcome"] == "UNKNOWN"
        assert sandbox.effects.count("order/new") == 1

    @pytest.mark.parametrize("words", [{"paied": "已付款"}, {"house": "晨曦家园1栋1单元1楼101号"}])
    async def test_an_order_that_is_paid_or_of_a_house_may_be_another_one(self, gateway, sandbox, of_person):
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.GARBAGE), times=1)

        assert (await ORDER.write(gateway, of_person))["outcome"] == "UNKNOWN"


async def test_one_order_is_never_the_result_of_two_writes(gateway, sandbox, monkeypatch):
    """The first is lost before it is made. The second, which is made, ends while the first looks for its order."""
    platform, operations = gateway.parts.platforms.wjdh, gateway.parts.journal.operations
    make, recorded, unresolved = platform.create_order, operations.recorded, operations.unresolved
    both_noted, second_made, second_ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    turns = iter((1, 2))

    async def create_order(new):
        if next(turns) == 1:
            await second_made.wait()
            sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.RESET), times=1)
            return await make(new)
        number = await make(new)
        second_made.set()
        await both_noted.wait()
        return number

    def let_the_second_end_after(look):
        async def looked(*arguments):
            found = await look(*arguments)
            if not both_noted.is_set():
                both_noted.set()
                await second_ended.wait()
            return found

        return looked

    monkeypatch.setattr(platform, "create_order", create_order)
    monkeypatch.setattr(operations, "recorded", let_the_second_end_after(recorded))
    monkeypatch.setattr(operations, "unresolved", let_the_second_end_after(unresolved))
    first = asyncio.create_task(ORDER.write(gateway, ORDER.input | {"idempotencyKey": "first"}))
    second = asyncio.create_task(ORDER.write(gateway, ORDER.input | {"idempotencyKey": "second"}))
    second.add_done_callback(lambda _: second_ended.set())

    outcomes = [(await write)["outcome"] for write in (first, second)]

    assert outcomes == ["UNKNOWN", "CONFIRMED"]
    assert sandbox.effects.count("order/new") == 1


async def test_of_two_orders_that_look_alike_nobody_knows_which_it_is(gateway, sandbox, monkeypatch):
    """The other one was not made by the gateway."""
    platform = gateway.parts.platforms.wjdh
    make = platform.create_order

    async def create_order(new):
        await make(new)
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.GARBAGE), times=1)
        return await make(new)

    monkeypatch.setattr(platform, "create_order", create_order)

    assert (await ORDER.write(gateway, ORDER.input))["outcome"] == "UNKNOWN"


class TestListsOfSeveralPages:
    """How they are sorted, the document does not say (quirk 142): its example has the newest order first."""

    @pytest.fixture(params=[True, False])
    def newest_first(self, request):
        return request.param

    @pytest.fixture
    async def sandbox(self, newest_first, monkeypatch):
        filtered = OrderEndpoints._filtered
        if not newest_first:
            monkeypatch.setattr(OrderEndpoints, "_filtered", lambda *arguments: filtered(*arguments)[::-1])
        async with Sandbox(SandboxOptions(dialect=Dialect.DOCUMENTED, orders_per_page=2)) as sandbox:
            yield sandbox

    async def test_an_order_that_may_stand_on_another_page_is_not_to_be_made_again(
        self, gateway, sandbox, newest_first
    ):
        of_house = [
            order for order in sandbox.world.orders_of["10002"] if order.house and order.house.address[3] == 101
        ]
        assert len(of_house) >= 2

        for turn in ("first", "second"):
            sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.GARBAGE), times=1)
            payload = await ORDER.write(gateway, ORDER.input | {"idempotencyKey": turn})
            assert payload["outcome"] == ("CONFIRMED" if newest_first else "UNKNOWN")

        assert sandbox.effects.count("order/new") == 2

    @pytest.mark.parametrize("newest_first", [True])
    async def test_newer_orders_than_the_first_page_holds_do_not_hide_it(self, gateway, sandbox, monkeypatch):
        platform = gateway.parts.platforms.wjdh
        make = platform.create_order

        async def made_before_others(new):
            others = [msgspec.structs.replace(new, amount=Decimal(fen)) for fen in (1, 2)]
            sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.GARBAGE), times=1)
            try:
                return await make(new)
            finally:
                for other in others:
                    await make(other)

        monkeypatch.setattr(platform, "create_order", made_before_others)

        assert (await ORDER.write(gateway, ORDER.input))["outcome"] == "CONFIRMED"

    @pytest.mark.parametrize("newest_first", [True])
    @pytest.mark.parametrize(("others", "outcome"), [(1, "CONFIRMED"), (4, "UNKNOWN")])
    async def test_no_more_pages_are_searched_than_may_be(self, gateway, sandbox, monkeypatch, others, outcome):
        """With one other order it is on the first page of two, and what is older on the second; with four, behind."""
        monkeypatch.setattr("gateway.actions.order_finder.SEARCHED_PAGES", 2)
        platform = gateway.parts.platforms.wjdh
        make = platform.create_order

        async def made_before_others(new):
            sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.GARBAGE), times=1)
            try:
                return await make(new)
            finally:
                for fen in range(1, others + 1):
                    await make(msgspec.structs.replace(new, amount=Decimal(fen)))

        monkeypatch.setattr(platform, "create_order", made_before_others)

        assert (await ORDER.write(gateway, ORDER.input))["outcome"] == outcome


class TestListsOfOnePage:
    @pytest.fixture
    async def sandbox(self, monkeypatch):
        filtered = OrderEndpoints._filtered
        monkeypatch.setattr(OrderEndpoints, "_filtered", lambda *arguments: filtered(*arguments)[::-1])
        async with Sandbox(SandboxOptions(dialect=Dialect.DOCUMENTED, orders_per_page=50)) as sandbox:
            yield sandbox

    async def test_an_order_is_recognised_however_they_are_sorted(self, gateway, sandbox, monkeypatch):
        """The one beside it, which looks alike, was there before, and the gateway has not made it."""
        platform = gateway.parts.platforms.wjdh
        make, made = platform.create_order, []

        async def create_order(new):
            made.append(new)
            sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.GARBAGE), times=1)
            return await make(new)

        monkeypatch.setattr(platform, "create_order", create_order)
        first = await ORDER.write(gateway, ORDER.input | {"idempotencyKey": "first"})
        await make(made[0])
        second = await ORDER.write(gateway, ORDER.input | {"idempotencyKey": "second"})

        assert [first["outcome"], second["outcome"]] == ["CONFIRMED", "CONFIRMED"]


async def outcome_later(gateway, clock, payload):
    """When the reconciler has looked, and no platform works on it any more."""
    clock.advance(minutes=5)
    await gateway.parts.reconciler.reconcile_due()
    return (await gateway.ask(OPERATION, {"id": payload["operation"]["id"]})).data["operation"]["outcome"]


async def make_unseen(gateway, sandbox, kind=FaultKind.APPLIED_THEN_RESET, **given):
    """Make an order whose answer is lost, and which cannot be looked for at once."""
    platform, make = gateway.parts.platforms.wjdh, gateway.parts.platforms.wjdh.create_order

    async def create_order(new):
        sandbox.faults.set("WJDH", "order/new", Fault(kind))
        sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.HTTP_500))
        return await make(new)

    platform.create_order = create_order
    payload = await ORDER.write(gateway, ORDER.input | given)
    platform.create_order = make
    sandbox.faults.clear()
    return payload


async def test_an_order_is_found_behind_any_number_that_were_made_since(environ, serve, clock, sandbox):
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        lost = await make_unseen(gateway, sandbox)
        for number in range(5):
            await ORDER.write(gateway, ORDER.input | {"title": "水费", "idempotencyKey": f"since {number}"})

        assert lost["outcome"] == "UNKNOWN"
        assert await outcome_later(gateway, clock, lost) == "CONFIRMED"


async def test_an_amount_is_the_same_however_it_is_written(environ, serve, clock, sandbox, monkeypatch):
    """Two orders for 12.30 at once: of the first the answer is lost, the second is lost before it is made."""
    second_noted, first_over = asyncio.Event(), asyncio.Event()
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        platform, make = gateway.parts.platforms.wjdh, gateway.parts.platforms.wjdh.create_order
        turns = iter((1, 2))

        async def create_order(new):
            if next(turns) == 1:
                await second_noted.wait()
                sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.APPLIED_THEN_RESET))
                sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.HTTP_500))
            else:
                second_noted.set()
                await first_over.wait()
                sandbox.faults.clear()
                sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.RESET))
            return await make(new)

        monkeypatch.setattr(platform, "create_order", create_order)
        first = asyncio.create_task(ORDER.write(gateway, ORDER.input | {"amount": "12.30", "idempotencyKey": "first"}))
        second = asyncio.create_task(ORDER.write(gateway, ORDER.input | {"amount": "12.3", "idempotencyKey": "second"}))
        first.add_done_callback(lambda _: first_over.set())
        payloads = await first, await second
        later = [await outcome_later(gateway, clock, payload) for payload in payloads]

    assert [payload["outcome"] for payload in payloads] == ["UNKNOWN", "UNKNOWN"]
    assert later == ["UNKNOWN", "UNKNOWN"]
    assert sandbox.effects.count("order/new") == 1


async def test_what_was_begun_by_a_wrong_clock_is_not_taken_to_have_made_the_order_of_another(
    environ, serve, clock, sandbox
):
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        clock.advance(days=365)
        first = await make_unseen(gateway, sandbox, FaultKind.RESET, idempotencyKey="first")
        clock.advance(days=-365)
        second = await make_unseen(gateway, sandbox, idempotencyKey="second")
        later = [await outcome_later(gateway, clock, payload) for payload in (first, second)]

    assert later == ["UNKNOWN", "UNKNOWN"]
    assert sandbox.effects.count("order/new") == 1


async def test_an_order_that_nobody_knows_of_stands_in_the_way_of_those_beside_it_alone(environ, serve, clock, sandbox):
    """Nobody can look again for what a phone was charged: what was lost of it stays UNKNOWN."""
    phone = ORDER.input | {"payer": {"phone": {"phone": "19900000002"}}}
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        outcomes: list[str] = []
        for minutes in (0, 1, 10):
            clock.advance(minutes=minutes)
            kind = FaultKind.APPLIED_THEN_RESET if outcomes else FaultKind.RESET
            sandbox.faults.set("WJDH", "order/new", Fault(kind), times=1)
            payload = await ORDER.write(gateway, phone | {"idempotencyKey": f"after {minutes} minutes"})
            outcomes.append(payload["outcome"])

    assert outcomes == ["UNKNOWN", "UNKNOWN", "CONFIRMED"]


async def test_the_order_of_another_write_is_not_taken_for_the_one_that_was_lost(environ, serve, clock, sandbox):
    """The second is begun, made and recorded while the first, which is never made, is on its way."""
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        platform, make = gateway.parts.platforms.wjdh, gateway.parts.platforms.wjdh.create_order
        outcomes: list[str] = []

        async def create_order(new):
            platform.create_order = make
            second = await ORDER.write(gateway, ORDER.input | {"idempotencyKey": "second"})
            outcomes.append(second["outcome"])
            sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.RESET), times=1)
            return await make(new)

        platform.create_order = create_order
        first = await ORDER.write(gateway, ORDER.input | {"idempotencyKey": "first"})
        outcomes += [first["outcome"], await outcome_later(gateway, clock, first)]

    assert outcomes == ["CONFIRMED", "UNKNOWN", "REFUSED"]
    assert sandbox.effects.count("order/new") == 1
