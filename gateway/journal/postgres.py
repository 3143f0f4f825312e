"""PostgreSQL: a small pool of asyncpg connections, each set to be durable and to give up in time (ADR 4)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, ClassVar, TypeVar

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.events import Notifier
from gateway.futures import disregard, wait_at_most
from gateway.journal.database import DATABASE_ERRORS, Database, NotOpenedError, Prepare, Work, operator_message

POOL_SIZE = 8
MOST_READING = 6  # connections that reads may have at once: however many there are, a write gets one

LONGEST_MIGRATION = 300.0

CHANNEL = "gateway_events"
PULSE = 20.0  # seconds between two questions whether the server of a listener is still there

RELISTEN_DELAY = 1.0

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
            # Statements are short: to compile one takes longer than to run it.
            "jit": "off",
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
    try:
        async with asyncio.timeout(LONGEST_MIGRATION), engine.begin() as connection:
            await connection.run_sync(prepare)
    except BaseException as error:
        await engine.dispose()
        if isinstance(error, (*DATABASE_ERRORS, ValueError, OverflowError)):  # the last two: no address, or no port
            raise NotOpenedError(operator_message(PostgresDatabase.dialect, error)) from None
        raise
    return PostgresDatabase(engine, url, journal_timeout)


RECONNECT_PAUSE = 0.1  # seconds between attempts to connect to a server that has just gone: it may only restart


class _LostConnectionError(Exception):
    """The connection was gone before anything could be committed, or could not be made. The cause says why."""


class PostgresDatabase(Database, Notifier):
    """The journal's PostgreSQL database. Opened by `open_postgres`."""

    dialect: ClassVar[str] = "postgresql"

    def __init__(self, engine: AsyncEngine, url: str, timeout: float) -> None:
        super().__init__(timeout)
        self._engine = engine
        self._url = url
        self._reader = engine.execution_options(isolation_level="AUTOCOMMIT")
        # First come, first served: the pool itself gives a free connection to any caller.
        self._turns = asyncio.Semaphore(POOL_SIZE)
        self._reading = asyncio.Semaphore(MOST_READING)
        self._running: set[asyncio.Task[Any]] = set()
        self._gone_since: float | None = None

    async def read(self, work: Work[ValueT]) -> ValueT:
        """Run `work` without a transaction: each statement sees what is committed when it starts."""

        async def run() -> ValueT:
            async with self._reading:
                return await self._run(self._reader, work)

        return await self._within_timeout(run())

    async def write(self, work: Work[ValueT]) -> ValueT:
        return await self._within_timeout(self._run(self._engine, work))

    async def notify(self, message: str) -> None:
        statement = text("SELECT pg_notify(:channel, :message)").bindparams(channel=CHANNEL, message=message)
        await self.write(lambda connection: connection.execute(statement))

    @asynccontextmanager
    async def listen(self, heard: Callable[[str | None], None]) -> AsyncIterator[None]:
        """On a connection of its own, made anew when it breaks."""
        listening = asyncio.Event()
        task = asyncio.create_task(self._keep_listening(heard, listening))
        try:
            await wait_at_most(listening, self._timeout)
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _close(self) -> None:
        if self._running:
            await asyncio.wait(self._running)
        await self._engine.dispose()

    async def _keep_listening(self, heard: Callable[[str | None], None], listening: asyncio.Event) -> None:
        missed = False
        while True:
            try:
                connection = await connect(self._url, self._timeout)
                try:
                    await connection.add_listener(CHANNEL, lambda _connection, _pid, _channel, message: heard(message))
                    if missed:
                        heard(None)
                    listening.set()
                    await self._watch(connection)
                finally:
                    connection.terminate()
            except DATABASE_ERRORS as error:
                self._failed(error)
            missed = True
            await asyncio.sleep(RELISTEN_DELAY)

    async def _watch(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Return or raise when the connection is lost, also when the other end has vanished without a word."""
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        await wait_at_most(lost, PULSE)
        while not lost.is_set():
            await connection.execute("SELECT 1", timeout=self._timeout)
            await wait_at_most(lost, PULSE)

    async def _run(self, engine: AsyncEngine, work: Work[ValueT]) -> ValueT:
        """Repeat the work within the timeout while the server may restart; once it is gone that long, try only once."""
        clock = asyncio.get_running_loop().time
        latest = clock() + self._timeout - 2 * RECONNECT_PAUSE
        async with self._turns:
            while True:
                try:
                    value = await self._attempt(engine, work)
                except _LostConnectionError as error:
                    self._gone_since = self._gone_since or clock()
                    if clock() >= min(latest, self._gone_since + self._timeout):
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
                if not error.connection_invalidated:
                    raise
                raise _LostConnectionError from error

    async def _within_timeout(self, running: Coroutine[Any, Any, ValueT]) -> ValueT:
        """In a task of its own: no caller waits for a broken connection, and a cancelled one breaks none."""
        task = asyncio.create_task(running)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        disregard(task)  # the caller may have left by then
        with self._answering():
            done, _ = await asyncio.wait({task}, timeout=self._timeout)
            if not done:
                task.cancel()
                raise TimeoutError
            return task.result()
