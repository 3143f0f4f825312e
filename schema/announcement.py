"""Announcements published through this gateway (document chapter 5; the platform can only create them)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import msgspec
import strawberry

from gateway.actions.announcement import announcement_violations
from gateway.actions.write import Write, Written
from gateway.context import Info
from gateway.errors import find_violations
from gateway.journal import records
from gateway.journal.records import Announcement as AnnouncementRecord
from gateway.loaders.paging import Slice
from gateway.normalise.requests import NewAnnouncement
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema import writes
from schema.arguments import CommunityCode, community
from schema.connection import Window, connection_field
from schema.costs import ANNOUNCEMENTS, MOST_ENTRIES, ONE_CALL, bulk_costs
from schema.fields import free_text, needs, node_id, optional, plain, record_type
from schema.operation import MutationPayload, with_history
from schema.record import Node, its_community


@record_type(records.Announcement, description="An announcement published through this gateway (公告).")
@with_history()
class Announcement(Node):
    platform_id: int = plain("The platform's number (公告id).")
    community_code: strawberry.ID = plain("Code of its community (小区标识).")
    title: str = free_text("Title (公告标题).", "title")
    content: str = free_text("Text (公告内容).", "content")
    weight: int = plain("Weight in the list, 0 for none (权重).")
    pinned: bool = plain("Whether it stays on top (是否置顶).")
    published: bool = plain("Whether it was published as visible (是否开启).")
    manager: str | None = free_text("Publisher; null: the platform's default (发布者).", "manager")
    logo: str | None = plain("Address of the publisher's logo; null: the platform's default (发布者标志).")
    images: list[str] = plain("Addresses of pictures (图片).")
    created_at: datetime = plain("When this gateway published it (创建时间).")

    id: strawberry.ID = node_id("Announcement", "platform_id", "The announcement's node id (节点标识).")
    community = its_community()


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
        return Slice(found.items, part.offset, part.first, found.total, tag=part.tag or "")


MOST_IMAGES = 20


@strawberry.input
class _AnnouncementInput:
    """What is published, wherever."""

    title: str = strawberry.field(description="Title; not empty (公告标题).")
    content: str = strawberry.field(description="Text; not empty (公告内容).")
    weight: int = strawberry.field(default=0, description="Weight in the list, 0 for none (权重).")
    pinned: bool = strawberry.field(default=False, description="Whether it stays on top (是否置顶).")
    published: bool = strawberry.field(default=True, description="Whether it is visible (是否开启).")
    manager: str | None = optional("Publisher; omitted: the community's property manager (发布者).")
    logo: str | None = optional("Address of the publisher's logo (发布者标志).")
    images: list[str] | None = optional(
        f"Addresses of pictures, at most {MOST_IMAGES}; none may be empty or hold a comma (图片)."
    )


@strawberry.input(description="Publish an announcement (创建公告).")
class CreateAnnouncementInput(_AnnouncementInput):
    community_code: strawberry.ID = strawberry.field(description="Code of the community (小区标识).")
    idempotency_key: strawberry.ID = strawberry.field(description=writes.KEY)


@strawberry.input(description="Publish an announcement in several communities (批量创建公告).")
class CreateAnnouncementsInput(_AnnouncementInput):
    community_codes: list[strawberry.ID] = strawberry.field(
        description=f"Codes of the communities, 1 to {MOST_ENTRIES} (小区标识列表)."
    )
    idempotency_key: strawberry.ID = strawberry.field(description=writes.EACH_KEY)


Create = Annotated[CreateAnnouncementInput, strawberry.argument(description="The announcement (输入).")]
CreateAll = Annotated[
    CreateAnnouncementsInput, strawberry.argument(description="The announcement, and where to publish it (输入).")
]


@record_type(Written, description="How the publication of an announcement ended (创建公告结果).")
class AnnouncementPayload(MutationPayload):
    @strawberry.field(
        description="The announcement (公告).",
        directives=needs(["announcement:read"]),
        graphql_type=Announcement | None,
    )
    async def announcement(root: strawberry.Parent[Written], info: Info) -> records.Announcement | None:
        record = writes.written_record(info, root)
        if record is None:
            return None
        return await info.context.journal.announcements.get(str(record.community_code), int(record.platform_id))


@strawberry.type(description="How the publication of an announcement in several communities ended (批量创建公告结果).")
class AnnouncementsPayload:
    results = writes.results_field(AnnouncementPayload, "community")


@strawberry.type
class AnnouncementMutations:
    @strawberry.mutation(
        description="Publish an announcement. The platform cannot list them: when its answer is lost, the outcome "
        "stays UNKNOWN (创建公告).",
        directives=needs(["announcement:write"]),
        graphql_type=AnnouncementPayload | None,
        metadata=ONE_CALL,
    )
    async def create_announcement(self, info: Info, input: Create) -> Written:
        announcement = _announcement(
            input,
            str(input.community_code),
            find_violations(community, input.community_code, "input.communityCode"),
        )
        key = str(input.idempotency_key)
        return writes.finished(
            info, await info.context.actions.announcement.create(info.context.principal, announcement, key)
        )

    @strawberry.mutation(
        description="Publish an announcement in several communities: a result and an operation for each "
        "(批量创建公告).",
        directives=needs(["announcement:write"]),
        graphql_type=AnnouncementsPayload | None,
        metadata=bulk_costs("input.communityCodes", calls=1),
    )
    async def create_announcements(self, info: Info, input: CreateAll) -> list[Written]:
        draft = _announcement(input, "", find_violations(writes.entries, "communityCodes", input.community_codes))
        key, make_creation = input.idempotency_key, info.context.actions.announcement.make_creation

        def creation(code: str) -> Write:
            new = msgspec.structs.replace(draft, community_code=code)
            return make_creation(info.context.principal, new, writes.entry_key(key, code) or "")

        return await writes.write_all(
            info, writes.community_writes("createAnnouncement", input.community_codes, creation)
        )


def _announcement(
    input: CreateAnnouncementInput | CreateAnnouncementsInput, code: str, *found: Iterable[Violation]
) -> NewAnnouncement:
    """Raises UserInputError, with what else is `found` wrong."""
    images = tuple(input.images or ())
    announcement = NewAnnouncement(
        community_code=code,
        title=input.title,
        content=input.content,
        weight=input.weight,
        pinned=input.pinned,
        published=input.published,
        manager=input.manager or None,
        logo=input.logo or None,
        images=images,
    )
    writes.require(
        _too_many(images),
        *found,
        find_violations(writes.idempotency_key, input.idempotency_key),
        besides=lambda: announcement_violations(announcement),
    )
    return announcement


def _too_many(images: tuple[str, ...]) -> Iterable[Violation]:
    if len(images) > MOST_IMAGES:
        yield Violation(("input", "images"), InputWording.COUNT_AT_MOST(field="images", max=MOST_IMAGES))
