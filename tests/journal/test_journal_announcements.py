import msgspec
from journal_fixtures import make_announcement
from standing_clock import FrozenClock

from gateway.journal.journal import Journal


async def test_announcement_is_stored_as_published(journal: Journal, clock: FrozenClock) -> None:
    published = make_announcement(clock.now)
    await journal.announcements.add(published)

    assert await journal.announcements.by_number("00001", 3) == published
    assert await journal.announcements.by_number("10002", 3) is None
    assert await journal.announcements.by_number("00001", 4) is None


async def test_adding_announcement_again_changes_nothing(journal: Journal, clock: FrozenClock) -> None:
    first = make_announcement(clock.now)
    await journal.announcements.add(first)
    await journal.announcements.add(msgspec.structs.replace(first, title="another"))

    assert await journal.announcements.by_number("00001", 3) == first


async def test_announcements_are_listed_newest_first(journal: Journal, clock: FrozenClock) -> None:
    for platform_id in (7, 3, 9):
        clock.advance(seconds=1)
        await journal.announcements.add(make_announcement(clock.now, platform_id=platform_id))
    await journal.announcements.add(make_announcement(clock.now, platform_id=1, community_code="10002"))

    items, total = await journal.announcements.part("00001", 0, 2)

    assert ([a.platform_id for a in items], total) == ([9, 3], 3)
