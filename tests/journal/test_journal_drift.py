"""What is new in answers, as all gateways of a journal know it."""

from datetime import timedelta

from journal_fixtures import FrozenClock

from gateway.journal.drift import FORGOTTEN_AFTER
from gateway.journal.journal import Journal
from gateway.normalise.drift import Sighting
from gateway.normalise.observation import MOST_UNKNOWN_WORDS, TOO_MANY
from gateway.normalise.vocabulary import DriftKind

WORD = Sighting("repair/list", "Repair", "status", DriftKind.NEW_WORD, "待派单")
KEY = Sighting("repair/list", "Repair", "urgency", DriftKind.NEW_KEY, "string")
ROWS = {("repair/list", "Repair"): 20}


async def test_sightings_are_added_up(journal: Journal, clock: FrozenClock) -> None:
    first = clock()
    await journal.drift.add({WORD: 2}, ROWS)
    clock.now += timedelta(hours=1)
    await journal.drift.add({KEY: 1}, ROWS)
    [word, key] = await journal.drift.add({WORD: 3}, ROWS)

    assert (word.found, word.count, word.rows) == ("待派单", 5, 60)
    assert (word.first_seen_at, word.last_seen_at) == (first, clock())
    assert (key.key, key.count, key.rows) == ("urgency", 1, 40)
    assert await journal.drift.read() == [word, key]


async def test_rows_of_other_endpoints_do_not_count(journal: Journal) -> None:
    await journal.drift.add({WORD: 2}, ROWS)
    [word] = await journal.drift.add({}, {("order/list", "Order"): 20})

    assert word.rows == 20


async def test_long_list_of_words_is_withheld_for_good(journal: Journal) -> None:
    words = {WORD._replace(found=f"词{at}"): 1 for at in range(MOST_UNKNOWN_WORDS + 1)}
    await journal.drift.add(words, ROWS)
    [found] = await journal.drift.add({WORD: 1}, ROWS)

    assert (found.found, found.count) == (TOO_MANY, MOST_UNKNOWN_WORDS + 2)
    assert await journal.drift.read() == [found]


async def test_what_is_not_seen_any_more_is_forgotten(journal: Journal, clock: FrozenClock) -> None:
    await journal.drift.add({WORD: 1}, ROWS)
    clock.now += FORGOTTEN_AFTER + timedelta(seconds=1)

    assert await journal.drift.add({}, ROWS) == []
