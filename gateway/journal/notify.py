"""Short messages between the gateways of one journal: LISTEN and NOTIFY on PostgreSQL, in-process on SQLite."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Protocol

import asyncpg
from sqlalchemy import text

from gateway.journal.database import DATABASE_ERRORS
from gateway.journal.postgres import PostgresDatabase, connect

Heard = Callable[[str | None], None]
"""Called with each message; with None when some may have been missed, after the connection had been lost."""

_PULSE = 20.0
_RECONNECT_DELAY = 1.0


class Notifier(Protocol):
    async def notify(self, channel: str, message: str) -> None:
        """Notify every listener, this process's own included. At most 7999 bytes. Raises JournalError."""
        ...

    def listen(self, channel: str, heard: Heard) -> AbstractAsyncContextManager[None]:
        """Have `heard` called, inside the event loop, until the block ends. Never raises for a lost connection."""
        ...


class LocalNotifier:
    """One process: what is sent is received at once."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, list[Heard]] = defaultdict(list)

    async def notify(self, channel: str, message: str) -> None:
        for heard in tuple(self._listeners[channel]):
            heard(message)

    @asynccontextmanager
    async def listen(self, channel: str, heard: Heard) -> AsyncIterator[None]:
        self._listeners[channel].append(heard)
        try:
            yield
        finally:
            self._listeners[channel].remove(heard)


class PostgresNotifier:
    """LISTEN on a connection of its own for each listener, made anew when it breaks; NOTIFY through the pool."""

    def __init__(self, database: PostgresDatabase, url: str, timeout: float) -> None:
        self._database = database
        self._url = url
        self._timeout = timeout

    async def notify(self, channel: str, message: str) -> None:
        statement = text("SELECT pg_notify(:channel, :message)").bindparams(channel=channel, message=message)
        await self._database.write(lambda connection: connection.execute(statement))

    @asynccontextmanager
    async def listen(self, channel: str, heard: Heard) -> AsyncIterator[None]:
        listening = asyncio.Event()
        task = asyncio.create_task(self._keep_listening(channel, heard, listening))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timeout):
                    await listening.wait()
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _keep_listening(self, channel: str, heard: Heard, listening: asyncio.Event) -> None:
        missed = False
        while True:
            try:
                connection = await connect(self._url, self._timeout)
                try:
                    await connection.add_listener(channel, lambda _connection, _pid, _channel, message: heard(message))
                    if missed:
                        heard(None)
                    listening.set()
                    await self._watch(connection)
                finally:
                    connection.terminate()
            except DATABASE_ERRORS as error:
                self._database.availability.failed(error)
            missed = True
            await asyncio.sleep(_RECONNECT_DELAY)

    async def _watch(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Return or raise when the connection is lost, also when the other end has vanished without a word."""
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        while not lost.is_set():
            try:
                async with asyncio.timeout(_PULSE):
                    await lost.wait()
            except TimeoutError:
                await connection.execute("SELECT 1", timeout=self._timeout)
