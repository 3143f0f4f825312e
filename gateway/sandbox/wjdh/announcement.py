"""Announcements: creation (5.1). Nothing reads them back (quirk 169)."""

from gateway.sandbox.dialects.dialect import Row
from gateway.sandbox.effects import fingerprint
from gateway.sandbox.endpoint import Form, RefusedError
from gateway.sandbox.model import Announcement
from gateway.sandbox.wjdh.desk import HICCUP, Desk

_REQUIRED = ("title", "content")


class AnnouncementEndpoints:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, form: Form) -> Row:
        """5.1: nothing keeps the same announcement from being made twice (quirk 154)."""
        desk = self._desk
        community = desk.community(form, "xiaoqu")
        if not all(form.get(field) for field in _REQUIRED):
            raise RefusedError(1, HICCUP, "message编码Announcements60")
        number = len(desk.world.announcements) + 4
        desk.world.announcements[number] = Announcement(number, community, form)
        desk.effects.record("announcement/new", fingerprint(form), form, number)
        return desk.envelope.wjdh(
            "announcement/new", 0, "公告发布成功", data=number, message="message编码Announcements75"
        )
