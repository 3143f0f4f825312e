"""The operations command: writes whose outcome is not known, and what is known of them."""

import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from gateway.actions.write import NOT_APPLIED
from gateway.commands.columns import age, table
from gateway.commands.payments import operator
from gateway.journal.journal import Journal, open_journal, utc_now
from gateway.journal.listing import Cut, OperationQuery
from gateway.journal.records import Operation, RecordRef
from gateway.normalise.states import Outcome
from gateway.settings import Settings

PART = 500
"""Operations that are read at once."""

SETTLING = "settleOperation"
"""What the journal names the settling of an unclear write: no mutation has that name."""

HEAD = ("id", "mutation", "community", "record", "sent", "read back", "last", "next")


async def list_operations(settings: Settings, *, as_json: bool) -> int:
    """Print the unclear writes, newest first: a table, or a JSON object a line. Returns 0.

    No arguments and no reasons: they may hold personal data. Raises JournalError when the journal cannot be read.
    """
    async with open_journal(settings, make=False) as journal:
        found = [operation async for operation in _unclear(journal)]
    now = utc_now()
    if as_json:
        for operation in found:
            sys.stdout.write(f"{msgspec.json.encode(_json(operation)).decode()}\n")
    elif found:
        sys.stdout.write(table(HEAD, (_row(operation, now) for operation in found)))
    if not found:
        sys.stderr.write("no unclear operations\n")
    return 0


async def check_operations(settings: Settings, ids: Sequence[str]) -> int:
    """Have the gateway that runs read these unclear writes back now. Returns 1 where one is not unclear, or not there.

    Raises ValueError for what is no id, JournalError.
    """
    wanted = [_uuid(text) for text in ids]
    results = []
    async with open_journal(settings, make=False) as journal:
        for operation_id in wanted:
            is_due = await journal.operations.check_now(operation_id)
            found = "to be read back, where it can be" if is_due else "not an unclear operation"
            sys.stdout.write(f"{operation_id}: {found}\n")
            results.append(is_due)
    return 0 if all(results) else 1


async def settle_operation(settings: Settings, id_: str, outcome: Outcome, note: str) -> int:
    """Close an unclear write as what was seen at the platform. Returns 1 where it is not unclear, or not there.

    This is an operation on it, with the note as its reason. Raises ValueError for no id and a blank note, JournalError.
    """
    if not note.strip():
        raise ValueError("--note: say who saw it where")
    async with open_journal(settings, make=False) as journal:
        written = journal.operations
        found = await written.get(_uuid(id_))
        if found is None or found.outcome is not Outcome.UNKNOWN:
            sys.stdout.write(f"{id_}: not an unclear operation\n")
            return 1
        settling = await written.reserve(
            key=None,
            subject=operator(),
            mutation=SETTLING,
            fingerprint="",
            community_code=found.community_code,
            reason=note,
            record=RecordRef("Operation", found.community_code, found.id),
        )
        own = (await written.mark_sent(settling.operation.id, {"outcome": outcome})).id
        errors = (NOT_APPLIED,) if outcome is Outcome.REFUSED else ()
        settled = await written.finish(found.id, outcome, user_errors=errors)
        is_so = settled.outcome is outcome  # no read-back was faster, and saw something else
        await written.finish(own, Outcome.CONFIRMED if is_so else Outcome.REFUSED)
        sys.stdout.write(f"{found.id}: {settled.outcome}\n")
    return 0 if is_so else 1


async def _unclear(journal: Journal) -> AsyncIterator[Operation]:
    last: str | None = None
    while True:
        part = await journal.operations.list(OperationQuery(outcome=Outcome.UNKNOWN), Cut(PART, after=last))
        for operation in part.items:
            yield operation
        if not part.has_more:
            return
        last = part.items[-1].id


def _json(operation: Operation) -> dict[str, Any]:
    record = operation.record
    return {
        "id": operation.id,
        "mutation": operation.mutation,
        "community_code": operation.community_code,
        "record_type": record and record.type,
        "record_id": record and record.platform_id,
        "sent_at": operation.sent_at,
        "unknown_at": operation.unknown_at,
        "read_backs": operation.read_backs,
        "check_at": operation.check_at,
    }


def _row(operation: Operation, now: datetime) -> Sequence[object]:
    record, reads = operation.record, operation.read_backs
    return (
        operation.id,
        operation.mutation,
        operation.community_code,
        record and f"{record.type} {record.platform_id}",
        f"{age(now - (operation.sent_at or operation.started_at))} ago",
        f"{len(reads)} times" if reads else "never",
        f"{age(now - reads[-1])} ago" if reads else None,
        _next(operation.check_at, now),
    )


def _next(check_at: datetime | None, now: datetime) -> str:
    """When it is read back the next time: never, where nothing shows any more what came of it."""
    if check_at is None:
        return "given up: look at the platform"
    return "now" if check_at <= now else f"in {age(check_at - now)}"


def _uuid(text: str) -> str:
    """Raises ValueError."""
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError(f"{text}: not the id of an operation, as the log and this command print it") from None
