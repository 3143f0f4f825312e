"""Announcements: creation (5.1). Nothing reads them back (quirk 169)."""

from gateway.sandbox.dialects.dialect import Row
from gateway.sandbox.effects import fingerprint
from gateway.sandbox.endpoint import Form, RefusedError
from gateway.sandbox.model import Announcement
from gateway.sandbox.wjdh.context import SERVER_ERROR, WjdhContext

_REQUIRED = ("title", "content")


class AnnouncementEndpoints:
    def __init__(self, context: WjdhContext) -> None:
        self._context = context

    def create(self, form: Form) -> Row:
        """5.1: nothing keeps the same announcement from being made twice (quirk 154)."""
        context = self._context
        community = context.community(form, "xiaoqu")
        if not all(form.get(field) for field in _REQUIRED):
            raise RefusedError(1, SERVER_ERROR, "message编码Announcements60")
        number = len(context.world.announcements) + 4
        context.world.announcements[number] = Announcement(number, community, form)
        context.effects.record("announcement/new", fingerprint(form), form, number)
        return context.envelope.wjdh(
            "announcement/new", 0, "公告发布成功", data=number, message="message编码Announcements75"
        )
