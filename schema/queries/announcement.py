"""Announcements published through this gateway."""

import strawberry

from gateway.context import Info
from gateway.journal.records import Announcement as AnnouncementRecord
from gateway.loaders.paging import Slice
from schema.types.announcement import Announcement
from schema.types.arguments import CommunityCode, community
from schema.types.connection import After, Connection, First, PageNumber, window
from schema.types.costs import ANNOUNCEMENTS
from schema.types.fields import needs


@strawberry.type
class AnnouncementQueries:
    @strawberry.field(
        description="Announcements of a community that were published through this gateway, newest first: the platform "
        "has no list of its own (公告列表).",
        directives=needs(["announcement:read"]),
        graphql_type=Connection[Announcement] | None,
        metadata=ANNOUNCEMENTS,
    )
    async def announcements(
        self,
        info: Info,
        community_code: CommunityCode,
        first: First = 20,
        after: After = None,
        page: PageNumber = None,
    ) -> Slice[AnnouncementRecord] | None:
        code = community(community_code)
        part = window(first, after, page)
        if not info.context.principal.sees(code):
            return None
        found = await info.context.journal.announcements.list(code, part.offset, part.first)
        return Slice(found.items, *part, found.total)
