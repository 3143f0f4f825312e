"""The durable record of the gateway: operations, payment outbox, announcements, audit trail, events."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import structlog
from sqlalchemy import Connection, Executable, delete, func, insert, select, text

from gateway.events import EventBus
from gateway.journal.audit import Audit
from gateway.journal.database import (
    Database,
    JournalInUseError,
    NoJournalError,
    NotOpenedError,
    insert_new,
    migrate,
    rehearse,
    require_migrated,
)
from gateway.journal.events import Events, WatchLeases
from gateway.journal.listing import Records
from gateway.journal.operations import Operations
from gateway.journal.payments import Payments
from gateway.journal.postgres import PostgresDatabase, open_postgres
from gateway.journal.records import Announcement, new_id
from gateway.journal.sqlite import SqliteDatabase, open_sqlite, require_room
from gateway.journal.tables import announcements, id_key, metadata, operations, payments, readiness
from gateway.normalise.vocabulary import DeliveryState, OperationState
from gateway.settings import Settings
from gateway.wording.settings import Mistake

Clock = Callable[[], datetime]
"""Returns the time, in UTC. Gateways that share a journal synchronise their clocks (NTP): leases expire by them."""

utc_now: Clock = partial(datetime.now, UTC)

FARTHEST_APART = timedelta(minutes=1)  # clocks that NTP keeps differ by less, and a lease is about as long

log = structlog.get_logger(__name__)


class Announcements(Records[Announcement]):
    """See `Announcement`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, announcements, Announcement)

    async def add(self, announcement: Announcement) -> None:
        """Keep it, unless this community's announcement of that platform id is kept already."""
        row = msgspec.structs.asdict(announcement)
        await self._database.write(lambda journal: journal.execute(insert_new(announcements), row).close())

    async def by_number(self, community_code: str, platform_id: int) -> Announcement | None:
        """The community's announcement of that platform id."""
        of = announcements.c
        found = await self.find(of.community_code == community_code, of.platform_id == platform_id)
        return found[0] if found else None


_SIZES: Mapping[str, Executable] = {
    "postgresql": select(
        *(func.pg_total_relation_size(func.to_regclass(name)).label(name) for name in metadata.tables)
    ),
    # Of its tables SQLite would have to read every page.
    "sqlite": text("SELECT page_count * page_size AS journal FROM pragma_page_count(), pragma_page_size()"),
}


class Backlog(msgspec.Struct, frozen=True):
    """Payments by state; for how long the oldest that waits for its delivery has waited, in seconds, 0 if none does;
    how many operations are UNKNOWN; and the bytes of each table, with its indexes, or on SQLite of the file.
    """

    payments: Mapping[DeliveryState, int]
    oldest_undelivered: float
    unclear_operations: int
    sizes: Mapping[str, int] = {}


class Journal:
    """Opened by `open_journal`. Whatever goes wrong is a JournalError, within `journal_timeout` seconds.

    `bus` carries what is to be known at once, between the parts of this gateway, and inside `bridge` to all others.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self.bus = EventBus()
        self.events = Events(database, clock, self.bus)
        self.watches = WatchLeases(database, self.events, clock, is_alone=isinstance(database, SqliteDatabase))
        self.operations = Operations(database, clock, self.events)
        self.payments = Payments(database, clock, self.events)
        self.announcements = Announcements(database)
        self.audit = Audit(database)
        self.database = database
        self._clock = clock

    def bridge(self) -> AbstractAsyncContextManager[None]:
        """Exchange messages with the other gateways of this journal until the block ends."""
        return self.bus.bridge(self.database) if isinstance(self.database, PostgresDatabase) else nullcontext()

    async def ping(self) -> None:
        """Raises JournalError when the journal cannot be written: it costs a commit to find out."""
        # A row of its own each time: no gateway waits for another that has stopped in the middle of this.
        row_id = new_id(self._clock())

        def write_and_take_back(connection: Connection) -> None:
            connection.execute(insert(readiness).values(id=row_id))
            connection.execute(delete(readiness).where(readiness.c.id == row_id))

        await self.database.write(write_and_take_back)

    async def require_key(self, check_value: str, *, record: bool = False) -> None:
        """Raises JournalError for another id key than the journal's. `record`: make this its key if it has none."""

        def find(connection: Connection) -> str | None:
            if record:
                connection.execute(insert_new(id_key), {"id": 1, "check_value": check_value})
            return connection.execute(select(id_key.c.check_value)).scalar_one_or_none()

        if await self.database.write(find) not in (None, check_value):
            raise NotOpenedError(Mistake.OTHER_ID_KEY("GATEWAY_ID_KEY"))

    async def forget_key(self) -> None:
        """Have the id key of the next gateway recorded."""
        await self.database.write(lambda connection: connection.execute(delete(id_key)))

    async def backlog(self) -> Backlog:
        """What is not done yet, of all gateways that share the journal."""
        state = payments.c.state
        states = select(state, func.count()).group_by(state)
        undelivered = select(func.min(payments.c.received_at)).where(state == DeliveryState.QUEUED)
        unclear = select(func.count()).select_from(operations).where(operations.c.state == OperationState.UNKNOWN)

        def read(connection: Connection) -> Backlog:
            counts = {DeliveryState(state): count for state, count in connection.execute(states)}
            age = (now := self._clock()) - (connection.scalar(undelivered) or now)
            unclear_operations = connection.scalar(unclear) or 0
            sizes = connection.execute(_SIZES[connection.dialect.name]).mappings().one()
            by_state = dict.fromkeys(DeliveryState, 0) | counts
            return Backlog(by_state, max(age.total_seconds(), 0.0), unclear_operations, dict(sizes))

        return await self.database.read(read)


@asynccontextmanager
async def open_journal(settings: Settings, clock: Clock = utc_now, *, make: bool = True) -> AsyncIterator[Journal]:
    """The journal in PostgreSQL at `database_url`, or else in a SQLite file in `data_dir`, migrated and ready.

    Raises JournalError when it cannot be used, and when another process holds the SQLite file. Without `make`,
    nothing is made and nothing migrated: then it is raised where there is no journal of this version, too.
    """
    if settings.database_url:
        prepare = migrate if make else require_migrated
        database: Database = await open_postgres(settings.database_url, settings.journal_timeout, prepare)
    else:
        database = await open_sqlite(settings.data_dir, settings.journal_timeout, make=make)
    journal = Journal(database, clock)
    try:
        if settings.database_url and make:  # nothing else would show that the clocks differ
            ahead = clock() - await database.read(
                lambda connection: connection.scalars(select(func.clock_timestamp())).one()
            )
            if abs(ahead) > FARTHEST_APART:
                log.error("clock differs from that of the database", ahead_seconds=round(ahead.total_seconds()))
        yield journal
    finally:
        await database.close()


async def pending_migrations(settings: Settings) -> list[str]:
    """What the journal lacks of this version's shape, in order. Nothing is made or migrated. Raises JournalError."""
    try:
        async with open_journal(settings, make=False):
            return []
    except NoJournalError as error:
        return error.pending


async def try_journal(settings: Settings, check_value: str | None = None) -> str:
    """What `gateway serve` will find: that it is "ready", or what has to be done first. Nothing is made or migrated.

    A file that another process uses, a gateway perhaps, is "in use". Raises JournalError where it cannot be used, or
    not with the id key of this `check_value`.
    """
    try:
        async with open_journal(settings, make=False) as journal:
            await journal.ping()
            if check_value is not None:
                await journal.require_key(check_value)
    except NoJournalError:
        if settings.database_url:
            await (await open_postgres(settings.database_url, settings.journal_timeout, rehearse)).close()
        else:
            require_room(settings.data_dir)
        return "to be made"
    except JournalInUseError:
        return "in use"
    return "ready"
