"""Publishing announcements (document 5.1)."""

from collections.abc import Iterator
from functools import partial

import msgspec
import structlog

from gateway.actions.action import Action, Done, Prepared, Write, masked
from gateway.actions.writer import retry_journal_write
from gateway.auth.principal import Scope
from gateway.errors import JournalError, ProtocolError
from gateway.journal.records import Announcement, NewAnnouncement, RecordRef, new_id
from gateway.normalise.values import is_invisible, row_id
from gateway.normalise.vocabulary import FLAG_FORM
from gateway.platforms.endpoint import Effect, Endpoint
from gateway.platforms.wjdh import WJDH, Form, Wjdh, without_none
from gateway.wording.faults import FaultWording
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation

ANNOUNCEMENT_NEW = Endpoint(WJDH, "announcement/new", "POST", "announcement/new", Effect.WRITE)


def new_announcement_form(announcement: NewAnnouncement) -> Form:
    """All fields of announcement/new (5.1.2). `order` is the weight (quirk 121); images are joined by commas."""
    return without_none(
        {
            "xiaoqu": announcement.community_code,
            "title": announcement.title,
            "content": announcement.content,
            "order": str(announcement.weight),
            "top": FLAG_FORM[announcement.pinned],
            "status": FLAG_FORM[announcement.published],
            "manager": announcement.manager,
            "logo": announcement.logo,
            "images": ",".join(announcement.images) or None,
        }
    )


async def create_announcement(wjdh: Wjdh, announcement: NewAnnouncement) -> int:
    """Publish an announcement and return its id. Never repeated (quirk 154)."""
    number = row_id((await wjdh.succeed(ANNOUNCEMENT_NEW, new_announcement_form(announcement))).get("data"))
    if number is None:
        raise ProtocolError(WJDH, ANNOUNCEMENT_NEW.name, FaultWording.NO_ANNOUNCEMENT_ID())
    return number


log = structlog.get_logger(__name__)

MOST_IMAGES = 20


class CreateAnnouncement(Action[NewAnnouncement]):
    """The platform can only create them (quirk 169): the journal keeps what was published, UNKNOWN stays UNKNOWN."""

    mutation = "createAnnouncement"
    scope = Scope.ANNOUNCEMENT_WRITE
    endpoint = ANNOUNCEMENT_NEW
    stale = ()

    def wrong(self, new: NewAnnouncement) -> Iterator[Violation]:
        if len(new.images) > MOST_IMAGES:
            yield Violation(("images",), InputWording.COUNT_AT_MOST(field="images", max=MOST_IMAGES))

    def violations(self, new: NewAnnouncement) -> Iterator[Violation]:
        """What cannot be sent as it is meant (quirk 120)."""
        for field, value in (("title", new.title), ("content", new.content)):
            if is_invisible(value):
                yield Violation((field,), InputWording.EMPTY(field=field))
        for field in ("title", "content", "manager"):
            yield from masked(getattr(new, field), field)
        for index, image in enumerate(new.images):
            if "," in image or is_invisible(image):
                yield Violation(("images", str(index)), InputWording.IMAGE())

    async def prepare(self, write: Write[NewAnnouncement]) -> Prepared:
        return Prepared(partial(self._publish, write.asked))

    async def _publish(self, new: NewAnnouncement) -> Done:
        """It is published, whether or not the journal can keep it."""
        platform_id = await create_announcement(self.wjdh, new)
        fields = msgspec.structs.asdict(new)
        now = self.services.clock()
        announcement = Announcement(id=new_id(now), platform_id=platform_id, created_at=now, **fields)
        try:
            await retry_journal_write(partial(self.services.journal.announcements.add, announcement))
        except JournalError:
            log.error("announcement not kept", community=new.community_code, platform_id=platform_id)
        return Done(RecordRef("Announcement", new.community_code, str(platform_id)))
