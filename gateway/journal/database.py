"""What the parts of the journal need of a database, whichever it is, and what its failures become."""

import asyncio
import os
import sqlite3
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar, TypeVar

import asyncpg
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.sql.dml import ReturningInsert

from gateway.errors import JournalError, JournalRefusedError
from gateway.ops.logs import StateLog
from gateway.wording.faults import FaultWording
from gateway.wording.language import at, known
from gateway.wording.settings import Mistake
from gateway.wording.wording import Text

log = structlog.get_logger(__name__)

ValueT = TypeVar("ValueT")
Work = Callable[[Connection], ValueT]
"""A unit of work: a plain function that does nothing but talk to its connection, since it may run twice."""

DATABASE_ERRORS = (
    SQLAlchemyError,
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    UnicodeError,
)
"""What the drivers raise; UnicodeError for a text that they cannot encode, InternalClientError also where none of the
servers is the one that `target_session_attrs` asks for, OSError also for a timeout."""

_REFUSALS = ("22", "23", "54", "SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_TOOBIG")
"""How the codes begin by which a database refuses a row: PostgreSQL by its classes of SQLSTATE, and SQLite."""

SETTINGS = {"postgresql": "GATEWAY_DATABASE_URL", "sqlite": "GATEWAY_DATA_DIR"}
"""By dialect: the setting that says where the database is."""

_LOCK = 0x77616E6A6961  # any fixed number: a migration of this journal asks for this lock first

_LONGEST_WAIT = "60s"

Prepare = Callable[[Connection], None]
"""What is done first with the connection of a database, inside a transaction. Raises JournalError where it will not do.
"""


class NotOpenedError(JournalError):
    """The journal cannot be used; for operators, before anything is served."""


class NoJournalError(NotOpenedError):
    """There is none there, or it is to be migrated first: by the migrations that are `pending`, in order."""

    def __init__(self, pending: list[str]) -> None:
        super().__init__(Mistake.NO_JOURNAL(places=" / ".join(SETTINGS.values())))
        self.pending = pending


class JournalInUseError(NotOpenedError):
    """Another process has the file to itself."""


class Database(ABC):
    """SQLite or PostgreSQL. Whatever fails is a JournalError, within `timeout` seconds; outages are logged."""

    dialect: ClassVar[str]

    def __init__(self, timeout: float) -> None:
        self.last_success = time.time()
        """When it was read or written the last time, in Unix seconds."""
        self._timeout = timeout
        self._state = StateLog("journal unavailable", "journal available again", "error")

    @abstractmethod
    async def read(self, work: Work[ValueT]) -> ValueT:
        """Run `work`, which only reads, and may take long: many at once keep no write waiting."""

    @abstractmethod
    async def write(self, work: Work[ValueT]) -> ValueT:
        """Run `work` in a transaction, until it is durable. After a JournalError it may have been committed or not."""

    async def close(self) -> None:
        """Finish what is under way and let go of the database."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._close()
        except DATABASE_ERRORS as error:
            raise self._to_journal_error(error) from None

    @abstractmethod
    async def _close(self) -> None:
        """As `close`, however long it takes."""

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Turn what fails in the block into an error for callers, and log it."""
        try:
            yield
        except DATABASE_ERRORS as error:
            raise self._failed(error) from None
        self.last_success = time.time()
        self._state.worked()

    def _failed(self, error: Exception) -> JournalError:
        failure = self._to_journal_error(error)
        if isinstance(failure, JournalRefusedError):
            log.warning("journal refused an entry", reason=failure.reason)
        else:
            self._state.failed(reason=failure.reason)
        return failure

    def _to_journal_error(self, error: Exception) -> JournalError:
        """The error for callers: the database's own code, and no statement, value or address."""
        if isinstance(error, TimeoutError):
            seconds = f"{self._timeout:g}"
            reason = f"{SETTINGS[self.dialect]}: no answer within {seconds} seconds."
            return JournalError(FaultWording.JOURNAL_LATE(seconds=seconds), reason)
        code = error_code(error)
        if code.startswith(_REFUSALS):
            return JournalRefusedError(FaultWording.JOURNAL_REFUSED(code=code))
        return JournalError(FaultWording.JOURNAL_LOST(code=code), operator_message(self.dialect, error))


def operator_message(dialect: str, error: BaseException) -> Text:
    """The setting, and what is wrong by the driver's own name and code for it. No value, no address."""
    cause, code = _driver_error(error), error_code(error)
    reason = None
    if isinstance(cause, ssl.SSLError):
        reason = cause.reason
    elif isinstance(cause, OSError) and cause.errno:
        reason = os.strerror(cause.errno) if cause.errno > 0 else cause.strerror  # negative: a host name
    reason = reason or type(cause).__name__
    if reason == code:
        return at(SETTINGS[dialect], f"{reason}.")
    return Mistake.DATABASE(SETTINGS[dialect], reason=known(reason), code=code)


def error_code(error: BaseException) -> str:
    """SQLITE_FULL, the SQLSTATE, or the name of the exception."""
    cause = _driver_error(error)
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    return code if isinstance(code, str) else type(cause).__name__


def _driver_error(error: BaseException) -> BaseException:
    """The driver's own, which SQLAlchemy wraps in two."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return cause.__cause__ or cause


@cache  # on the way of an intake, building the statement costs more than executing it
def insert_new(table: Table) -> ReturningInsert[Any]:
    """An INSERT of the parameters it is executed with; it returns the row, or none where a unique constraint holds.

    It is PostgreSQL's, which SQLAlchemy renders for SQLite alike.
    """
    return postgresql.insert(table).on_conflict_do_nothing().returning(table)


# Migrations, by Alembic, which ship inside this package


def migrate(connection: Connection) -> None:
    """Run the missing migrations inside the transaction of `connection`: all of them or none.

    On PostgreSQL one gateway migrates at a time while the others wait; SQLite's file is this process's own. Raises
    JournalError when the database is newer than this program.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LONGEST_WAIT}'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        # A busy machine may take longer between two steps than the journal's own timeout.
        connection.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{_LONGEST_WAIT}'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if find_pending(connection):
        command.upgrade(_config(connection), "head")


def find_pending(connection: Connection | None = None) -> list[str]:
    """What `migrate` would run, in order, by number and title. Raises JournalError as that does."""
    version = None if connection is None else MigrationContext.configure(connection).get_current_revision()
    scripts = [*ScriptDirectory.from_config(_config()).walk_revisions()][::-1]
    known = [None, *(script.revision for script in scripts)]
    if connection is not None and version not in known:
        raise JournalError(FaultWording.JOURNAL_NEWER(setting=SETTINGS[connection.dialect.name]))
    return [f"{script.revision} {' '.join(script.doc.split())}" for script in scripts[known.index(version) :]]


def rehearse(connection: Connection) -> None:
    """Migrate, and take all of it back: for a database without a journal, where that keeps no other waiting."""
    migrate(connection)
    connection.rollback()


def require_migrated(connection: Connection) -> None:
    """Raises JournalError when the database holds no journal of this version: a reader alters nothing."""
    if pending := find_pending(connection):
        raise NoJournalError(pending)


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "gateway.journal:migrations")
    config.attributes["connection"] = connection
    return config
