import msgspec
from journal_fixtures import make_announcement
from standing_clock import FrozenClock

from gateway.journal.journal import Journal


async def test_announcements_are_kept_once_and_listed_newest_first(journal: Journal, clock: FrozenClock) -> None:
    kept = [make_announcement(clock.advance(seconds=1), platform_id=number) for number in (7, 3, 9)]
    elsewhere = make_announcement(clock.now, platform_id=1, community_code="10002")
    for each in (*kept, elsewhere, msgspec.structs.replace(kept[1], title="another")):
        await journal.announcements.add(each)

    assert await journal.announcements.part("00001", 0, 2) == ((kept[2], kept[1]), 3)
    assert await journal.announcements.part("00001", 2, 2) == ((kept[0],), 3)
    assert await journal.announcements.by_number("00001", 3) == kept[1]
    for code, number in (("10002", 3), ("00001", 4)):
        assert await journal.announcements.by_number(code, number) is None
