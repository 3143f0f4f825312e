"""Work lists paged while others decide: random schedules, against the real loaders and a platform in memory.

Nobody who waits is skipped, and nobody is shown twice, whatever leaves and arrives between two pages.
"""

from collections import Counter, defaultdict
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from gateway.cache import SharedReads
from gateway.errors import NotSentError
from gateway.events import EventBus
from gateway.execution.load import IncompleteError
from gateway.futures import Pending
from gateway.loaders.lists import SliceKey, SliceLoader
from gateway.loaders.loader import ReadLoader, Source
from gateway.loaders.paging import places_after, read_cursor, write_cursor
from gateway.normalise.records import Page
from gateway.normalise.wire import NO_PROFILE
from gateway.orders.reads import ORDERS
from gateway.orders.record import Order, OrderQuery, OrderStatus, PaymentStatus
from gateway.repairs import REPAIRS, Repair, RepairStatus
from gateway.shenhe.record import SHENHES, Shenhe, ShenheStatus
from gateway.wording.faults import FaultWording

SCHEDULES = 1000
CODES = ("10002", "00001", "10003")

PENDING = {"status": ShenheStatus.PENDING}
UNPAID = {"status": OrderStatus.OPEN, "payment_status": PaymentStatus.UNPAID}
PAID = {"payment_status": PaymentStatus.PAID}
OPEN = {"status": RepairStatus.OPEN}


class Answered(Pending[Any]):
    """A read that is answered at once."""

    size = 0

    def __init__(self, answer):
        super().__init__()
        self._answer = answer

    def begin(self):
        self.complete(self._answer)


class Platform:
    """Rows of some communities, in the order of their numbers. `largest` pages at most, whatever is asked for; what an
    answer says of it is right, nothing (`says` is 0), or what was asked for (1).
    """

    def __init__(self, rng, kind, waiting, codes, *, newest_first=False, largest=None, shuffled=False, says=max):
        self.rng, self.kind, self.waiting = rng, kind, waiting
        self.newest_first, self.largest, self.shuffled, self.says = newest_first, largest, shuffled, says
        self.rows = {code: [] for code in codes}
        self.failing, self.number = set(), 0

    def arrive(self, count):
        """So many more, somewhere."""
        for _ in range(count):
            self.number += self.rng.randint(1, 3)
            code = self.rng.choice([*self.rows])
            rows = self.rows[code]
            at = self.rng.randint(0, len(rows)) if self.shuffled else len(rows)
            rows.insert(at, self.kind(platform_id=self.number, community_code=code, **self.waiting))

    def deal_with(self, count, done, among=None):
        """So many of those that wait are dealt with by somebody: their rows get these values."""
        waiting = [(code, row) for code in self.rows for row in self.find(code, self.waiting)]
        chosen = [pair for pair in waiting if among is None or pair[1].platform_id in among]
        for code, row in self.rng.sample(chosen, min(count, len(chosen))):
            rows = self.rows[code]
            rows[rows.index(row)] = msgspec.structs.replace(row, **done)

    def find(self, code, wanted):
        return [row for row in self.rows[code] if all(getattr(row, name) is value for name, value in wanted.items())]

    def waiting_numbers(self):
        return {row.platform_id for code in self.rows for row in self.find(code, self.waiting)}

    def read(self, code, query, page, per_page):
        assert page >= 1
        if code in self.failing:
            return Answered(NotSentError("WJDH", "shenheList", FaultWording.TOO_MANY_CALLS()))
        asked = {name: getattr(query, name) for name in query.__struct_fields__}
        found = self.find(code, {name: value for name, value in asked.items() if value is not None})
        found = found[::-1] if self.newest_first else found
        size = min(per_page, self.largest or per_page)
        rows = tuple(found[(page - 1) * size : page * size])
        if not rows:
            return Answered(Page(()))
        if self.says is max:
            return Answered(Page(rows, size, -(-len(found) // size), len(found)))
        said = self.says and per_page
        return Answered(Page(rows, said, -(-len(found) // len(rows)), len(found)))


class Reader:
    """Pages through a list as a client does, with the text of the last cursor and nothing else."""

    def __init__(self, platform, records, codes, query, shared=None):
        self.platform, self.codes, self.query = platform, codes, query
        self.shared = SharedReads(EventBus()) if shared is None else shared  # an empty one is false
        self.records = replace(records)
        vars(self.records)["read_page"] = lambda platform, *key: platform.read(*key)
        self.seen = []
        self.cursor, self.ended = None, False

    async def read(self, first):
        platforms: Any = SimpleNamespace(by_endpoint=defaultdict(lambda: self.platform), profile=NO_PROFILE)
        source = Source(platforms, self.shared, "view")
        several = len(self.codes) > 1
        places: Any = read_cursor(self.cursor) if self.cursor else () if several else None
        loader = SliceLoader(ReadLoader(source, self.records.pages), self.records)
        try:
            part = await loader.compose(SliceKey(self.codes, self.query, 0, first, places))
        except IncompleteError as error:
            part = error.part
            assert part.items
        self.seen += [row.platform_id for row in part.items]
        self.ended = not part.has_more
        if part.items or part.failures:
            self.cursor = write_cursor(places_after(part, len(part.items)))
        return part


WORK: dict[str, Any] = {
    "reviews": (SHENHES, Shenhe, PENDING, {"status": ShenheStatus.APPROVED}, SHENHES.waiting),
    "repairs": (REPAIRS, Repair, OPEN, {"status": RepairStatus.RESOLVED}, REPAIRS.waiting),
    "orders": (ORDERS, Order, UNPAID, PAID, ORDERS.waiting),
    "unpaid orders": (ORDERS, Order, UNPAID, PAID, OrderQuery(payment_status=PaymentStatus.UNPAID)),
    "open orders": (ORDERS, Order, UNPAID, {"status": OrderStatus.CLOSED}, OrderQuery(status=OrderStatus.OPEN)),
}


async def walk_work_list(kind, seed):
    """One schedule of paging, deciding, adding and reopening, while others read the list by the same cache. What was
    seen, what of it moved meanwhile, and what waits.
    """
    rng, now = Random(seed), [0.0]
    records, row, waiting, done, query = WORK[kind]
    codes = CODES[: rng.randint(1, 2)]
    platform = Platform(rng, row, waiting, codes, largest=rng.choice([None, 3, 7, 15]), says=rng.choice([max, 0, 1]))
    platform.newest_first = row is Order or rng.random() < 0.2
    platform.arrive(rng.randint(0, 90))
    platform.deal_with(rng.randint(0, 20), done)
    shared = SharedReads(EventBus(), seconds={records.endpoint: 5.0}, clock=lambda: now[0])
    reader, first, moved = Reader(platform, records, codes, query, shared), rng.choice([4, 20, 33]), set()
    there = platform.waiting_numbers()
    while not reader.ended:
        platform.failing = {rng.choice(codes)} if len(codes) > 1 and rng.random() < 0.1 else set()
        part = await reader.read(first)
        assert part.items or not part.has_more or part.failures, seed
        shown = {item.platform_id for item in part.items}
        for _ in range(rng.randint(0, 2)):
            now[0] += rng.choice([0.1, 1.0, 8.0])
            before = platform.waiting_numbers()
            platform.deal_with(rng.randint(0, 9), done, among=rng.choice([None, shown]))
            platform.waiting = {**waiting, **done}
            platform.deal_with(rng.randint(0, 3), waiting)
            platform.waiting = waiting
            moved |= before ^ platform.waiting_numbers()
            if platform.number < 300:
                platform.arrive(rng.randint(0, 3))
            other = Reader(platform, records, codes, query, shared)
            other.cursor, platform.failing = rng.choice([None, reader.cursor]), set()
            await other.read(rng.choice([first, 11]))
    return reader.seen, there, moved


@pytest.mark.parametrize("schedules", [100, pytest.param(SCHEDULES, marks=pytest.mark.slow)])  # 20 s: pytest -m slow
@pytest.mark.parametrize("kind", WORK)
async def test_row_that_stays_pending_is_shown_exactly_once(kind, schedules):
    for seed in range(schedules):
        seen, there, moved = await walk_work_list(kind, seed)
        assert [number for number, times in Counter(seen).items() if times > 1 and number not in moved] == [], seed
        assert there - moved - set(seen) == set(), seed


async def test_list_in_no_order_skips_nothing():
    for seed in range(SCHEDULES // 10):
        rng = Random(seed)
        platform = Platform(rng, Shenhe, PENDING, CODES[:1], shuffled=True)
        platform.arrive(60)
        reader, there = Reader(platform, SHENHES, CODES[:1], SHENHES.waiting), platform.waiting_numbers()
        for _ in range(200):
            await reader.read(rng.choice([8, 20]))
            if reader.ended:
                break
            platform.deal_with(rng.randint(0, 3), {"status": ShenheStatus.APPROVED})
        assert (there & platform.waiting_numbers()) - set(reader.seen) == set(), seed
