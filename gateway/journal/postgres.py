"""PostgreSQL: a small pool of asyncpg connections, each set to be durable and to give up in time (ADR 4)."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import AdaptedConnection, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.errors import JournalError
from gateway.journal.database import (
    DATABASE_ERRORS,
    Availability,
    Work,
    journal_error,
    operator_message,
    timeout_error,
)
from gateway.journal.migrate import Prepare
from gateway.wording.faults import FaultWording

DIALECT = "postgresql"

POOL_SIZE = 8
MOST_READING = 6
"""Connections that reads may have at once: however many there are, a write gets one."""

LONGEST_MIGRATION = 300.0

NO_ADDRESS = (ValueError, OverflowError)
"""What an address raises that is none, or whose port there cannot be."""

ValueT = TypeVar("ValueT")


async def connect(url: str, journal_timeout: float) -> "asyncpg.Connection[asyncpg.Record]":
    """One connection by a libpq URL (sslmode and the like included), with the journal's own session settings."""
    milliseconds = str(round(journal_timeout * 1000))
    return await asyncpg.connect(
        url,
        timeout=journal_timeout,
        server_settings={
            "application_name": "wanjia-gateway",
            # Whatever the server's default: a commit is on disk before it is acknowledged.
            "synchronous_commit": "on",
            # And a statement sees what others have committed: under a stricter default what waits for them would fail.
            "default_transaction_isolation": "read committed",
            "statement_timeout": milliseconds,
            "lock_timeout": milliseconds,
            "idle_in_transaction_session_timeout": milliseconds,
        },
    )


async def open_postgres(url: str, journal_timeout: float, prepare: Prepare) -> "PostgresDatabase":
    """Connect, and `prepare` what is there. Raises JournalError."""
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda *_: connect(url, journal_timeout),
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=journal_timeout,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    try:
        async with asyncio.timeout(LONGEST_MIGRATION), engine.begin() as connection:
            await connection.run_sync(prepare)
    except BaseException as error:
        await engine.dispose()
        if isinstance(error, (*DATABASE_ERRORS, *NO_ADDRESS)):
            raise JournalError(FaultWording.JOURNAL_NOT_OPENED(reason=operator_message(DIALECT, error))) from None
        raise
    return PostgresDatabase(engine, journal_timeout)


def _refuse_closed(connection: AdaptedConnection, *_: object) -> None:
    """Have the pool replace a connection that the server has closed meanwhile, as after its restart."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


LOST = (
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
    asyncpg.exceptions.ConnectionDoesNotExistError,
    asyncpg.exceptions.AdminShutdownError,
)
"""What asyncpg raises for a statement on a connection that the server has ended."""


def _is_lost(error: DBAPIError) -> bool:
    """SQLAlchemy hands asyncpg's own error on as it is, or as the cause of one of its own."""
    return isinstance(error.orig, LOST) or (error.orig is not None and isinstance(error.orig.__cause__, LOST))


RECONNECT_PAUSE = 0.1
"""Seconds between attempts to connect to a server that has just gone: it may only restart."""


class _LostConnectionError(Exception):
    """The connection was gone before anything could be committed, or could not be made. The cause says why."""


class PostgresDatabase:
    """The journal's PostgreSQL database. Opened by `open_postgres`."""

    def __init__(self, engine: AsyncEngine, timeout: float) -> None:
        self._engine = engine
        self._reader = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._timeout = timeout
        # First come, first served: the pool itself gives a free connection to any caller.
        self._turns = asyncio.Semaphore(POOL_SIZE)
        self._reading = asyncio.Semaphore(MOST_READING)
        self._running: set[asyncio.Task[Any]] = set()
        self._gone_since: float | None = None
        self.availability = Availability(DIALECT)

    async def read(self, work: Work[ValueT]) -> ValueT:
        """Run `work` without a transaction: each statement sees what is committed when it starts."""
        return await self._within_timeout(self._read(work))

    async def write(self, work: Work[ValueT]) -> ValueT:
        return await self._within_timeout(self._run(self._engine, work))

    @property
    def last_success(self) -> float:
        return self.availability.last_success

    async def close(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                if self._running:
                    await asyncio.wait(self._running)
                await self._engine.dispose()
        except TimeoutError:
            raise timeout_error(DIALECT, self._timeout) from None
        except DATABASE_ERRORS as error:
            raise journal_error(DIALECT, error) from None

    async def _read(self, work: Work[ValueT]) -> ValueT:
        async with self._reading:
            return await self._run(self._reader, work)

    async def _run(self, engine: AsyncEngine, work: Work[ValueT]) -> ValueT:
        """Within the timeout the work is done again for as long as the server may only be restarting: until it has been
        gone for that long. After that, it is tried once.
        """
        clock = asyncio.get_running_loop().time
        latest = clock() + self._timeout - 2 * RECONNECT_PAUSE
        async with self._turns:
            while True:
                try:
                    value = await self._attempt(engine, work)
                except _LostConnectionError as error:
                    now = clock()
                    if self._gone_since is None:
                        self._gone_since = now
                    if now >= min(latest, self._gone_since + self._timeout):
                        raise error.__cause__ or error from None
                    await asyncio.sleep(RECONNECT_PAUSE)
                else:
                    self._gone_since = None
                    return value

    async def _attempt(self, engine: AsyncEngine, work: Work[ValueT]) -> ValueT:
        """Raises _LostConnectionError where there is no connection, or the server had closed it and the pool could not
        know yet. Then no statement has come to a commit, so the work may be done once more, on another connection.
        """
        try:
            connection = await engine.connect()
        except DATABASE_ERRORS as error:
            raise _LostConnectionError from error
        async with aclosing(connection), connection.begin():
            try:
                return await connection.run_sync(work)
            except DBAPIError as error:
                if not _is_lost(error):
                    raise
                await connection.invalidate()
                raise _LostConnectionError from error

    async def _within_timeout(self, running: Coroutine[Any, Any, ValueT]) -> ValueT:
        """In a task of its own: no one waits while a broken connection is being buried, and a caller that leaves
        does not cost a good one.
        """
        task = asyncio.create_task(running)
        self._running.add(task)
        task.add_done_callback(self._forget)
        done, _ = await asyncio.wait({task}, timeout=self._timeout)
        if not done:
            task.cancel()
            raise self.availability.timed_out(self._timeout)
        try:
            value = task.result()
        except DATABASE_ERRORS as error:
            raise self.availability.failed(error) from None
        self.availability.worked()
        return value

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, if the caller has left
