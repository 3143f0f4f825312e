"""What the parts of the journal need of a database, whichever it is, and what its failures become."""

import os
import sqlite3
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol, TypeVar

import asyncpg
import structlog
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.sql.dml import ReturningInsert

from gateway.errors import JournalError, JournalRefusedError
from gateway.ops.logs import StateLog
from gateway.wording.faults import FaultWording

log = structlog.get_logger(__name__)

ValueT = TypeVar("ValueT")
Work = Callable[[Connection], ValueT]
"""A unit of work: a plain function, so that it cannot wait for anything else while it holds a transaction open.

It may run twice (the first run is rolled back), so it does nothing but talk to its connection.
"""

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
servers is the one that `target_session_attrs` asks for."""

_REFUSALS = ("22", "23", "54", "SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_TOOBIG")
"""How the codes begin by which a database refuses a row: PostgreSQL by its classes of SQLSTATE, and SQLite."""

SETTINGS = {"postgresql": "GATEWAY_DATABASE_URL", "sqlite": "GATEWAY_DATA_DIR"}
"""By dialect: the setting that says where the database is."""

_NO_ADDRESS = "it, or a certificate that its sslmode needs, cannot be used"

_REASONS = {
    "ValueError": _NO_ADDRESS,
    "OverflowError": _NO_ADDRESS,
    "ClientConfigurationError": _NO_ADDRESS,
    "FileNotFoundError": "a certificate or socket that it names is not there",
    "SSLCertVerificationError": "the certificate of the server cannot be verified",
    "SSL": _NO_ADDRESS,
    "ConnectionRefusedError": "no server listens at its address",
    "gaierror": "its host name cannot be resolved",
    "TimeoutError": "the server did not answer in time",
    "TargetServerAttributeNotMatched": "no server is of the kind that target_session_attrs asks for",
    "Connection": "the connection broke off, or the server has no TLS",
    "08": "the connection broke off",
    "25006": "the database can only be read",
    "28P01": "the server does not take the password",
    "28": "the server does not let this user in",
    "3D000": "the server has no such database",
    "42704": "it has a parameter that the server does not know",
    "42501": "the user lacks a right that the journal needs",
    "53100": "the disk of the server is full",
    "53300": "the server takes no more connections",
    "55P03": "another session holds a lock",
    "57014": "a statement took too long",
    "57P": "the server is starting or stopping",
    "SQLITE_BUSY": "another process uses the file",
    "SQLITE_CANTOPEN": "the file cannot be opened",
    "SQLITE_CORRUPT": "the file is damaged",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_IOERR": "the disk cannot be read or written",
    "SQLITE_NOTADB": "the file is not a database",
    "SQLITE_READONLY": "the file cannot be written",
}
"""What it means for operators, by how the code begins."""

_MISCONFIGURED = {
    "`sslmode`": "its sslmode is none of disable, allow, prefer, require, verify-ca and verify-full",
    "root certificate": "its sslmode needs a root certificate: sslrootcert, or ~/.postgresql/root.crt",
}
"""By words of the driver's own message, which may hold a value."""


class Database(Protocol):
    """SQLite or PostgreSQL. Whatever fails in it is a JournalError, within `journal_timeout` seconds."""

    async def read(self, work: Work[ValueT]) -> ValueT:
        """Run `work`, which only reads, and may take long: many at once keep no write waiting."""
        ...

    async def write(self, work: Work[ValueT]) -> ValueT:
        """Run `work` in a transaction and return when it is committed and durable.

        After a JournalError the work may or may not have been committed: a caller that repeats it must find out.
        """
        ...

    async def close(self) -> None:
        """Finish what is under way and let go of the database."""
        ...

    @property
    def last_success(self) -> float:
        """When it was read or written the last time, in Unix seconds."""
        ...


class NoJournalError(JournalError):
    """There is none there, or it is to be migrated first."""

    def __init__(self) -> None:
        reason = "There is no journal of this version where GATEWAY_DATABASE_URL or else GATEWAY_DATA_DIR says."
        super().__init__(FaultWording.JOURNAL_NOT_OPENED(reason=reason))


class JournalInUseError(JournalError):
    """Another process has the file to itself."""


def journal_error(dialect: str, error: Exception) -> JournalError:
    """The error for callers: the database's own code, and no statement, value or address."""
    code = error_code(error)
    if code.startswith(_REFUSALS):
        return JournalRefusedError(FaultWording.JOURNAL_REFUSED(code=code))
    return JournalError(FaultWording.JOURNAL_LOST(code=code), operator_message(dialect, error))


def operator_message(dialect: str, error: BaseException) -> str:
    """What is wrong, for operators: the setting, what it means, and the database's own code. No value, no address."""
    code = error_code(error)
    reason = next((reason for start, reason in _REASONS.items() if code.startswith(start)), None)
    reason = next((why for words, why in _MISCONFIGURED.items() if words in str(error)), reason)
    if reason is None and isinstance(error, OSError):
        reason = os.strerror(error.errno) if error.errno else "the server cannot be reached"
    return f"{SETTINGS[dialect]}: {reason or 'the database failed'} ({code})."


def timeout_error(dialect: str, seconds: float) -> JournalError:
    return JournalError(
        FaultWording.JOURNAL_LATE(seconds=f"{seconds:g}"),
        f"{SETTINGS[dialect]}: no answer within {seconds:g} seconds.",
    )


def error_code(error: BaseException) -> str:
    """SQLITE_FULL, the SQLSTATE, or the name of the exception: the driver's own, which SQLAlchemy wraps in two."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    return code if isinstance(code, str) else type(cause.__cause__ or cause).__name__


class Availability:
    """Turns what fails into errors for callers, and logs once when the database is lost and once when it is back."""

    def __init__(self, dialect: str) -> None:
        self.last_success = time.time()
        self._dialect = dialect
        self._state = StateLog("journal unavailable", "journal available again", "error")

    def worked(self) -> None:
        self.last_success = time.time()
        self._state.worked()

    def lost(self, error: JournalError) -> JournalError:
        """Returns the error."""
        self._state.failed(reason=error.reason)
        return error

    def failed(self, error: Exception) -> JournalError:
        refused_or_lost = journal_error(self._dialect, error)
        if not isinstance(refused_or_lost, JournalRefusedError):
            return self.lost(refused_or_lost)
        log.warning("journal refused an entry", reason=refused_or_lost.reason)
        return refused_or_lost

    def timed_out(self, seconds: float) -> JournalError:
        return self.lost(timeout_error(self._dialect, seconds))


def insert_new(connection: Connection, table: Table) -> ReturningInsert[Any]:
    """An INSERT of the parameters it is executed with; it returns the row, or none where a unique constraint holds."""
    return _insert_new(connection.dialect.name, table)


@cache
def _insert_new(dialect: str, table: Table) -> ReturningInsert[Any]:
    # Built once: on the way of an intake, building the statement costs more than executing it.
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing().returning(table)
    return sqlite.insert(table).on_conflict_do_nothing().returning(table)
