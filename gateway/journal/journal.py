"""The durable record of the gateway: operations, payment outbox, announcements, audit trail, events."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import structlog
from sqlalchemy import Connection, delete, func, insert, select

from gateway.errors import JournalError
from gateway.events import Notifier
from gateway.journal.announcements import Announcements
from gateway.journal.audit import Audit
from gateway.journal.database import Database, JournalInUseError, NoJournalError, insert_new
from gateway.journal.events import Events
from gateway.journal.migrate import Migration, every_migration, migrate, pending, rehearse, require_migrated
from gateway.journal.notify import LocalNotifier, PostgresNotifier
from gateway.journal.operations import Operations
from gateway.journal.payments import Payments
from gateway.journal.postgres import open_postgres
from gateway.journal.records import new_id
from gateway.journal.sqlite import open_sqlite, require_room
from gateway.journal.tables import id_key, operations, payments, readiness
from gateway.journal.unverified import UnverifiedNotifications
from gateway.journal.watches import WatchLeases
from gateway.normalise.states import DeliveryState, OperationState
from gateway.settings import Settings
from gateway.wording.faults import FaultWording

Clock = Callable[[], datetime]
"""Returns the time, aware. Gateways that share a journal synchronise their clocks (NTP): leases expire by them."""

FARTHEST_APART = timedelta(minutes=1)
"""Clocks that NTP keeps differ by less, and a lease is about as long."""

log = structlog.get_logger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Backlog(msgspec.Struct, frozen=True):
    """Payments by state; for how long the oldest that waits for its delivery has waited, in seconds, 0 if none does;
    and how many operations are UNKNOWN.
    """

    payments: Mapping[DeliveryState, int]
    oldest_undelivered: float
    unclear_operations: int


class Journal:
    """Opened by `open_journal`. Whatever goes wrong is a JournalError, within `journal_timeout` seconds."""

    def __init__(self, database: Database, notifier: Notifier, clock: Clock, *, folder: Path | None) -> None:
        """`folder`: where the file is, for one gateway alone; None for a server's database, which others may use at the
        same time.
        """
        self.events = Events(database, clock)
        self.watches = WatchLeases(database, self.events, clock, is_alone=folder is not None)
        self.operations = Operations(database, clock, self.events)
        self.payments = Payments(database, clock, self.events)
        self.unverified = UnverifiedNotifications(database, clock, self.payments, self.events)
        self.announcements = Announcements(database)
        self.audit = Audit(database)
        self._database = database
        self.notifier = notifier
        self._clock = clock

    async def ping(self) -> None:
        """Raises JournalError when the journal cannot be written: it costs a commit to find out."""
        row = {"id": new_id(self._clock())}

        def write_and_take_back(connection: Connection) -> None:
            # A row of its own each time: no gateway waits for another that has stopped in the middle of this.
            connection.execute(insert(readiness), row)
            connection.execute(delete(readiness).where(readiness.c.id == row["id"]))

        await self._database.write(write_and_take_back)

    async def require_key(self, check_value: str, *, record: bool = False) -> None:
        """Raises JournalError when gateways with another id key have used the journal. `record`: this one is the first,
        if there was none.
        """

        def find(connection: Connection) -> str | None:
            if record:
                connection.execute(insert_new(connection, id_key), {"id": 1, "check_value": check_value})
            return connection.execute(select(id_key.c.check_value)).scalar_one_or_none()

        if await self._database.write(find) not in (None, check_value):
            reason = (
                "GATEWAY_ID_KEY: the journal was written with another key, so ids and idempotency keys do not match: "
                "set that one, or accept the new one with `gateway migrate --new-id-key`."
            )
            raise JournalError(FaultWording.JOURNAL_NOT_OPENED(reason=reason))

    async def forget_key(self) -> None:
        """Have the id key of the next gateway recorded."""
        await self._database.write(lambda connection: connection.execute(delete(id_key)))

    @property
    def last_success(self) -> float:
        """When it was read or written the last time, in Unix seconds."""
        return self._database.last_success

    async def backlog(self) -> Backlog:
        """What is not done yet, of all gateways that share the journal."""
        undelivered = select(func.min(payments.c.received_at)).where(payments.c.state == DeliveryState.QUEUED)
        unclear = select(func.count()).select_from(operations).where(operations.c.state == OperationState.UNKNOWN)
        since, count = await self._database.read(
            lambda connection: (connection.scalar(undelivered), connection.scalar(unclear))
        )
        age = timedelta() if since is None else self._clock() - since
        return Backlog(await self.payments.counts(), max(age.total_seconds(), 0.0), count or 0)


@asynccontextmanager
async def open_journal(settings: Settings, clock: Clock = utc_now, *, make: bool = True) -> AsyncIterator[Journal]:
    """The journal in PostgreSQL at `database_url`, or else in a SQLite file in `data_dir`, migrated and ready.

    Raises JournalError when it cannot be used, and when another process holds the SQLite file. Without `make`,
    nothing is made and nothing migrated: then it is raised where there is no journal of this version, too.
    """
    prepare = migrate if make else require_migrated
    database: Database
    notifier: Notifier
    if settings.database_url:
        database = postgres = await open_postgres(settings.database_url, settings.journal_timeout, prepare)
        notifier = PostgresNotifier(postgres, settings.database_url, settings.journal_timeout)
    else:
        database = await open_sqlite(settings.data_dir, settings.journal_timeout, prepare, make=make)
        notifier = LocalNotifier()
    folder = None if settings.database_url else settings.data_dir
    journal = Journal(database, notifier, clock, folder=folder)
    try:
        if settings.database_url and make:
            await _compare_clocks(database, clock)
        yield journal
    finally:
        await database.close()


async def pending_migrations(settings: Settings) -> list[Migration]:
    """What the journal lacks of this version's shape, in order. Nothing is made or migrated. Raises JournalError."""
    found: list[Migration] = []
    database: Database

    def look(connection: Connection) -> None:
        found[:] = pending(connection)

    try:
        if settings.database_url:
            database = await open_postgres(settings.database_url, settings.journal_timeout, look)
        else:
            database = await open_sqlite(settings.data_dir, settings.journal_timeout, look, make=False)
    except NoJournalError:
        return every_migration()
    await database.close()
    return found


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


async def _compare_clocks(database: Database, clock: Clock) -> None:
    """Have somebody look where this gateway's clock is not the database's: nothing else would show it."""
    ahead = clock() - await database.read(
        lambda connection: connection.execute(select(func.clock_timestamp())).scalar_one()
    )
    if abs(ahead) > FARTHEST_APART:
        log.error("clock differs from that of the database", ahead_seconds=round(ahead.total_seconds()))
