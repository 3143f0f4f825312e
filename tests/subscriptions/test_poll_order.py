"""Which list is polled next, by a clock that stands still: what a quiet list waits at most, and who goes first."""

import random
from heapq import heappop, heappush
from itertools import pairwise
from math import inf

import pytest
from standing_clock import Clock

from gateway.loaders.poll_order import LIVELY, PollOrder

INTERVAL = 15.0
AT_ONCE = 8
LISTS = 3000


class Polling:
    """Polls `AT_ONCE` lists at once, each for as long as `takes` says; `polled` has the times when each was begun."""

    def __init__(self, takes, lists=LISTS):
        self.clock, self.order, self.takes = Clock(), PollOrder(INTERVAL), takes
        self.turns = [self.order.add(number, self.clock()) for number in range(lists)]
        self.polled = [[] for _ in range(lists)]
        self.under_way = []

    def run(self, seconds, *, each=lambda: None):
        until = self.clock.now + seconds
        while True:
            while len(self.under_way) < AT_ONCE and (turn := self.order.begin(self.clock())):
                self.polled[turn.watch].append(self.clock.now)
                took = self.takes(turn.watch)
                heappush(self.under_way, (self.clock.now + took, turn.watch, took))
            each()
            due = self.order.next_due() if len(self.under_way) < AT_ONCE else inf
            self.clock.now = min([due, *(end for end, *_ in self.under_way[:1])])
            if self.clock.now >= until:
                return
            if self.under_way and self.under_way[0][0] <= self.clock.now:
                _, number, took = heappop(self.under_way)
                self.order.end(self.turns[number], self.clock(), took, INTERVAL)

    def ages(self, number, since):
        times = [time for time in self.polled[number] if time >= since]
        return [later - earlier for earlier, later in pairwise(times)]


@pytest.mark.parametrize("slow", [0, 100], ids=["even", "some-slow"])
def test_lateness_of_3000_lists_stays_within_its_bound(slow):
    chance = random.Random(1)
    polling = Polling(lambda number: 5.0 if number < slow else chance.uniform(0.02, 0.15))
    latest = 0.0

    def look():
        nonlocal latest
        for number in (*range(slow), chance.randrange(LISTS // 10)):  # the slow ones are looked at all the time
            polling.order.notice(polling.turns[number], polling.clock(), at_once=chance.random() < 0.1)
        lateness, bound = polling.order.lateness(polling.clock()), polling.order.bound(AT_ONCE)
        latest = max(latest, lateness / bound)
        assert lateness <= bound

    polling.run(3 * LIVELY, each=look)
    assert latest > 0.4  # the bound says something
    assert max(max(polling.ages(number, 0)) for number in range(LISTS)) > INTERVAL


def test_lively_lists_keep_the_interval_and_quiet_ones_come_later():
    polling = Polling(lambda _number: 0.1)  # 80 polls a second, and 200 were needed
    polling.run(LIVELY + 60)
    begun = polling.clock.now

    def look():
        for turn in polling.turns[:10]:
            polling.order.notice(turn, polling.clock())

    polling.run(120, each=look)
    for number in range(10):
        assert max(polling.ages(number, begun + INTERVAL + 5)) < INTERVAL + 1
    quiet = [max(polling.ages(number, begun)) for number in range(10, LISTS)]
    assert LISTS / 80 <= max(quiet) <= INTERVAL + polling.order.bound(AT_ONCE)


def test_few_lists_are_polled_each_interval():
    polling = Polling(lambda _number: 0.1, lists=100)
    polling.run(300)
    assert max(max(polling.ages(number, 0)) for number in range(100)) < INTERVAL + 2
    assert polling.order.bound(AT_ONCE) == INTERVAL

    for turn in polling.turns[1:]:
        polling.order.remove(turn)
    removed = polling.clock.now + 1
    polling.run(60)
    assert len(polling.order) == 1
    assert max(time for times in polling.polled[1:] for time in times) < removed < polling.polled[0][-1]
