"""Commands on the journal: payments, writes whose outcome is not known, the audit trail, migration."""

import asyncio
import csv
import os
import pwd
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

import msgspec

from gateway.actions.action import NOT_APPLIED
from gateway.actions.identity import named_record
from gateway.actions.writer import Writer
from gateway.auth.node_ids import InvalidNodeIdError, NodeIds, read_id_key
from gateway.auth.principal import Principal, Scope
from gateway.entities import get_event
from gateway.errors import GatewayError, JournalError
from gateway.journal.audit import AuditQuery
from gateway.journal.database import NoJournalError
from gateway.journal.journal import Journal, open_journal, pending_migrations, utc_now
from gateway.journal.listing import OperationQuery, PaymentQuery
from gateway.journal.records import AuditEntry, Listed, NewOperation, Operation, Payment, RecordRef
from gateway.journal.tables import audit as audit_table
from gateway.normalise.vocabulary import DeliveryState, Outcome
from gateway.ops.slots import Slots
from gateway.payments.writes import NO_SUCH_PAYMENT, RetryPayment
from gateway.settings import Settings
from gateway.wording.commands import CommandWording
from gateway.wording.language import at, either, known, local, say, to_table
from gateway.wording.wording import Text

RowT = TypeVar("RowT", Operation, Payment)

PART = 500  # rows that are read at once

SHOWN = ("id", "order_number", "state", "attempts", "last_error", "community_code", "received_at", "next_attempt_at")
SHOWN_OPERATION = ("id", "mutation", "community_code", "sent_at", "unknown_at", "read_backs", "check_at")
"""The fields of a payment and of a write that are printed as JSON: no person is known by them. Arguments and reasons
of writes are not among them, since they may hold personal data.
"""

SETTLING = "settleOperation"  # what the journal names the settling of an unclear write: no mutation has that name


async def list_payments(settings: Settings, states: Sequence[str] | None, *, as_json: bool) -> int:
    """Print the payments of these states, by default the dead, newest first: a table, or a JSON object a line.
    Returns 0.

    Raises JournalError when the journal cannot be read, or there is none.
    """
    states = states or [DeliveryState.DEAD]
    async with open_journal(settings, make=False) as journal:
        found = [payment for state in states async for payment in _payments(journal, DeliveryState(state))]
    rows = [_payment_row(each, as_json=as_json) for each in found]
    return _print(rows, as_json=as_json, nothing=CommandWording.NO_PAYMENTS(states=" ".join(states)))


async def list_operations(settings: Settings, *, as_json: bool) -> int:
    """Print the unclear writes, newest first: a table, or a JSON object a line. Returns 0. Raises JournalError."""
    async with open_journal(settings, make=False) as journal:
        unclear = partial(journal.operations.list, OperationQuery(outcome=Outcome.UNKNOWN))
        found = [operation async for operation in _parts(unclear)]
    rows = [_operation_row(each, as_json=as_json) for each in found]
    return _print(rows, as_json=as_json, nothing=known("no unclear operations"))


async def retry_payments(settings: Settings, ids: Sequence[str], *, all_dead: bool, confirmed: bool) -> int:
    """Queue these dead payments again, or all; the gateway that runs delivers them. Returns 1 where one was not queued.

    An id is that of the log and of `list_payments`, or the API's. The journal has an operation for each, of a subject
    that names who did it at the command line. Raises ValueError for an id that is none, JournalError, SettingsError.
    """
    if bool(ids) == all_dead:
        raise ValueError(at("payments retry", known("either ids or --all-dead")))
    key = read_id_key(settings)
    async with open_journal(settings, make=False) as journal:
        await journal.require_key(NodeIds(key).check_value)
        wanted = [_row_id(id_, NodeIds(key)) for id_ in ids]
        if all_dead:
            wanted = [payment.id async for payment in _payments(journal, DeliveryState.DEAD)]
            if not wanted:
                sys.stderr.write(f"{local(CommandWording.NO_PAYMENTS(states=DeliveryState.DEAD.value))}\n")
                return 0
        found = await journal.payments.by_ids(wanted)
        if not confirmed:
            sys.stderr.write(f"{local(CommandWording.CONFIRM_RETRY(count=len(wanted)))} ")
            sys.stderr.flush()
            if sys.stdin.readline().strip().lower() not in ("y", "yes"):
                return 1
        writer, retry = Writer(journal, key, utc_now, Slots(1)), RetryPayment(journal.payments)
        async with journal.bridge():
            results = [await _retry(writer, retry, id_, found.get(id_)) for id_ in wanted]
        await writer.drain()
    return 0 if all(results) else 1


def operator() -> str:
    """The subject of what is done at the command line: the account that runs it."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container, under any number
        name = str(os.getuid())
    return f"command line: {name}"


async def check_operations(settings: Settings, ids: Sequence[str]) -> int:
    """Have the gateway that runs read these unclear writes back now. Returns 1 where one is not unclear, or not there.

    Raises ValueError for what is no id, JournalError.
    """
    wanted, status = list(map(_row_id, ids)), 0
    async with open_journal(settings, make=False) as journal:
        for operation_id in wanted:
            is_due = await journal.operations.check_now(operation_id)
            found = "to be read back, where it can be" if is_due else "not an unclear operation"
            sys.stdout.write(f"{local(at(operation_id, known(found)))}\n")
            status = status if is_due else 1
    return status


async def settle_operation(settings: Settings, id_: str, outcome: str, note: str) -> int:
    """Close an unclear write as what was seen at the platform. Returns 1 where it is not unclear, or not there.

    This is an operation on it, with the note as its reason. Raises ValueError for no id and a blank note, JournalError.
    """
    seen = Outcome(outcome)
    if not note.strip():
        raise ValueError(at("--note", known("say who saw it where")))
    async with open_journal(settings, make=False) as journal:
        written = journal.operations
        found = await written.get(_row_id(id_))
        if found is None or found.outcome is not Outcome.UNKNOWN:
            sys.stdout.write(f"{local(at(id_, known('not an unclear operation')))}\n")
            return 1
        settling = NewOperation(
            idempotency_key=None,
            subject=operator(),
            mutation=SETTLING,
            fingerprint="",
            community_code=found.community_code,
            reason=note,
            record=RecordRef("Operation", found.community_code, found.id),
        )
        reserved, _ = await written.reserve(settling)
        own = (await written.mark_sent(reserved, {"outcome": seen})).id
        errors = NOT_APPLIED.errors if seen is Outcome.REFUSED else ()
        settled = await written.finish(found.id, seen, user_errors=errors, change=get_event(found))
        is_so = settled.outcome is seen  # no read-back was faster, and saw something else
        await written.finish(own, Outcome.CONFIRMED if is_so else Outcome.REFUSED)
        sys.stdout.write(f"{found.id}: {settled.outcome}\n")
    return 0 if is_so else 1


async def migrate(settings: Settings, *, check: bool, new_id_key: bool = False) -> int:
    """Make the journal, or bring it to this version. With `check` nothing is changed: 1 where something is pending.
    With `new_id_key` gateways may start with another one.

    Raises JournalError when it cannot be used, is newer than this version, or (SQLite) used by a gateway that runs.
    """
    pending = await pending_migrations(settings)
    if not check:
        async with open_journal(settings) as journal:
            if new_id_key:
                await journal.forget_key()
                sys.stdout.write(f"{local(known('the journal takes the id key of the next gateway that starts'))}\n")
    what = known("pending" if check else "done")
    lines = [local(at(what, migration)) for migration in pending] or [local(known("the journal is of this version"))]
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if check and pending else 0


async def _retry(writer: Writer, retry: RetryPayment, id_: str, payment: Payment | None) -> bool:
    principal = Principal(operator(), frozenset({Scope.PAYMENT_WRITE}), None, expires_at=0)
    try:
        written = NO_SUCH_PAYMENT if payment is None else await writer.carry_out(principal, retry.write(payment))
    except GatewayError as error:
        sys.stdout.write(f"{local(at(id_, error.message))}\n")
        return False
    is_queued = written.outcome is Outcome.CONFIRMED
    said = [known("queued")] if is_queued else [error.message for error in written.user_errors]
    sys.stdout.write(f"{local(at(id_, ' '.join(map(local, said))))}\n")
    return is_queued


def _payments(journal: Journal, state: DeliveryState) -> AsyncIterator[Payment]:
    return _parts(partial(journal.payments.list, PaymentQuery(state=state)))


async def _parts(read: Callable[..., Awaitable[Listed[RowT]]]) -> AsyncIterator[RowT]:
    """All of a list, newest first."""
    after, has_more = None, True
    while has_more:
        part = await read(PART, after=after)
        for row in part.items:
            yield row
            after = row.id
        has_more = part.has_more


def _payment_row(payment: Payment, *, as_json: bool) -> dict[str, object]:
    if as_json:
        return {name: getattr(payment, name) for name in SHOWN}
    now, due = utc_now(), payment.next_attempt_at
    return {
        "id": payment.id,
        "order": payment.order_number,
        "state": payment.state.value,
        "attempts": payment.attempts,
        "last error": payment.last_error,
        "community": payment.community_code,
        "received": CommandWording.AGO(age=_age(now - payment.received_at)),
        "next attempt": None if due is None else _in(due - now),
    }


def _operation_row(operation: Operation, *, as_json: bool) -> dict[str, object]:
    now, record, reads, check_at = utc_now(), operation.record, operation.read_backs, operation.check_at
    if as_json:
        shown = {name: getattr(operation, name) for name in SHOWN_OPERATION}
        return shown | {"record_type": record and record.type, "record_id": record and record.platform_id}
    return {
        "id": operation.id,
        "mutation": operation.mutation,
        "community": operation.community_code,
        "record": record and f"{record.type} {record.platform_id}",
        "sent": CommandWording.AGO(age=_age(now - (operation.sent_at or operation.started_at))),
        "read back": CommandWording.TIMES(count=len(reads)) if reads else known("never"),
        "last": CommandWording.AGO(age=_age(now - reads[-1])) if reads else None,
        "next": known("given up: look at the platform") if check_at is None else _in(check_at - now),
    }


def _print(rows: Sequence[Mapping[str, object]], *, as_json: bool, nothing: Text) -> int:
    if not rows:
        sys.stderr.write(f"{local(nothing)}\n")
    elif as_json:
        sys.stdout.writelines(f"{msgspec.json.encode(row).decode()}\n" for row in rows)
    else:
        lines = (["-" if cell is None else local(cell) for cell in row.values()] for row in rows)
        sys.stdout.write(f"{to_table([[*map(say, rows[0])], *lines])}\n")
    return 0


def _age(since: timedelta) -> str:
    """In its two largest units: `3d 4h`, `4h 7m`, `7m 12s`, `12s`."""
    seconds = max(int(since.total_seconds()), 0)
    amounts = (seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60)
    sizes = [*zip(amounts, either("d h m s\n天 小时 分 秒").split(), strict=True)]
    first = next((place for place, (size, _) in enumerate(sizes) if size), len(sizes) - 1)
    return " ".join(f"{size}{unit}" for size, unit in sizes[first : first + 2])


def _in(time: timedelta) -> Text:
    return known("now") if time <= timedelta() else CommandWording.IN(age=_age(time))


def _row_id(text: str, ids: NodeIds | None = None) -> str:
    """The journal's own id, as the log prints it; with `ids`, that of a payment from the API's as well."""
    with suppress(ValueError):
        return str(UUID(text))
    if ids is None:
        raise ValueError(at(text, known("not the id of an operation, as the log and this command print it")))
    try:
        node = ids.decode(text)
    except InvalidNodeIdError as error:
        raise ValueError(at(text, known(str(error)))) from None
    if node.type_name != "Payment":
        raise ValueError(at(text, known("not the id of a payment")))
    return node.identifier


FOLLOW_PAUSE = 1.0  # seconds between two looks of `audit --follow`

OVERLAP = timedelta(minutes=1)
"""Gateways write what they have noted twice a second, each its own: entries may come later than younger ones."""

AUDIT_COLUMNS = tuple(column.name for column in audit_table.c if column.name != "number")

FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run what begins so: an apostrophe makes it text


async def audit(
    settings: Settings,
    *,
    subject: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    record: str | None = None,
    as_csv: bool = False,
    follow: bool = False,
) -> int:
    """Print entries of this subject, from `since` on and before `until`, of the record with this id, as the API gives
    it; with `follow` go on with what is added, until it is interrupted. Returns 0.

    Raises ValueError for a record's id that is none, JournalError when the journal cannot be read, or there is none.
    """
    if follow and until:
        raise ValueError(at("--until", known("not with --follow")))
    try:
        wanted = None if record is None else named_record(NodeIds(read_id_key(settings)), record)
    except InvalidNodeIdError as error:
        raise ValueError(at("--record", known(str(error)))) from None
    table = csv.writer(sys.stdout, lineterminator="\r\n")  # RFC 4180
    if as_csv:
        table.writerow(AUDIT_COLUMNS)
    is_empty = True
    query = AuditQuery(subject=subject, record=wanted, since=since, until=until)
    async for entry in (_follow if follow else _read)(settings, query):
        is_empty = False
        if as_csv:
            table.writerow(csv_row(entry))
        else:
            sys.stdout.write(f"{msgspec.json.encode(entry).decode()}\n")
        if follow:
            sys.stdout.flush()
    if is_empty:
        sys.stderr.write(f"{local(known('no entries'))}\n")
    return 0


def csv_row(entry: AuditEntry) -> list[object]:
    """The cells of an entry, safe to open in a spreadsheet. Lists are separated by blanks."""
    row = msgspec.structs.asdict(entry) | {"at": entry.at.isoformat(), "fields": " ".join(entry.fields)}
    if refs := entry.records:
        row |= {"record_type": refs.type, "record_community_code": refs.community_code}
        row |= {"record_ids": " ".join(refs.platform_ids)}
    cells = [row.get(name) for name in AUDIT_COLUMNS]
    return [f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULAS) else cell for cell in cells]


async def _follow(settings: Settings, query: AuditQuery) -> AsyncIterator[AuditEntry]:
    """What there is and what is added, without end. While the journal cannot be read, it waits and says so.

    Raises JournalError where there is none of this version. The journal is let go between two looks: a gateway that
    starts meanwhile has SQLite's file to itself, and is waited for.
    """
    seen: dict[str, datetime] = {}
    since, is_waiting = query.since, False
    while True:
        began = utc_now()
        try:
            async for entry in _read(settings, msgspec.structs.replace(query, since=since)):
                if entry.id not in seen:
                    seen[entry.id] = entry.at
                    yield entry
        except NoJournalError:
            raise
        except JournalError as error:
            if not is_waiting:
                sys.stderr.write(f"{local(CommandWording.WAITING(why=error.message))}\n")
            is_waiting = True
        else:
            is_waiting = False
            since = began - OVERLAP if since is None else max(since, began - OVERLAP)
            seen = {id_: at for id_, at in seen.items() if at >= since}
        await asyncio.sleep(FOLLOW_PAUSE)


async def _read(settings: Settings, query: AuditQuery) -> AsyncIterator[AuditEntry]:
    async with open_journal(settings, make=False) as journal:
        async for entry in journal.audit.entries(query):
            yield entry
