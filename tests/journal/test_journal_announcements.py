import msgspec
from journal_fixtures import FrozenClock

from gateway.journal.journal import Journal
from gateway.journal.records import Announcement


def announcement(platform_id: int, clock: FrozenClock, community_code: str = "00001") -> Announcement:
    return Announcement(
        platform_id=platform_id,
        community_code=community_code,
        title="停水通知",
        content='今天 \U00020bb7 停水\n"请" 储水 \\',
        weight=5,
        pinned=True,
        published=False,
        manager="晨熙家园物业",
        logo=None,
        images=("https://a.example/1.png", "https://a.example/2.png"),
        created_at=clock.now,
    )


async def test_announcement_is_stored_as_published(journal: Journal, clock: FrozenClock) -> None:
    published = announcement(3, clock)
    await journal.announcements.add(published)

    assert await journal.announcements.get("00001", 3) == published
    assert await journal.announcements.get("10002", 3) is None
    assert await journal.announcements.get("00001", 4) is None


async def test_adding_announcement_again_changes_nothing(journal: Journal, clock: FrozenClock) -> None:
    first = announcement(3, clock)
    await journal.announcements.add(first)
    await journal.announcements.add(msgspec.structs.replace(first, title="another"))

    assert await journal.announcements.get("00001", 3) == first


async def test_announcements_are_listed_newest_first(journal: Journal, clock: FrozenClock) -> None:
    for platform_id in (7, 3, 9):
        clock.advance(seconds=1)
        await journal.announcements.add(announcement(platform_id, clock))
    await journal.announcements.add(announcement(1, clock, "10002"))

    page = await journal.announcements.list("00001", 0, 2)

    assert ([a.platform_id for a in page.items], page.total) == ([9, 3], 3)
