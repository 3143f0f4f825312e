"""The audit command: the audit trail as JSON lines or CSV, oldest first, for those who have to account for it."""

import asyncio
import csv
import io
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import msgspec

from gateway.actions.identity import named_record
from gateway.auth.node_ids import InvalidNodeIdError, NodeIds, read_id_key
from gateway.errors import JournalError
from gateway.journal.database import NoJournalError
from gateway.journal.journal import Journal, open_journal, utc_now
from gateway.journal.records import AuditEntry, RecordRef
from gateway.settings import Settings

PAUSE = 1.0
"""Seconds between two looks of `--follow`."""

OVERLAP = timedelta(minutes=1)
"""Gateways write what they have noted twice a second, each its own: entries may come later than younger ones."""

COLUMNS = (
    "id",
    "at",
    "subject",
    "action",
    "record_type",
    "record_community_code",
    "record_ids",
    "fields",
    "count",
    "missing_scope",
    "operation_name",
    "request_id",
)

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet begins a formula, which it would run: an apostrophe before them makes it text."""

Write = Callable[[AuditEntry], str]


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of this subject, from `since` on and before `until`, of the record with this id, as the API gives it."""

    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    record: str | None = None


async def audit(settings: Settings, query: AuditQuery, *, as_csv: bool = False, follow: bool = False) -> int:
    """Print what is asked for; with `follow` go on with what is added, until it is interrupted. Returns 0.

    Raises ValueError for a record's id that is none, JournalError when the journal cannot be read, or there is none.
    """
    record = None if query.record is None else _wanted(NodeIds(read_id_key(settings)), query.record)
    write = csv_line if as_csv else _json_line
    if as_csv:
        sys.stdout.write(_csv(COLUMNS))
    if follow:
        async for entry in _follow(settings, query, record):
            sys.stdout.write(write(entry))
            sys.stdout.flush()
    is_empty = True
    async with open_journal(settings, make=False) as journal:
        async for entry in _read(journal, query, record):
            sys.stdout.write(write(entry))
            is_empty = False
    if is_empty:
        sys.stderr.write("no entries\n")
    return 0


def csv_line(entry: AuditEntry) -> str:
    """A line of RFC 4180, safe to open in a spreadsheet. Lists are separated by blanks."""
    records = entry.records
    values = {
        **{name: getattr(entry, name) for name in ("id", "subject", "count", "missing_scope")},
        "at": entry.at.isoformat(),
        "action": entry.action.value,
        "record_type": records and records.type,
        "record_community_code": records and records.community_code,
        "record_ids": " ".join(records.platform_ids) if records else None,
        "fields": " ".join(entry.fields),
        "operation_name": entry.operation_name,
        "request_id": entry.request_id,
    }
    return _csv([_safe(values[name]) for name in COLUMNS])


async def _follow(settings: Settings, query: AuditQuery, record: RecordRef | str | None) -> AsyncIterator[AuditEntry]:
    """What there is and what is added, without end. While the journal cannot be read, it waits and says so.

    Raises JournalError where there is none of this version. SQLite's file is let go between two looks: a gateway that
    starts meanwhile has it to itself, and is waited for.
    """
    seen: dict[str, datetime] = {}
    is_waiting = False
    async with AsyncExitStack() as stack:
        journal: Journal | None = None
        while True:
            began = utc_now()
            try:
                if journal is None:
                    journal = await stack.enter_async_context(open_journal(settings, make=False))
                async for entry in _read(journal, query, record):
                    if entry.id not in seen:
                        seen[entry.id] = entry.at
                        yield entry
            except NoJournalError:
                raise
            except JournalError as error:
                if not is_waiting:
                    sys.stderr.write(f"waiting: {error.message}\n")
                is_waiting = True
            else:
                is_waiting = False
                since = began - OVERLAP if query.since is None else max(query.since, began - OVERLAP)
                query = msgspec.structs.replace(query, since=since)
                seen = {id_: at for id_, at in seen.items() if at >= since}
            if not settings.database_url:
                await stack.aclose()
                journal = None
            await asyncio.sleep(PAUSE)


def _read(journal: Journal, query: AuditQuery, record: RecordRef | str | None) -> AsyncIterator[AuditEntry]:
    return journal.audit.read(subject=query.subject, since=query.since, until=query.until, record=record)


def _json_line(entry: AuditEntry) -> str:
    return f"{msgspec.json.encode(entry).decode()}\n"


def _csv(cells: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value


def _wanted(ids: NodeIds, record: str) -> RecordRef | str:
    try:
        return named_record(ids, record)
    except InvalidNodeIdError as error:
        raise ValueError(f"--record: {error}") from None
