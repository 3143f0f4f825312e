"""SQLite: one file, one process, one connection, one thread (ADR 4).

All work that waits when the thread becomes free shares the next transaction, and so its one fsync.
"""

import asyncio
import os
import sqlite3
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, StaticPool, create_engine, event

from gateway.errors import JournalError
from gateway.journal.database import (
    DATABASE_ERRORS,
    SETTINGS,
    Availability,
    JournalInUseError,
    NoJournalError,
    Work,
    error_code,
    journal_error,
    operator_message,
    timeout_error,
)
from gateway.journal.migrate import Prepare, migrate
from gateway.wording.faults import FaultWording

DIALECT = "sqlite"
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


async def open_sqlite(
    data_dir: Path, journal_timeout: float, prepare: Prepare = migrate, *, make: bool = True
) -> "SqliteDatabase":
    """Open the journal's file in `data_dir`, `make` it if there is none, and `prepare` what is there.

    Raises JournalError, also when another process holds it for longer than `journal_timeout` seconds.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
    try:
        connection = await asyncio.get_running_loop().run_in_executor(
            thread, _open, data_dir, journal_timeout, prepare, make
        )
    except BaseException as error:
        thread.shutdown(wait=False)
        if isinstance(error, DATABASE_ERRORS):
            raise _not_opened(error, make) from None
        raise
    return SqliteDatabase(thread, connection, journal_timeout)


def _not_opened(error: Exception, make: bool) -> JournalError:
    if isinstance(error, OSError):
        return JournalError(FaultWording.JOURNAL_NOT_OPENED(reason=f"{SETTINGS[DIALECT]}: {error.strerror}."))
    if error_code(error) != "SQLITE_BUSY":
        return JournalError(FaultWording.JOURNAL_NOT_OPENED(reason=operator_message(DIALECT, error)))
    advice = (
        "Several gateways share a journal only on PostgreSQL: set GATEWAY_DATABASE_URL."
        if make
        else "It can be read while no gateway runs on it: stop that one first."
    )
    return JournalInUseError(
        FaultWording.JOURNAL_NOT_OPENED(reason=f"{FILE_NAME} is in use by another process. {advice}")
    )


def require_room(data_dir: Path) -> None:
    """Raises JournalError where the journal's file could not be made."""
    there = next(path for path in (data_dir.absolute(), *data_dir.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise JournalError(FaultWording.JOURNAL_NOT_OPENED(reason=f"{SETTINGS[DIALECT]}: nothing can be made there."))


def _open(data_dir: Path, journal_timeout: float, prepare: Prepare, make: bool) -> Connection:
    path = data_dir / FILE_NAME
    if make:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    elif not path.exists():
        raise NoJournalError
    engine = create_engine(
        "sqlite://", creator=lambda: _connect(path, journal_timeout), poolclass=StaticPool, hide_parameters=True
    )
    in_place: dict[Path, os.stat_result] = {}

    def begin(connection: Connection) -> None:
        for file, opened in in_place.items():
            _require_in_place(file, opened)
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "begin", begin)
    try:
        connection = engine.connect()
        with connection.begin():
            prepare(connection)
        in_place.update((file, file.stat()) for file in (path, Path(f"{path.resolve()}-wal")))
    except BaseException:
        engine.dispose()
        raise
    return connection


class _NotInPlaceError(JournalError):
    """The file is not where it was opened."""


def _require_in_place(file: Path, opened: os.stat_result) -> None:
    """Raises _NotInPlaceError where it has been removed or replaced: what is committed to it now, nobody finds again.

    SQLite looks for this in other journal modes, not in WAL. The WAL itself lies beside what a link leads to, for as
    long as the database is open.
    """
    try:
        in_place = os.path.samestat(file.stat(), opened)
    except FileNotFoundError:
        in_place = False
    if not in_place:
        raise _NotInPlaceError(FaultWording.JOURNAL_MOVED(file=file.name))


def _connect(path: Path, journal_timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=journal_timeout, isolation_level=None, check_same_thread=False)
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


class _Waiting(NamedTuple):
    """A unit of work and who waits for it."""

    work: Work[Any]
    answer: "asyncio.Future[Any]"


class _Done(NamedTuple):
    """How a unit of work ended: with a value, or with an error."""

    value: Any = None
    error: Exception | None = None


class SqliteDatabase:
    """The journal's file. Opened by `open_sqlite`."""

    def __init__(self, thread: ThreadPoolExecutor, connection: Connection, timeout: float) -> None:
        self._thread = thread
        self._connection = connection
        self._timeout = timeout
        self._reading = asyncio.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._draining: asyncio.Task[None] | None = None
        self._availability = Availability(DIALECT)

    async def read(self, work: Work[ValueT]) -> ValueT:
        """As `write`, for without changes nothing is synced; one after the other, so that no write waits for many."""
        try:
            async with asyncio.timeout(self._timeout), self._reading:
                return await self.write(work)
        except TimeoutError:
            raise self._availability.timed_out(self._timeout) from None

    async def write(self, work: Work[ValueT]) -> ValueT:
        """Have `work` done in the next transaction. Work whose caller gave up before that is not done at all."""
        answer: asyncio.Future[ValueT] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(work, answer))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        try:
            async with asyncio.timeout(self._timeout):
                value = await answer
        except TimeoutError:
            raise self._availability.timed_out(self._timeout) from None
        except DATABASE_ERRORS as error:
            raise self._availability.failed(error) from None
        except _NotInPlaceError as error:
            raise self._availability.lost(error) from None
        self._availability.worked()
        return value

    @property
    def last_success(self) -> float:
        return self._availability.last_success

    async def close(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                if self._draining is not None:
                    await self._draining
                await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        except TimeoutError:
            raise timeout_error(DIALECT, self._timeout) from None
        except DATABASE_ERRORS as error:
            raise journal_error(DIALECT, error) from None
        finally:
            self._thread.shutdown(wait=False)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), LARGEST_BATCH))]
            batch = [waiting for waiting in batch if not waiting.answer.done()]
            ends = await loop.run_in_executor(self._thread, self._commit, [waiting.work for waiting in batch])
            for waiting, end in zip(batch, ends, strict=True):
                if waiting.answer.done():
                    continue
                if end.error is None:
                    waiting.answer.set_result(end.value)
                else:
                    waiting.answer.set_exception(end.error)

    def _commit(self, works: list[Work[Any]]) -> list[_Done]:
        """All in one transaction; if that fails, each in its own, so that a failure is only its owner's."""
        try:
            with self._connection.begin():
                return [_Done(work(self._connection)) for work in works]
        except Exception as error:  # noqa: BLE001 # raised again where the work is awaited
            if len(works) == 1:
                return [_Done(error=error)]
        return [end for work in works for end in self._commit([work])]

    def _disconnect(self) -> None:
        self._connection.close()
        self._connection.engine.dispose()
