"""Announcements published through this gateway (document chapter 5; the platform can only create them)."""

from datetime import datetime

import strawberry

from gateway.journal import records
from schema.types.belonging import its_community
from schema.types.fields import free_text, plain, record_type
from schema.types.history import with_history
from schema.types.identity import node_id
from schema.types.node import Node


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
