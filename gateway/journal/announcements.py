"""The announcements published through this gateway: the platform cannot list them (quirk 169)."""

import msgspec
from sqlalchemy import Connection, select

from gateway.journal.database import Database, insert_new
from gateway.journal.listing import read_listing, to_record
from gateway.journal.records import Announcement, Listing
from gateway.journal.tables import announcements


class Announcements:
    """See `Announcement`. Every method raises JournalError when the journal cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, announcement: Announcement) -> None:
        """Keep it, unless this community's announcement of that platform id is kept already."""
        values = msgspec.structs.asdict(announcement)

        def work(connection: Connection) -> None:
            connection.execute(insert_new(connection, announcements), values)

        await self._database.write(work)

    async def get(self, community_code: str, platform_id: int) -> Announcement | None:
        statement = select(announcements).where(
            announcements.c.community_code == community_code, announcements.c.platform_id == platform_id
        )
        row = await self._database.read(lambda connection: connection.execute(statement).first())
        return None if row is None else to_record(row, Announcement)

    async def list(self, community_code: str, offset: int, limit: int) -> Listing[Announcement]:
        """A community's, newest first."""
        rows = (
            select(announcements)
            .where(announcements.c.community_code == community_code)
            .order_by(announcements.c.created_at.desc(), announcements.c.platform_id.desc())
        )
        return await self._database.read(lambda connection: read_listing(connection, Announcement, rows, offset, limit))
