"""What a subscriber received, held against what happened and what the journal has."""

from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

from subscriber import Received

from gateway.journal.records import NotedEvent
from gateway.loaders.event_streams import Cursors

LATEST_POLL = timedelta(seconds=1)
"""A poll that was under way when something happened has not seen it, and is noted so much later at most."""


class Change(NamedTuple):
    """Somebody applied, at the platform."""

    number: int
    at: datetime


class Outage(NamedTuple):
    """No gateway, from here to there."""

    begin: datetime
    end: datetime


def faults(
    received: list[Received], noted: list[NotedEvent], changes: list[Change], outages: list[Outage], cursors: Cursors
) -> list[str]:
    """What is wrong, a line each."""
    return [*_left_out(received, noted, cursors), *_untold(received, changes), *_needless(received, outages)]


def _left_out(received: list[Received], noted: list[NotedEvent], cursors: Cursors) -> list[str]:
    """Every event that was noted from the first to the last one is received once, in order. Later ones are noted when
    the subscriber has left.
    """
    numbers = [cursors.read(each.cursor).position for each in received]
    wanted = [event.sequence for event in noted if numbers[0] <= event.sequence <= max(numbers)]
    twice = [number for number, count in Counter(numbers).items() if count > 1]
    found = [f"event {number} came twice" for number in twice]
    found += [f"event {number} did not come" for number in wanted if number not in set(numbers)]
    if numbers != sorted(numbers):
        found.append("events came out of order")
    return found


def _untold(received: list[Received], changes: list[Change]) -> list[str]:
    """A change that did not come is covered by `missed`, before anything noted later says that nothing was missed."""
    came = {each.number for each in received if each.kind == "APPEARED"}
    found = []
    for change in changes:
        if change.number in came:
            continue
        later = [each for each in received if datetime.fromisoformat(each.at) > change.at]
        gap = next((each for each in later if each.missed), None)
        if gap is None:
            found.append(f"{change.number} was missed, and nobody was told")
            continue
        late = [
            each
            for each in later[: later.index(gap)]
            if datetime.fromisoformat(each.at) > change.at + LATEST_POLL and each.kind == "APPEARED"
        ]
        found += [f"{change.number} was missed, and {each.number} says that nothing was" for each in late]
    return found


def _needless(received: list[Received], outages: list[Outage]) -> list[str]:
    """`missed` is true once for each restart at most: a broken connection alone misses nothing."""
    gaps = [datetime.fromisoformat(each.at) for each in received if each.missed and each.number is None]
    unexplained = [at for at in gaps if not any(outage.begin <= at for outage in outages)]
    found = [f"missed at {at:%H:%M:%S.%f}, before any outage" for at in unexplained]
    if len(gaps) > len(outages):
        found.append(f"{len(gaps)} gaps for {len(outages)} outages")
    return found
