"""Short messages between the gateways of one journal: LISTEN and NOTIFY on PostgreSQL, in-process on SQLite."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg
from sqlalchemy import text

from gateway.journal.database import DATABASE_ERRORS
from gateway.journal.postgres import PostgresDatabase, connect

Heard = Callable[[str | None], None]

CHANNEL = "gateway_events"
_PULSE = 20.0
_RECONNECT_DELAY = 1.0


class LocalNotifier:
    """One process: what is sent is received at once."""

    def __init__(self) -> None:
        self._listeners: list[Heard] = []

    async def notify(self, message: str) -> None:
        for heard in tuple(self._listeners):
            heard(message)

    @asynccontextmanager
    async def listen(self, heard: Heard) -> AsyncIterator[None]:
        self._listeners.append(heard)
        try:
            yield
        finally:
            self._listeners.remove(heard)


class PostgresNotifier:
    """LISTEN on a connection of its own, made anew when it breaks; NOTIFY through the pool."""

    def __init__(self, database: PostgresDatabase, url: str, timeout: float) -> None:
        self._database = database
        self._url = url
        self._timeout = timeout

    async def notify(self, message: str) -> None:
        statement = text("SELECT pg_notify(:channel, :message)").bindparams(channel=CHANNEL, message=message)
        await self._database.write(lambda connection: connection.execute(statement))

    @asynccontextmanager
    async def listen(self, heard: Heard) -> AsyncIterator[None]:
        listening = asyncio.Event()
        task = asyncio.create_task(self._keep_listening(heard, listening))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timeout):
                    await listening.wait()
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _keep_listening(self, heard: Heard, listening: asyncio.Event) -> None:
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
