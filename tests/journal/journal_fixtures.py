"""Rows as tests make them, and what is in a database."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.events import EventBus, Message, Missed
from gateway.journal.operations import Operations
from gateway.journal.records import Announcement, AuditAction, AuditEntry, NewOperation, Operation, RecordRefs, new_id
from gateway.journal.sqlite import FILE_NAME
from gateway.normalise.vocabulary import OperationState
from gateway.settings import Settings

ValueT = TypeVar("ValueT")


def make_entry(at: datetime, **changes: Any) -> AuditEntry:
    """An audit entry of this time."""
    values: dict[str, Any] = {
        "id": new_id(at),
        "at": at,
        "subject": "officer",
        "action": AuditAction.REVEALED,
        "records": RecordRefs("People", None, ("hash-of-a-person",)),
        "fields": ("phone", "idCard"),
        "count": 1,
        "missing_scope": None,
        "operation_name": None,
        "request_id": "request",
    }
    return AuditEntry(**values | changes)


def make_announcement(at: datetime, **changes: Any) -> Announcement:
    """An announcement that was published then."""
    values: dict[str, Any] = {
        "id": new_id(at),
        "platform_id": 3,
        "community_code": "00001",
        "title": "停水通知",
        "content": '今天 \U00020bb7 停水\n"请" 储水 \\',
        "weight": 5,
        "pinned": True,
        "published": False,
        "manager": "晨熙家园物业",
        "logo": None,
        "images": ("https://a.example/1.png", "https://a.example/2.png"),
        "created_at": at,
    }
    return Announcement(**values | changes)


def make_operation(at: datetime, **changes: Any) -> Operation:
    """A write that was reserved then, and no more."""
    values: dict[str, Any] = {
        "id": "operation",
        "idempotency_key": None,
        "subject": "officer",
        "mutation": "approveShenhe",
        "fingerprint": "f1",
        "community_code": "10002",
        "reason": "照片不清",
        "state": OperationState.RESERVED,
        "started_at": at,
        **dict.fromkeys(("sent_at", "unknown_at", "finished_at", "check_at", "record", "expected", "answer")),
        "read_backs": (),
        "user_errors": (),
    }
    return Operation(**values | changes)


async def reserve(operations: Operations, **changes: Any) -> tuple[Operation, bool]:
    """Reserve an approval: the operation, and whether it is new."""
    values: dict[str, Any] = {
        "key": None,
        "subject": "officer",
        "mutation": "approveShenhe",
        "fingerprint": "f1",
        "community_code": "10002",
    }
    values |= changes
    return await operations.reserve(NewOperation(idempotency_key=values.pop("key"), **values))


class Ear:
    """Gets every message of a bus."""

    def __init__(self, bus: EventBus) -> None:
        self._heard: asyncio.Queue[Message | Missed] = asyncio.Queue()
        bus.attach(self._heard.put_nowait)

    async def next(self, amount: int) -> list[Message | Missed]:
        async with asyncio.timeout(60):
            return [await self._heard.get() for _ in range(amount)]


async def on_database(settings: Settings, work: Callable[[Connection], ValueT]) -> ValueT:
    """Do this in a transaction in the journal's database, past the gateway."""
    if settings.database_url:
        engine = create_async_engine(settings.database_url.replace("postgresql://", "postgresql+asyncpg://"))
        async with engine.begin() as connection:
            value = await connection.run_sync(work)
        await engine.dispose()
        return value

    def in_file() -> ValueT:
        settings.data_dir.mkdir(mode=0o700, exist_ok=True)
        engine = create_engine(f"sqlite:///{settings.data_dir / FILE_NAME}")
        with engine.begin() as connection:
            value = work(connection)
        engine.dispose()
        return value

    return await asyncio.to_thread(in_file)


def all_rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Of all tables that have any, as the database itself has them, but for what is null."""
    found = {}
    for name in inspect(connection).get_table_names():
        rows = connection.execute(text(f"SELECT * FROM {name}")).mappings()  # noqa: S608 # of its own
        held = [{column: value for column, value in row.items() if value is not None} for row in rows]
        if held:
            found[name] = sorted(held, key=repr)
    return found
