"""Slots: in which order callers get them."""

import asyncio
from math import inf

import pytest
from waiting import until

from gateway.ops.slots import BACKGROUND_TURN, Lane, Slots, background


class Waiter:
    """A call of a caller. It takes a slot or waits for one; `order` has what becomes of those that wait."""

    lane: Lane

    def __init__(self, slots: Slots, order: list[str], name: str, caller: str = "a", deadline: float = inf) -> None:
        self.deadline = deadline
        self._name = name
        self._order: list[str] = []
        slots.enter(self, caller)
        self._order = order

    def take_turn(self) -> None:
        self._order.append(self._name)

    def give_up(self) -> None:
        self._order.append(f"{self._name} gave up")


def begin(slots: Slots, order: list[str], caller: str, calls: int) -> Waiter:
    """So many calls of a caller; the last of them."""
    return [Waiter(slots, order, caller, caller) for _ in range(calls)][-1]


def taken_slot() -> tuple[Slots, Waiter]:
    """The only one of its slots is taken."""
    slots = Slots(1)
    return slots, Waiter(slots, [], "holder")


async def test_calls_of_one_caller_keep_their_order() -> None:
    slots, holder = taken_slot()
    order: list[str] = []
    for number in range(20):
        Waiter(slots, order, str(number))
    for _ in range(21):
        slots.release(holder.lane)

    assert order == [str(number) for number in range(20)]
    assert slots.taken == 0


async def test_callers_take_turns() -> None:
    slots, order = Slots(1), list[str]()
    begin(slots, order, "a", 6)
    begin(slots, order, "b", 2)
    begin(slots, order, "c", 1)
    for caller in "aabcab":
        slots.release(slots.lanes[caller])

    assert order == ["a", "b", "c", "a", "b", "a"]


async def test_one_caller_leaves_the_reserve_to_others() -> None:
    slots, order = Slots(32), list[str]()
    begin(slots, order, "a", 100)
    assert slots.lanes["a"].held == 30
    for _ in range(10):
        slots.release(begin(slots, order, "b", 1).lane)
    assert slots.free == 2

    begin(slots, order, "b", 1)
    begin(slots, order, "c", 1)

    assert not order
    assert [slots.lanes[caller].held for caller in "abc"] == [30, 1, 1]


async def test_caller_beyond_the_reserve_waits_for_a_turn() -> None:
    slots, order = Slots(32), list[str]()
    begin(slots, order, "a", 100)
    begin(slots, order, "b", 3)
    for _ in range(4):
        slots.release(slots.lanes["a"])

    assert order == ["a", "b"]
    assert slots.free == 2


async def test_several_callers_leave_the_reserve_to_others() -> None:
    slots, order = Slots(32), list[str]()
    for caller in "abc":
        begin(slots, order, caller, 100)
    for _ in range(60):
        slots.release(max(slots.lanes.values(), key=lambda lane: lane.held))

    assert sorted(slots.lanes[caller].held for caller in "abc") == [9, 10, 11]
    begin(slots, order, "d", 1)
    assert slots.lanes["d"].held == 1


async def test_background_gets_its_share_of_turns() -> None:
    slots, order = Slots(1), list[str]()
    begin(slots, order, "a", 31)
    begin(slots, order, background("relay"), 10)
    for _ in range(16):
        slots.release(slots.lanes["a"])

    assert order.count(background("relay")) == 16 // BACKGROUND_TURN


async def test_background_never_takes_the_reserve() -> None:
    slots, order = Slots(32), list[str]()
    begin(slots, order, background("watches"), 100)

    assert slots.taken == 30
    begin(slots, order, background("relay"), 1)
    assert slots.taken == 30
    begin(slots, order, "b", 1)
    assert slots.taken == 31


@pytest.mark.parametrize(("limit", "reserve"), [(1, 0), (7, 0), (8, 1), (16, 1), (32, 2), (100, 6)])
def test_reserve_is_a_share_of_the_slots(limit: int, reserve: int) -> None:
    assert Slots(limit).reserve == reserve


async def test_idle_callers_are_forgotten() -> None:
    slots = Slots(8)
    lasting = begin(slots, [], "lasting", 1)
    for number in range(20):
        slots.release(begin(slots, [], str(number), 1).lane)

    assert slots.lanes == {"lasting": lasting.lane}


async def test_waiter_leaving_the_queue_is_skipped() -> None:
    slots, holder = taken_slot()
    order: list[str] = []
    first = Waiter(slots, order, "first")
    Waiter(slots, order, "second", "b")
    slots.leave(first)
    slots.release(holder.lane)

    assert order == ["second"]
    assert slots.taken == 1
    assert slots.free == 0
    slots.release(slots.lanes["b"])
    assert slots.free == 1


async def test_expired_waiter_does_not_change_the_order() -> None:
    loop, (slots, holder), order = asyncio.get_running_loop(), taken_slot(), list[str]()
    Waiter(slots, order, "patient", deadline=loop.time() + 60)
    Waiter(slots, order, "hasty", deadline=loop.time())
    Waiter(slots, order, "last")
    await until(lambda: bool(order))

    assert order == ["hasty gave up"]
    slots.release(holder.lane)
    slots.release(holder.lane)
    assert order == ["hasty gave up", "patient", "last"]
    assert slots.taken == 1


async def test_waiters_time_out_at_their_own_deadlines() -> None:
    loop, (slots, _), order = asyncio.get_running_loop(), taken_slot(), list[str]()
    Waiter(slots, order, "later", deadline=loop.time() + 0.02)
    Waiter(slots, order, "sooner", "b", deadline=loop.time())
    await until(lambda: len(order) == 2)

    assert order == ["sooner gave up", "later gave up"]
