"""Which gateways are at work, and which of them watches which list: one each, whatever the number of gateways.

A list is its gateway's until that one lets go of it, or has not renewed its row of `gateways` for `LEASE`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, or_, select, update

from gateway.errors import JournalError
from gateway.journal.database import Database, insert_new
from gateway.journal.events import Events
from gateway.journal.records import PAYMENT, GapKind, NewEvent, new_id
from gateway.journal.tables import gateways, watches
from gateway.wording.faults import FaultWording

LEASE = timedelta(seconds=15)

_NOBODY = NewEvent(topic=PAYMENT, kind=GapKind.LATE, missed=True)
"""A gateway was not there to receive payments."""


class WatchLostError(JournalError):
    """Another gateway has taken the list over."""

    def __init__(self) -> None:
        super().__init__(FaultWording.WATCH_LOST())


class WatchLeases:
    """Every method raises JournalError when the journal cannot be used.

    `is_alone`: no other process can have the journal, so any process named in it has ended.
    """

    def __init__(self, database: Database, noted: Events, clock: Callable[[], datetime], *, is_alone: bool) -> None:
        self._database = database
        self._events = noted
        self._clock = clock
        self._is_alone = is_alone
        self._id = new_id(clock())

    async def join(self) -> None:
        """This gateway is at work. Where no other is, payments may have been missed since the last one was."""
        now = self._clock()

        def work(connection: Connection) -> None:
            if self._is_alone:
                connection.execute(delete(gateways))
            at_work = select(gateways.c.id).where(gateways.c.alive_until > now).limit(1)
            if connection.execute(at_work).first() is None:
                self._events.note(connection, _NOBODY)
            connection.execute(insert_new(connection, gateways), self._row(now))

        await self._database.write(work)
        self._events.on_noted()

    async def renew(self) -> None:
        """This gateway is still at work. What came to one that has died may be lost."""
        now = self._clock()

        def work(connection: Connection) -> int:
            died = connection.execute(
                delete(gateways).where(gateways.c.id != self._id, gateways.c.alive_until <= now)
            ).rowcount
            renewed = connection.execute(
                update(gateways).where(gateways.c.id == self._id).values(alive_until=now + LEASE)
            ).rowcount
            if not renewed:  # another has taken this one for dead, and noted it
                connection.execute(insert_new(connection, gateways), self._row(now))
            if died:
                self._events.note(connection, _NOBODY)
            return died

        if await self._database.write(work):
            self._events.on_noted()

    async def leave(self) -> None:
        """This gateway ends, and lets go of its lists."""

        def work(connection: Connection) -> None:
            held = watches.c.gateway_id == self._id
            connection.execute(update(watches).where(held).values(gateway_id=None, begun=False))
            connection.execute(delete(gateways).where(gateways.c.id == self._id))

        await self._database.write(work)

    async def hold(self, topic: str, community_code: str, wanted_for: timedelta) -> bool:
        """Whether the list is this gateway's to watch, now that it asks. Somebody here wants it watched so long."""
        now = self._clock()
        this = (watches.c.topic == topic, watches.c.community_code == community_code)
        alive = select(gateways.c.id).where(gateways.c.alive_until > now)
        row = {"topic": topic, "community_code": community_code, "begun": False, "wanted_until": now}
        not_here = watches.c.gateway_id != self._id
        take = (
            update(watches)
            .where(*this, or_(watches.c.gateway_id.is_(None), and_(not_here, watches.c.gateway_id.not_in(alive))))
            .values(gateway_id=self._id, begun=False)
        )

        def work(connection: Connection) -> bool:
            if connection.execute(insert_new(connection, watches), row | {"gateway_id": self._id}).first():
                return True
            if connection.execute(take).rowcount:
                return True
            holder = connection.scalar(select(watches.c.gateway_id).where(*this))
            if holder != self._id:
                connection.execute(update(watches).where(*this).values(wanted_until=now + wanted_for))
            return bool(holder == self._id)

        return await self._database.write(work)

    async def note(
        self, topic: str, community_code: str, found: Sequence[NewEvent], *, since: datetime, begins: bool
    ) -> None:
        """Note what a poll of the list has found, but for the writes noted `since` the poll before.

        `begins`: the list is watched from here on, and the first of `found` says so. Raises WatchLostError where the
        list is not this gateway's any more: then nothing is noted.
        """
        this = (watches.c.topic == topic, watches.c.community_code == community_code)

        def work(connection: Connection) -> None:
            holder = connection.scalar(select(watches.c.gateway_id).where(*this).with_for_update())
            if holder != self._id:
                raise WatchLostError
            self._events.note_found(connection, topic, community_code, found, since)
            if begins:
                connection.execute(update(watches).where(*this).values(begun=True))

        await self._database.write(work)
        self._events.on_noted()

    async def release(self, topic: str, community_code: str) -> bool:
        """Let go of a list, unless somebody at another gateway wants it watched. Returns whether it is let go of."""
        now = self._clock()
        statement = update(watches).where(
            watches.c.topic == topic,
            watches.c.community_code == community_code,
            watches.c.gateway_id == self._id,
            watches.c.wanted_until <= now,
        )
        free = statement.values(gateway_id=None, begun=False)
        holder = select(watches.c.gateway_id).where(
            watches.c.topic == topic, watches.c.community_code == community_code
        )

        def work(connection: Connection) -> bool:
            return bool(connection.execute(free).rowcount) or connection.scalar(holder) != self._id

        return await self._database.write(work)

    def _row(self, now: datetime) -> dict[str, object]:
        return {"id": self._id, "alive_until": now + LEASE}
