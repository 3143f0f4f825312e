"""What the parts of the journal need of a database, whichever it is, and what its failures become."""

import sqlite3
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol, TypeVar

import asyncpg
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.sql.dml import ReturningInsert

from gateway.errors import JournalError, JournalRefusedError

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


class Database(Protocol):
    """SQLite or PostgreSQL. Whatever fails in it is a JournalError, within `journal_timeout` seconds."""

    async def read(self, work: Work[ValueT]) -> ValueT:
        """Run `work`, which only reads, and may take long: many at once keep no write waiting."""
        ...

    async def write(self, work: Work[ValueT]) -> ValueT:
        """Run `work` in a transaction and return when it is committed and durable.

        After a JournalError the work may or may not have been committed: whoever repeats it must find out.
        """
        ...

    async def close(self) -> None:
        """Finish what is under way and let go of the database."""
        ...


def journal_error(error: Exception) -> JournalError:
    """The error for callers: the database's own code, and no statement, value or address."""
    code = error_code(error)
    if code.startswith(_REFUSALS):
        return JournalRefusedError(f"The journal does not take this ({code}).")
    return JournalError(f"The journal cannot be used now ({code}).")


def timeout_error(seconds: float) -> JournalError:
    return JournalError(f"The journal did not answer within {seconds:g} seconds.")


def error_code(error: BaseException) -> str:
    """SQLITE_FULL, the SQLSTATE, or the name of the exception."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    return code if isinstance(code, str) else type(cause).__name__


def insert_new(connection: Connection, table: Table) -> ReturningInsert[Any]:
    """An INSERT of the parameters it is executed with; it returns the row, or none where a unique constraint holds."""
    return _insert_new(connection.dialect.name, table)


@cache
def _insert_new(dialect: str, table: Table) -> ReturningInsert[Any]:
    # Built once: on the way of an intake, building the statement costs more than executing it.
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing().returning(table)
    return sqlite.insert(table).on_conflict_do_nothing().returning(table)
