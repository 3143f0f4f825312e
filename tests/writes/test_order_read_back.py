"""An order whose answer was lost is recognised in the list or stays unknown, and is never made twice."""

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
        ({"title": "水费"}, "UNKNOWN"),
        ({"amount": 99.5}, "UNKNOWN"),
        ({"amount": "待定"}, "UNKNOWN"),
        ({"number": None}, "UNKNOWN"),
        ({"id": None}, "UNKNOWN"),
        ({"title": None}, "UNKNOWN"),
    ],
)
async def test_unrecognisable_order_is_not_made_again(gateway, sandbox, outcome):
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.GARBAGE), times=1)

    payload = await ORDER.write(gateway, ORDER.input)

    assert payload["outcome"] == outcome
    assert sandbox.effects.count("order/new") == 1


@pytest.mark.parametrize("kind", [FaultKind.HTTP_500, FaultKind.RESET])
async def test_equal_order_of_another_house_is_not_confused(environ, serve, clock, sandbox, kind):
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        platform, make = gateway.parts.platforms.wjdh, gateway.parts.platforms.wjdh.create_order

        async def create_order(new):
            await make(msgspec.structs.replace(new, payer=msgspec.structs.replace(new.payer, room=102)))
            sandbox.faults.set("WJDH", "order/new", Fault(kind), times=1)
            return await make(new)

        platform.create_order = create_order
        payload = await ORDER.write(gateway, ORDER.input)

        assert payload["outcome"] == "UNKNOWN"
        assert await outcome_later(gateway, clock, payload) == "REFUSED"
        assert sandbox.effects.count("order/new") == 1


@pytest.mark.parametrize("other", [{"title": "水费"}, {"amount": "45.60"}, {"payer": {"house": HOUSE | {"room": 102}}}])
async def test_unknown_order_does_not_block_a_different_one(environ, serve, clock, sandbox, other):
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        outcomes: list[str] = []
        for kind, given in ((FaultKind.RESET, other), (FaultKind.APPLIED_THEN_RESET, {})):
            sandbox.faults.set("WJDH", "order/new", Fault(kind), times=1)
            payload = await ORDER.write(gateway, ORDER.input | given | {"idempotencyKey": kind})
            outcomes.append(payload["outcome"])

    assert outcomes == ["UNKNOWN", "CONFIRMED"]


@pytest.mark.parametrize(("kind", "outcome"), [(FaultKind.GARBAGE, "CONFIRMED"), (FaultKind.HTTP_500, "UNKNOWN")])
async def test_first_order_of_a_house_is_recognised(gateway, sandbox, monkeypatch, kind, outcome):
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
    def person_order(self, request):
        return ORDER.input | {"payer": PERSONS[request.param]}

    @pytest.fixture
    def list_paid_only(self, sandbox, monkeypatch):
        filtered = OrderEndpoints._filtered

        def paid(endpoints, community, form):
            person_order = "phone" in form or "idcard" in form
            return [order for order in filtered(endpoints, community, form) if order.is_paid or not person_order]

        monkeypatch.setattr(OrderEndpoints, "_filtered", paid)

    async def test_listed_unpaid_order_of_a_person_is_recognised(self, gateway, sandbox, person_order):
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.GARBAGE), times=1)

        assert (await ORDER.write(gateway, person_order))["outcome"] == "CONFIRMED"

    @pytest.mark.usefixtures("list_paid_only")
    async def test_unlisted_order_of_a_person_is_unknown(self, gateway, sandbox, person_order):
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.GARBAGE), times=1)

        assert (await ORDER.write(gateway, person_order))["outcome"] == "UNKNOWN"
        assert sandbox.effects.count("order/new") == 1

    @pytest.mark.parametrize("words", [{"paied": "已付款"}, {"house": "晨曦家园1栋1单元1楼101号"}])
    async def test_paid_or_house_order_is_unknown_for_a_person(self, gateway, sandbox, person_order):
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.GARBAGE), times=1)

        assert (await ORDER.write(gateway, person_order))["outcome"] == "UNKNOWN"


async def test_one_order_never_confirms_two_writes(gateway, sandbox, monkeypatch):
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


async def test_one_of_two_equal_orders_is_unknown(gateway, sandbox, monkeypatch):
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

    async def test_order_possibly_on_another_page_is_unknown(self, gateway, sandbox, newest_first):
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
    @pytest.mark.parametrize(
        ("searched", "others", "outcome"), [(None, 2, "CONFIRMED"), (2, 1, "CONFIRMED"), (2, 4, "UNKNOWN")]
    )
    async def test_newer_orders_hide_no_order_on_searched_pages(
        self, gateway, sandbox, monkeypatch, searched, others, outcome
    ):
        """Of pages of two orders, behind one other it is on the first, behind four on the third."""
        if searched is not None:
            monkeypatch.setattr("gateway.actions.order.SEARCHED_PAGES", searched)
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

    async def test_order_is_recognised_in_any_sort_order(self, gateway, sandbox, monkeypatch):
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


async def create_order_unseen(gateway, sandbox, kind=FaultKind.APPLIED_THEN_RESET, **given):
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


async def test_order_made_after_a_server_error_is_found(environ, serve, clock, sandbox):
    async with serve(environ, clock) as gateway:
        platform, make, made = gateway.parts.platforms.wjdh, gateway.parts.platforms.wjdh.create_order, []

        async def create_order(new):
            made.append(new)
            sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.HTTP_500), times=1)
            return await make(new)

        platform.create_order = create_order
        payload = await ORDER.write(gateway, ORDER.input)
        await make(made[0])  # as a platform does that commits behind its answer

        assert payload["outcome"] == "UNKNOWN"
        assert await outcome_later(gateway, clock, payload) == "CONFIRMED"


async def test_order_is_found_behind_newer_orders(environ, serve, clock, sandbox):
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        lost = await create_order_unseen(gateway, sandbox)
        for number in range(5):
            await ORDER.write(gateway, ORDER.input | {"title": "水费", "idempotencyKey": f"since {number}"})

        assert lost["outcome"] == "UNKNOWN"
        assert await outcome_later(gateway, clock, lost) == "CONFIRMED"


async def test_amounts_are_compared_by_value(environ, serve, clock, sandbox, monkeypatch):
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


async def test_write_with_a_wrong_clock_claims_no_order(environ, serve, clock, sandbox):
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        clock.advance(days=365)
        first = await create_order_unseen(gateway, sandbox, FaultKind.RESET, idempotencyKey="first")
        clock.advance(days=-365)
        second = await create_order_unseen(gateway, sandbox, idempotencyKey="second")
        later = [await outcome_later(gateway, clock, payload) for payload in (first, second)]

    assert later == ["UNKNOWN", "UNKNOWN"]
    assert sandbox.effects.count("order/new") == 1


async def test_unknown_order_blocks_only_simultaneous_ones(environ, serve, clock, sandbox):
    """Charges of a phone cannot be looked up later: lost ones stay UNKNOWN."""
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


async def test_order_of_another_write_confirms_nothing(environ, serve, clock, sandbox):
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
