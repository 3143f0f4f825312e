"""Sums and reconciliation while orders are made and paid, notifications come and pages fail: what they say is so.

Before each page is cut the world may change, and the page may fail. What each filter finds is noted after each change:
a sum that calls itself complete equals one of these, of the time since its oldest page was read.
"""

from collections import Counter
from datetime import datetime
from random import Random

import pytest
from order_oracle import FILTERS, add_up, rows, to_sum, whole
from platform_answers import interpose

from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.model import CHINA, Order
from gateway.sandbox.seed.order import order_number
from gateway.sandbox.server import SandboxOptions

SUMS = "count amount { yuan } unreadable"
FEES = f"""{{ community(code: "10002") {{
    fees(filter: {{%s}}, groupBy: PAYMENT_STATUS) {{ {SUMS} missing complete groups {{ {SUMS} }} }} }} }}"""
FOUND = [filters for filters in FILTERS if "99" not in filters]
WARM = '{ orders(communityCode: "10002", filter: {%s}, first: 5, page: %d) { totalCount } }'
CREATED = datetime(2026, 11, 1, 8, tzinfo=CHINA)
RECONCILE = """
{ community(code: "%s") { reconciliation {
    matched matchedAmount { fen } paidWithoutNotification { number } notifiedUnpaid { orderNumber }
    paidWithoutNotificationCount notifiedUnpaidCount undeliveredCount complete } } }
"""


class World:
    """The orders of a community, which change as the random numbers say."""

    rng: Random
    code = "10002"
    changes = failures = 0.0

    def __init__(self, sandbox):
        self.sandbox = sandbox
        interpose(sandbox, "order/list", self.answer)

    def go_on(self):
        while self.rng.random() < self.changes:
            self.change()

    def answer(self, _form, carry_out):
        self.go_on()
        return b"<html>" if self.rng.random() < self.failures else carry_out()

    @property
    def orders(self):
        return self.sandbox.world.orders_of[self.code]

    def choose(self):
        return self.rng.choice(self.orders)

    def pay(self):
        self.sandbox.pay_unannounced(self.choose().number)

    def change(self):
        self.pay()


class SummedWorld(World):
    """`history` has what each filter has found, and when."""

    def begin(self, dialect, seed, moment):
        """As it was, with other random numbers."""
        self.sandbox.reset()
        self.dialect, self.rng, self.moment, self.changes = dialect, Random(seed), moment, 0.0
        self.history = {filters: [] for filters in FOUND}
        self.note()

    def clock(self):
        """Never the same moment twice."""
        self.moment += 1e-6
        return self.moment

    def change(self):
        self.rng.choice((self.pay, self.make, self.close, self.make_and_pay))()
        self.note()

    def close(self):
        order = self.choose()
        order.is_open, order.is_touched = False, True
        self.sandbox._wjdh.forget(order)

    def make(self):
        model, number = self.choose(), max(self.sandbox.world.orders) + 1
        fen = self.rng.randrange(1, 10**6)
        own = {"id": number, "number": order_number(CREATED, number), "fen": fen, "payer": None}
        self.sandbox.world.add_order(Order(community=model.community, title=model.title, house=model.house, **own))

    def make_and_pay(self):
        """One comes in at the top and another one may go: then the total is the same."""
        self.make()
        self.pay()

    def note(self):
        for filters, states in self.history.items():
            states.append((self.clock(), add_up(rows(self.orders, self.dialect, filters))))

    def states_since(self, filters, moment):
        """What the filter found then, and has found since."""
        states = self.history[filters]
        later = [state for at, state in states if at >= moment]
        return [*[state for at, state in states if at < moment][-1:], *later]


async def is_complete(gateway, world, filters, oldest):
    """Ask for a sum, and see that it is right if it calls itself complete. Whether it does; None: an error."""
    found = (await gateway.ask(FEES % filters)).body["data"]["community"]["fees"]
    if found is None:
        return None
    total, states = to_sum(found), world.states_since(filters, oldest)
    assert total == whole(map(to_sum, found["groups"]))
    assert not found["complete"] or (total in states and not total.unreadable)
    if not (found["complete"] or total.unreadable or found["missing"]):
        assert len(states) > 1, "incomplete without a reason"
    return found["complete"]


@pytest.fixture
def sandbox_options(dialect):
    return SandboxOptions(dialect=dialect, orders_per_page=5)


LIFETIME, SUM_SCHEDULES, RECONCILED_SCHEDULES = 3, 15, 8
CACHED = pytest.param(True, marks=pytest.mark.settings(CACHE=f"orders={LIFETIME}"))


@pytest.mark.settings(RATE_LIMIT="1000000")
@pytest.mark.parametrize("cached", [False, CACHED], ids=["read", "cached"])
@pytest.mark.parametrize("dialect", Dialect)
async def test_complete_sum_is_never_wrong(gateway, sandbox, dialect, cached):
    """The sum of a filter is asked for again and again, with single pages of it read in between."""
    world, outcomes = SummedWorld(sandbox), Counter()
    gateway.parts.reads.clock = world.clock
    for seed in range(SUM_SCHEDULES):
        world.begin(dialect, f"{dialect} {cached} {seed}", 1000.0 * seed)
        rng, filters = world.rng, world.rng.choice(FOUND)
        for _ in range(5):
            world.changes, world.failures = rng.choice((0, 0.05, 0.3)), rng.choice((0, 0, 0.05))
            world.go_on()
            for _ in range(rng.randrange(3) if cached else 0):
                await gateway.ask(WARM % (filters, rng.randrange(1, 12)))
                world.moment += rng.random()
            oldest = world.moment - (LIFETIME if cached else 0)
            outcomes[await is_complete(gateway, world, filters, oldest)] += 1
    assert outcomes[True] > SUM_SCHEDULES / 2
    assert outcomes[False] > SUM_SCHEDULES / 2


class NotifiedWorld(World):
    """`notified` are the numbers of the orders that were notified."""

    def begin(self, payments, code, seed):
        """In another community, with the journal's payments and other random numbers."""
        self.payments, self.code, self.rng = payments, code, Random(seed)
        self.changes, self.failures = self.rng.choice((0, 0.1)), self.rng.choice((0, 0.1))
        self.notified, self.arriving = set(), []
        read = type(payments).order_numbers

        async def notified_meanwhile(code, limit):
            """What has come while the pages were read is there when they have been read."""
            while self.arriving:
                await self.notify(self.arriving.pop())
            return await read(payments, code, limit)

        payments.order_numbers = notified_meanwhile

    def change(self):
        self.pay()
        self.arriving.append(self.choose().number)

    async def notify(self, number):
        await self.payments.receive(number, f"S{number}", f"W{number}", subject="platform")
        if self.rng.random() < 0.5:
            await self.payments.set_community([number], self.code)
        self.notified.add(number)

    def paid(self):
        return {order.number for order in self.orders if order.is_paid}


@pytest.mark.parametrize("dialect", [Dialect.DOCUMENTED, Dialect.EXAMPLES])
async def test_listed_differences_are_true(environ, sandbox, dialect, serve, tmp_path):
    world, outcomes = NotifiedWorld(sandbox), Counter()
    for seed in range(RECONCILED_SCHEDULES):
        sandbox.reset()
        sandbox.faults.set("SECURITY", None, Fault(FaultKind.HTTP_500))
        async with serve(environ | {"GATEWAY_DATA_DIR": str(tmp_path / str(seed))}) as gateway:
            for code in ("10002", "00001", "10003"):
                world.begin(gateway.parts.journal.payments, code, f"{dialect} {seed} {code}")
                for _ in range(world.rng.randrange(20)):
                    await world.notify(world.choose().number)
                outcomes[await is_reconciled(gateway, world)] += 1
    assert outcomes[True] > 1
    assert outcomes[False] > 1


async def is_reconciled(gateway, world):
    """Ask once; whether the answer is complete."""
    paid_before, notified_before = world.paid(), set(world.notified)
    found = (await gateway.ask(RECONCILE % world.code)).body["data"]["community"]["reconciliation"]
    if found is None:
        return None
    without = {order["number"] for order in found["paidWithoutNotification"]}
    unpaid = {payment["orderNumber"] for payment in found["notifiedUnpaid"]}

    assert without <= world.paid() - world.notified
    assert unpaid <= notified_before - paid_before
    if found["complete"] and world.paid() == paid_before:
        matched = paid_before & world.notified
        assert found["matched"] == len(matched)
        fen = {order.number: order.fen for order in world.orders}
        assert found["matchedAmount"]["fen"] == sum(fen[number] for number in matched)
        assert without == paid_before - world.notified
        assert unpaid == notified_before - paid_before
        counts = [found[f"{name}Count"] for name in ("paidWithoutNotification", "notifiedUnpaid", "undelivered")]
        assert counts == [len(without), len(unpaid), len(world.notified)]
    return found["complete"]
