"""SQLite: one file, one process, one connection, one thread (ADR 4).

All work that waits when the thread becomes free shares the next transaction, and so its one fsync.
"""

import asyncio
import os
import sqlite3
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from sqlalchemy import Connection, StaticPool, create_engine, event

from gateway.errors import JournalError
from gateway.journal import database
from gateway.wording.faults import FaultWording
from gateway.wording.settings import Mistake

FILE_NAME = "journal.sqlite3"
LARGEST_BATCH = 128

ValueT = TypeVar("ValueT")

_PRAGMAS = (
    # Before the first access: the file stays locked, and the WAL index lives in this process's memory.
    "locking_mode = EXCLUSIVE",
    "journal_mode = WAL",
    # fsync at every commit, to the platter where the system distinguishes the two (macOS).
    "synchronous = FULL",
    "fullfsync = ON",
    "foreign_keys = ON",
)


async def open_sqlite(data_dir: Path, journal_timeout: float, *, make: bool = True) -> "SqliteDatabase":
    """Open the journal's file; `make` and migrate it. Raises JournalError, also where another process holds it."""
    thread, loop = ThreadPoolExecutor(1, thread_name_prefix="journal"), asyncio.get_running_loop()
    try:
        connection = await loop.run_in_executor(thread, _open, data_dir, journal_timeout, make)
    except BaseException as error:
        thread.shutdown(wait=False)
        if not isinstance(error, database.DATABASE_ERRORS):
            raise
        if database.error_code(error) != "SQLITE_BUSY":
            raise database.NotOpenedError(database.operator_message(SqliteDatabase.dialect, error)) from None
        advice = Mistake.SHARE_IT() if make else Mistake.STOP_IT()
        raise database.JournalInUseError(Mistake.IN_USE(file=FILE_NAME, advice=advice)) from None
    return SqliteDatabase(thread, connection, journal_timeout)


def require_room(data_dir: Path) -> None:
    """Raises JournalError where the journal's file could not be made."""
    there = next(path for path in (data_dir.absolute(), *data_dir.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise database.NotOpenedError(Mistake.NO_ROOM(database.SETTINGS[SqliteDatabase.dialect]))


def _open(data_dir: Path, journal_timeout: float, make: bool) -> Connection:
    path = data_dir / FILE_NAME
    if make:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    elif not path.exists():
        raise database.NoJournalError(database.find_pending())
    engine = create_engine(
        "sqlite://", creator=lambda: _connect(path, journal_timeout), poolclass=StaticPool, hide_parameters=True
    )
    in_place: dict[Path, os.stat_result] = {}

    def begin(connection: Connection) -> None:
        """Begin, unless a file has been removed or replaced: what is committed to it then, nobody finds again.

        SQLite looks for this in other journal modes, not in WAL. The WAL itself lies beside what a link leads to, for
        as long as the database is open.
        """
        for file, opened in in_place.items():
            with suppress(FileNotFoundError):
                if os.path.samestat(file.stat(), opened):
                    continue
            raise _MovedError(file.name)
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "begin", begin)
    try:
        connection = engine.connect()
        with connection.begin():
            (database.migrate if make else database.require_migrated)(connection)
        in_place.update((file, file.stat()) for file in (path, Path(f"{path.resolve()}-wal")))
    except BaseException:
        engine.dispose()
        raise
    return connection


class _MovedError(OSError):
    """The file of this name is not where it was opened."""


def _connect(path: Path, journal_timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=journal_timeout, isolation_level=None, check_same_thread=False)
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


class SqliteDatabase(database.Database):
    """The journal's file. Opened by `open_sqlite`."""

    dialect: ClassVar[str] = "sqlite"

    def __init__(self, thread: ThreadPoolExecutor, connection: Connection, timeout: float) -> None:
        super().__init__(timeout)
        self._thread = thread
        self._connection = connection
        self._reading = asyncio.Lock()
        self._waiting: deque[tuple[database.Work[Any], asyncio.Future[Any]]] = deque()
        self._draining: asyncio.Task[None] | None = None

    async def read(self, work: database.Work[ValueT]) -> ValueT:
        """As `write`, for without changes nothing is synced; one after the other, so that no write waits for many."""
        with self._answering():
            async with asyncio.timeout(self._timeout), self._reading:
                return await self.write(work)

    async def write(self, work: database.Work[ValueT]) -> ValueT:
        """Have `work` done in the next transaction. Work whose caller gave up before that is not done at all."""
        answer: asyncio.Future[ValueT] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, answer))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        with self._answering():
            async with asyncio.timeout(self._timeout):
                return await answer

    async def _close(self) -> None:
        try:
            if self._draining is not None:
                await self._draining
            for end in (self._connection.close, self._connection.engine.dispose):
                await asyncio.get_running_loop().run_in_executor(self._thread, end)
        finally:
            self._thread.shutdown(wait=False)

    def _to_journal_error(self, error: Exception) -> JournalError:
        if isinstance(error, _MovedError):
            return JournalError(FaultWording.JOURNAL_MOVED(file=str(error)))
        return super()._to_journal_error(error)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), LARGEST_BATCH))]
            wanted = [(work, answer) for work, answer in batch if not answer.done()]
            ends = await loop.run_in_executor(self._thread, self._commit, [work for work, _ in wanted])
            for (_, answer), end in zip(wanted, ends, strict=True):
                if not answer.done():
                    answer.set_exception(end) if isinstance(end, Exception) else answer.set_result(end)

    def _commit(self, works: list[database.Work[Any]]) -> list[Any]:
        """The value of each, or its error. All in one transaction; if that fails, each in its own."""
        try:
            with self._connection.begin():
                return [work(self._connection) for work in works]
        except Exception as error:  # noqa: BLE001 # raised again where the work is awaited
            if len(works) == 1:
                return [error]
        return [end for work in works for end in self._commit([work])]
