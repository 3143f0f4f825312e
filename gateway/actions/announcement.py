"""Publishing announcements (document 5.1)."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

import structlog

from gateway.actions.write import (
    Done,
    MarkSent,
    Write,
    Written,
    community_errors,
    invalid,
    masked,
    refuse_if_any,
)
from gateway.actions.writer import Writer, retry_journal_write
from gateway.auth.principal import Principal, Scope
from gateway.errors import JournalError
from gateway.journal.journal import Journal
from gateway.journal.records import Announcement, RecordRef
from gateway.normalise.plausible import is_invisible
from gateway.normalise.requests import NewAnnouncement
from gateway.platforms.wjdh import Wjdh
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation

log = structlog.get_logger(__name__)


class AnnouncementActions:
    """The platform can only create them (quirk 169): the journal keeps what was published, UNKNOWN stays UNKNOWN."""

    def __init__(self, writer: Writer, wjdh: Wjdh, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._writer = writer
        self._wjdh = wjdh
        self._journal = journal
        self._clock = clock

    async def create(self, principal: Principal, new: NewAnnouncement, key: str) -> Written:
        """Publish. Raises GatewayError for faults."""
        return await self._writer.carry_out(principal, self.make_creation(principal, new, key))

    def make_creation(self, principal: Principal, new: NewAnnouncement, key: str) -> Write:
        principal.require(Scope.ANNOUNCEMENT_WRITE)

        async def check() -> None:
            refuse_if_any([*community_errors(principal, new.community_code), *invalid(announcement_violations(new))])

        async def perform(mark_sent: MarkSent) -> Done:
            await mark_sent()
            platform_id = await self._wjdh.create_announcement(new)
            await self._keep(new, platform_id)
            return Done(RecordRef("Announcement", new.community_code, str(platform_id)))

        return Write(
            mutation="createAnnouncement",
            arguments=new,
            community_code=new.community_code,
            idempotency_key=key,
            check=check,
            perform=perform,
        )

    async def _keep(self, new: NewAnnouncement, platform_id: int) -> None:
        """It is published, whatever becomes of this."""
        announcement = Announcement(
            platform_id=platform_id,
            community_code=new.community_code,
            title=new.title,
            content=new.content,
            weight=new.weight,
            pinned=new.pinned,
            published=new.published,
            manager=new.manager,
            logo=new.logo,
            images=new.images,
            created_at=self._clock(),
        )
        try:
            await retry_journal_write(partial(self._journal.announcements.add, announcement))
        except JournalError:
            log.error("announcement not kept", community=new.community_code, platform_id=platform_id)


def announcement_violations(new: NewAnnouncement) -> Iterator[Violation]:
    """What cannot be sent as it is meant (quirk 120)."""
    for field, value in (("title", new.title), ("content", new.content)):
        if is_invisible(value):
            yield Violation((field,), InputWording.EMPTY(field=field))
    for field in ("title", "content", "manager"):
        yield from masked(getattr(new, field), field)
    for index, image in enumerate(new.images):
        if "," in image or is_invisible(image):
            yield Violation(("images", str(index)), InputWording.IMAGE())
