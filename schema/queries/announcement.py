"""Announcements published through this gateway."""

import strawberry

from gateway.context import Info
from gateway.journal.records import Announcement as AnnouncementRecord
from gateway.loaders.paging import Slice
from schema.types.announcement import Announcement
from schema.types.arguments import CommunityCode, community
from schema.types.connection import Window, connection_field
from schema.types.costs import ANNOUNCEMENTS


@strawberry.type
class AnnouncementQueries:
    @connection_field(
        Announcement,
        "Announcements of a community that were published through this gateway, newest first: the platform has no list "
        "of its own (公告列表).",
        "announcement:read",
        metadata=ANNOUNCEMENTS,
    )
    async def announcements(
        self, info: Info, part: Window, community_code: CommunityCode
    ) -> Slice[AnnouncementRecord] | None:
        code = community(community_code)
        if not info.context.principal.sees(code):
            return None
        found = await info.context.journal.announcements.list(code, part.offset, part.first)
        return Slice(found.items, part.offset, part.first, found.total)
