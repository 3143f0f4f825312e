"""Announcements published through this gateway (document chapter 5; the platform can only create them)."""

from datetime import datetime
from functools import partial

import strawberry

from gateway.actions.action import Written
from gateway.announcements import MOST_IMAGES, CreateAnnouncement
from gateway.context import Info
from gateway.journal import records
from gateway.journal.listing import AnnouncementQuery
from gateway.loaders.paging import Slice
from schema import writes
from schema.connection import Window, connection_field, listed
from schema.costs import ANNOUNCEMENTS, MOST_ENTRIES, ONE_CALL, bulk_cost
from schema.fields import described, free_text, node_id, optional, plain, record_type, required
from schema.operation import MutationPayload, writes_of, written_field
from schema.record import CommunityCode, Node, community, its_community


@record_type(records.Announcement, "An announcement published through this gateway (公告).")
class Announcement(Node):
    platform_id: int = plain("The platform's number (公告id).")
    community_code: strawberry.ID = plain("Code of its community (小区标识).")
    title: str = free_text("Title (公告标题).", "title")
    content: str = free_text("Text (公告内容).", "content")
    weight: int = plain("Sort weight in the list; 0 is none (权重).")
    pinned: bool = plain("Whether it is pinned to the top (是否置顶).")
    published: bool = plain("Whether it was published as visible (是否开启).")
    manager: str | None = free_text("Publisher; null: the platform's default (发布者).", "manager")
    logo: str | None = plain("Address of the publisher's logo; null: the platform's default (发布者标志).")
    images: list[str] = plain("Addresses of pictures (图片).")
    created_at: datetime = plain("When this gateway published it (创建时间).")

    id: strawberry.ID = node_id("Announcement", "platform_id", "The announcement's node id (节点标识).")
    community = its_community()
    history = writes_of(id)


class AnnouncementQueries:
    @connection_field(Announcement, "announcement:read", cost=ANNOUNCEMENTS)
    async def announcements(
        self, info: Info, part: Window, community_code: CommunityCode
    ) -> Slice[records.Announcement] | None:
        """Announcements of a community published through this gateway, newest first: the platform has no list
        (公告列表)."""
        code = community(community_code)
        if not info.context.principal.sees(code):
            return None
        query = AnnouncementQuery(communities=frozenset([code]))
        return await listed(info, info.context.journal.announcements, query, part)


@strawberry.input
class _AnnouncementInput:
    """What is published, wherever."""

    title: str = required("Title; not empty (公告标题).")
    content: str = required("Text; not empty (公告内容).")
    weight: int = optional("Sort weight in the list; 0 is none (权重).", 0)
    pinned: bool = optional("Whether it is pinned to the top (是否置顶).", False)
    published: bool = optional("Whether it is visible (是否开启).", True)
    manager: str | None = optional("Publisher; omitted: the community's property manager (发布者).")
    logo: str | None = optional("Address of the publisher's logo (发布者标志).")
    images: list[str] | None = optional(
        f"Addresses of pictures, at most {MOST_IMAGES}; none may be empty or contain a comma (图片)."
    )


@strawberry.input(description="Publish an announcement (创建公告).")
class CreateAnnouncementInput(_AnnouncementInput):
    community_code: strawberry.ID = required("Code of the community (小区标识).")
    idempotency_key: strawberry.ID = required(writes.KEY)


@strawberry.input(description="Publish an announcement in several communities (批量创建公告).")
class CreateAnnouncementsInput(_AnnouncementInput):
    community_codes: list[strawberry.ID] = required(f"Codes of the communities, 1 to {MOST_ENTRIES} (小区标识列表).")
    idempotency_key: strawberry.ID = required(writes.EACH_KEY)


@record_type(Written, "Result of publishing an announcement (创建公告结果).")
class AnnouncementPayload(MutationPayload):
    announcement = written_field(Announcement, "The announcement; null if there is none (公告).", None)


AnnouncementsPayload = writes.payload_of_several(
    AnnouncementPayload, "community", "Result of publishing an announcement in several communities (批量创建公告结果)."
)


class AnnouncementMutations:
    @writes.mutation(CreateAnnouncement, AnnouncementPayload, ONE_CALL)
    @described(input="The announcement (输入).")
    async def create_announcement(self, info: Info, input: CreateAnnouncementInput) -> Written:
        """Publish an announcement. The platform cannot list them, so the outcome stays UNKNOWN if its answer is lost
        (创建公告)."""
        new, key = _announcement(input, str(input.community_code)), str(input.idempotency_key)
        wrong = writes.wrong_community(input.community_code)
        return await writes.write_one(info, CreateAnnouncement, new, key, wrong)

    @writes.mutation(CreateAnnouncement, AnnouncementsPayload, bulk_cost("input.communityCodes", calls=1))
    @described(input="The announcement, and where to publish it (输入).")
    async def create_announcements(self, info: Info, input: CreateAnnouncementsInput) -> list[Written]:
        """Publish an announcement in several communities, each with its own result and operation (批量创建公告)."""
        codes, key = input.community_codes, input.idempotency_key
        return await writes.write_communities(info, CreateAnnouncement, codes, partial(_announcement, input), key)


def _announcement(input: _AnnouncementInput, code: str) -> records.NewAnnouncement:
    given = {name: value for name, value in vars(input).items() if name in _AnnouncementInput.__annotations__}
    given |= {name: given[name] or None for name in ("manager", "logo")} | {"images": tuple(input.images or ())}
    return records.NewAnnouncement(community_code=code, **given)
