"""Sums while orders are made, paid and closed, and pages fail: a sum that is complete is never wrong.

Before each page is cut the world may change, and the page may fail. What the filter finds is noted after each change:
a sum that calls itself complete equals one of these, of the time since its oldest page was read.
"""

from collections import Counter
from datetime import datetime
from random import Random

import pytest
from order_oracle import FILTERS, add_up, rows, to_sum, whole

from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.model import CHINA, Order
from gateway.sandbox.platform import PlatformServer
from gateway.sandbox.seed.order import order_number
from gateway.sandbox.server import SandboxOptions

SCHEDULES = 15
LIFETIME = 3
SUMS = "count amount { yuan } unreadable"
FEES = f"""{{ community(code: "10002") {{
    fees(filter: {{%s}}, groupBy: PAYMENT_STATUS) {{ {SUMS} missing complete groups {{ {SUMS} }} }} }} }}"""
FOUND = [filters for filters in FILTERS if "99" not in filters]
WARM = '{ orders(communityCode: "10002", filter: {%s}, first: 5, page: %d) { totalCount } }'
CREATED = datetime(2026, 11, 1, 8, tzinfo=CHINA)


class World:
    """The orders of a community, which change as the random numbers say. `history` has what each filter has found."""

    def __init__(self, sandbox, rng, dialect, moment):
        self.sandbox, self.rng, self.dialect, self.moment = sandbox, rng, dialect, moment
        self.changes = self.failures = 0.0
        self.history = {filters: [] for filters in FOUND}
        self.note()
        execute = PlatformServer._execute.__get__(sandbox.wjdh)

        def answer(endpoint, request, form):
            if endpoint.name == "order/list":
                self.change()
                if rng.random() < self.failures:
                    return b"<html>"
            return execute(endpoint, request, form)

        sandbox.wjdh._execute = answer

    @property
    def orders(self):
        return self.sandbox.world.orders_of["10002"]

    def clock(self):
        """Never the same moment twice."""
        self.moment += 1e-6
        return self.moment

    def change(self):
        while self.rng.random() < self.changes:
            self.rng.choice((self.pay, self.make, self.close, self.make_and_pay))()
            self.note()

    def pay(self):
        self.sandbox.pay_unannounced(self.rng.choice(self.orders).number)

    def close(self):
        order = self.rng.choice(self.orders)
        order.is_open, order.is_touched = False, True
        self.sandbox._wjdh.forget(order)

    def make(self):
        model = self.rng.choice(self.orders)
        number = max(self.sandbox.world.orders) + 1
        fen = self.rng.randrange(1, 10**6)
        own = {"id": number, "number": order_number(CREATED, number), "fen": fen, "payer": None}
        order = Order(community=model.community, title=model.title, house=model.house, **own)
        self.sandbox.world.add_order(order)

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


async def ask(gateway, world, filters, oldest):
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


async def run(gateway, world, *, cached):
    """Ask for the sums of a filter again and again, with single pages of it read in between."""
    rng, filters = world.rng, world.rng.choice(FOUND)
    outcomes = Counter()
    for _ in range(5):
        world.changes, world.failures = rng.choice((0, 0.05, 0.3)), rng.choice((0, 0, 0.05))
        world.change()
        for _ in range(rng.randrange(3) if cached else 0):
            await gateway.ask(WARM % (filters, rng.randrange(1, 12)))
            world.moment += rng.random()
        outcomes[await ask(gateway, world, filters, world.moment - (LIFETIME if cached else 0))] += 1
    return outcomes


@pytest.fixture
def sandbox_options(dialect):
    return SandboxOptions(dialect=dialect, orders_per_page=5)


CACHED = pytest.param(True, marks=pytest.mark.settings(CACHE=f"orders={LIFETIME}"))


@pytest.mark.settings(RATE_LIMIT="1000000")
@pytest.mark.parametrize("cached", [False, CACHED], ids=["read", "cached"])
@pytest.mark.parametrize("dialect", Dialect)
async def test_complete_sum_is_never_wrong(gateway, sandbox, dialect, cached):
    outcomes = Counter()
    for seed in range(SCHEDULES):
        sandbox.reset()
        world = World(sandbox, Random(f"{dialect} {cached} {seed}"), dialect, 1000.0 * seed)
        gateway.parts.reads.clock = world.clock
        outcomes += await run(gateway, world, cached=cached)
    assert outcomes[True] > SCHEDULES / 2
    assert outcomes[False] > SCHEDULES / 2
