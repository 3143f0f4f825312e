"""Slots: in which order callers get them."""

import asyncio
from math import inf

import pytest
from waiting import until

from gateway.ops.slots import BACKGROUND_TURN, Lane, Slots, background


class Waiter:
    """A call of a caller, which takes a slot or waits for one. `world` has what becomes of those that wait."""

    lane: Lane

    def __init__(self, world: "World", name: str, deadline: float) -> None:
        self.deadline = deadline
        self._world = world
        self._name = name

    def take_turn(self) -> None:
        self._world.holders.append(self)
        self._world.order.append(self._name)

    def give_up(self) -> None:
        self._world.order.append(f"{self._name} gave up")


class World:
    """So many slots, and the calls that have one, the oldest first."""

    def __init__(self, limit: int) -> None:
        self.slots = Slots(limit)
        self.holders: list[Waiter] = []
        self.order: list[str] = []

    def begin(self, caller: str, *names: str, deadline: float = inf) -> list[Waiter]:
        """Calls of a caller by these names. The order of those that had to wait is kept."""
        waiters = [Waiter(self, name, deadline) for name in names]
        for waiter in waiters:
            before = len(self.order)
            self.slots.enter(waiter, caller)
            del self.order[before:]
        return waiters

    def end(self, caller: str = "") -> None:
        """The oldest call that has a slot, or that of this caller, comes to its end."""
        holder = next(each for each in self.holders if not caller or each.lane.caller == caller)
        self.holders.remove(holder)
        self.slots.leave(holder)

    def held(self, *callers: str) -> list[int]:
        return [sum(each.lane.caller == caller for each in self.holders) for caller in callers]


async def test_calls_take_turns_by_caller_and_keep_their_order() -> None:
    world = World(1)
    for caller, names in {"a": ("a0", "a1", "a2", "a3"), "b": ("b1", "b2"), "c": ("c1",)}.items():
        world.begin(caller, *names)
    for _ in range(7):
        world.end()

    assert world.order == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert (world.slots.taken, world.slots.waiting, world.slots.lanes) == (0, 0, {})


@pytest.mark.parametrize(("limit", "most"), [(1, 1), (7, 7), (8, 7), (16, 15), (32, 30), (100, 94)])
async def test_caller_leaves_slots_to_others(limit: int, most: int) -> None:
    world = World(limit)
    world.begin("a", *["a"] * 20 * limit)
    for _ in range(2 * limit):
        assert world.held("a") == [most]
        world.end()
    world.begin("b", *["b"] * 20 * limit)
    assert world.held("b") == [limit - most]
    for _ in range(10 * limit):
        world.end()
    assert max(world.held("a", "b")) <= (limit + 1) // 2  # they share what there is


async def test_background_gets_its_share_of_turns() -> None:
    for limit, turns in ((1, 16), (32, 160)):
        world = World(limit)
        for caller in ("a", "b"):
            world.begin(caller, *[caller] * 200)
        world.begin(background("relay"), *["relay"] * 200)
        for _ in range(turns):
            world.end()
        assert world.order.count("relay") == turns // BACKGROUND_TURN


async def test_all_background_work_leaves_slots_to_callers() -> None:
    world = World(32)
    for work in ("watches", "relay"):
        world.begin(background(work), *["work"] * 100)
    assert len(world.holders) == 30
    for _ in range(10):
        world.end()
    assert len(world.holders) == 30
    world.begin("b", "b", "b")
    assert world.held("b") == [2]


async def test_waiter_that_leaves_or_is_late_is_skipped() -> None:
    world = World(1)
    soon = asyncio.get_running_loop().time()
    world.begin("a", "holder", "patient")
    [gone] = world.begin("a", "gone")
    world.begin("a", "late", deadline=soon + 0.02)
    world.begin("b", "hasty", deadline=soon)
    world.begin("a", "last")
    world.slots.leave(gone)
    await until(lambda: len(world.order) == 2)
    for _ in range(3):
        world.end()

    assert world.order == ["hasty gave up", "late gave up", "patient", "last"]
    assert (world.slots.taken, world.slots.waiting) == (0, 0)


@pytest.mark.parametrize(("gateways", "limit", "most"), [(1, 32, 30), (2, 16, 15), (3, 10, 9), (33, 1, 1)])
def test_gateways_at_work_divide_the_slots(gateways: int, limit: int, most: int) -> None:
    slots = Slots(32)
    slots.divide(gateways)
    assert (slots.limit, slots.most) == (limit, most)


async def test_smaller_share_keeps_turns_and_larger_one_is_used_at_once() -> None:
    world = World(4)
    world.begin("a", "a0", "a1", "a2", "a3", "a4", "a5")
    world.begin("b", "b0")
    world.slots.divide(2)
    world.end()
    world.end()
    assert (world.slots.taken, world.order) == (2, [])  # those under way come to their end first
    world.end()
    assert (world.slots.taken, world.order) == (2, ["a4"])
    world.slots.divide(1)
    assert (world.slots.taken, world.order) == (4, ["a4", "b0", "a5"])


async def test_slot_may_be_awaited() -> None:
    slots, loop = Slots(1), asyncio.get_running_loop()
    holder = await slots.acquire(inf, "a")
    with pytest.raises(TimeoutError):
        await slots.acquire(loop.time() + 0.01, "b")
    assert (slots.waiting, slots.taken) == (0, 1)
    waiting = asyncio.create_task(slots.acquire(inf, "b"))
    await until(lambda: slots.waiting == 1)
    slots.leave(holder)
    slots.leave(await waiting)
    assert (slots.taken, slots.lanes) == (0, {})
