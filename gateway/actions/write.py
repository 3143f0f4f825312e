"""How every write goes: journal the intent, call once, record the outcome, tell those who should know.

    reserve ──► perform: check, then `sent()` ──► one call ──► CONFIRMED
       │            │ WriteRefusal                  │ the platform says no ──► REFUSED
       │            ▼                               │ it never left ──► withdrawn, and the error is the answer
       │         REFUSED                            ▼ anything else
       ▼                                         read back ──► CONFIRMED | REFUSED | UNKNOWN, read back later
    the key is taken: the earlier result, or why not

`sent()` commits before the first byte leaves. A caller that goes away stops nothing: the write runs to its end.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
import structlog

from gateway.auth.masking import contains_mask, mask_text
from gateway.auth.principal import Principal
from gateway.cache import SharedReads
from gateway.errors import (
    GatewayError,
    JournalError,
    JournalRefusedError,
    PlatformError,
    ProtocolError,
    RefusedError,
)
from gateway.events import EventBus
from gateway.futures import join
from gateway.journal.journal import Journal
from gateway.journal.operations import fingerprint
from gateway.journal.records import Operation, RecordRef, ReservationKind, UserError
from gateway.normalise.states import Outcome, UserErrorCode
from gateway.normalise.vocabulary import ModuleName

T = TypeVar("T")

log = structlog.get_logger(__name__)

MOST_CALLS = len(ModuleName) + 4
"""Of one write, one after the other: syncModules reads both platforms, switches modules and reads back."""

MARGIN = timedelta(minutes=1)
"""So long after its caller has given up, no platform still works on a request: what is not there will not come."""

FIRST_CHECK = timedelta(seconds=30)
"""How long after an unclear write it is read back again: a request that still runs at the platform ends before."""

RECORD_PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts to record what was done: a database that restarts is back by then."""


class WriteRefusal(Exception):  # noqa: N818 # a refusal is an answer, not an error
    """The write is not to be done, for reasons the caller can act on. Nothing has been sent."""

    def __init__(self, *errors: UserError) -> None:
        super().__init__()
        self.errors = errors


class Found(Enum):
    """What reading a write back tells."""

    APPLIED = "applied"
    NOT_APPLIED = "not applied"
    UNCLEAR = "unclear"


class Done(NamedTuple):
    """What the platform answered: the record written, and what else the payload tells."""

    record: RecordRef | None = None
    answer: Mapping[str, Any] | None = None


class ReadBack(NamedTuple):
    """What a read-back found; `done` comes with APPLIED, `errors` may come with NOT_APPLIED."""

    found: Found
    done: Done = Done()
    errors: tuple[UserError, ...] = ()


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller wants written. `arguments` are all that matter to it, for the fingerprint; they are not stored."""

    mutation: str
    arguments: object
    community_code: str | None
    idempotency_key: str | None = None
    reason: str | None = None
    record: RecordRef | None = None
    expected: Mapping[str, Any] | None = None


class Written(msgspec.Struct, frozen=True):
    """The answer to a write."""

    outcome: Outcome
    user_errors: tuple[UserError, ...] = ()
    operation: Operation | None = None

    @classmethod
    def of(cls, operation: Operation) -> "Written":
        """The answer that an operation recorded; UNKNOWN while it is under way."""
        return cls(operation.outcome or Outcome.UNKNOWN, operation.user_errors, operation)

    @classmethod
    def refused(cls, *errors: UserError) -> "Written":
        """A refusal that left no operation."""
        return cls(Outcome.REFUSED, errors)


class Sent(Protocol):
    """Commits that the first byte is about to leave; `expected` is what a reconciler looks for, if known only now."""

    async def __call__(self, expected: Mapping[str, Any] | None = None) -> None: ...


_Same = tuple[str, str, str]
"""What makes two writes the same: whose, by which idempotency key, and the fingerprint of the arguments."""

Perform = Callable[[Sent], Awaitable[Done]]
"""Checks, says that it is `sent`, and calls the platform. Raises WriteRefusal, or the GatewayError of a call."""

Check = Callable[[Operation], Awaitable[ReadBack]]
"""Reads a write back: asks the platform what is so now. Raises GatewayError where it cannot be asked."""


class ReadsBack(Protocol):
    """The actions of writes that can be read back later, by what the journal keeps of them."""

    async def check(self, operation: Operation) -> ReadBack:
        """See `Check`."""

    def ended(self, operation: Operation) -> None:
        """Drop what is cached, publish what was done: when a write was sent, and when one is found applied later."""


def user_error(code: UserErrorCode, message: str, *field: str, upstream_message: str | None = None) -> UserError:
    """Why a write is refused. What a platform says is kept in the journal: without any number of a person."""
    said = None if upstream_message is None else mask_text(upstream_message)
    return UserError(code=code.value, message=message, field=field or None, upstream_message=said)


def require_community(principal: Principal, community_code: str, *field: str) -> None:
    """Raises WriteRefusal unless the community is the caller's. It stands in `communityCode` of the input, or there."""
    if not principal.sees(community_code):
        where = field or ("communityCode",)
        raise WriteRefusal(user_error(UserErrorCode.FORBIDDEN_COMMUNITY, "This community is not the caller's.", *where))


def mask_errors(value: object, *field: str) -> Iterator[UserError]:
    """The error of a text in which something is masked: it would overwrite what is real."""
    if isinstance(value, str) and contains_mask(value):
        yield user_error(UserErrorCode.INVALID, "A masked value cannot be written.", *field)


def refuse_if_any(errors: Iterable[UserError]) -> None:
    """Raises WriteRefusal with all of these errors where there is one."""
    if found := tuple(errors):
        raise WriteRefusal(*found)


async def with_patience(record: Callable[[], Awaitable[T]]) -> T:
    """Record what was done at a platform, which nobody may be able to find out again. It may be recorded twice.

    Raises JournalError where the journal goes on failing, or would refuse it again.
    """
    for pause in RECORD_PAUSES:
        try:
            return await record()
        except JournalRefusedError:
            raise
        except JournalError:
            await asyncio.sleep(pause)
    return await record()


def refused_by_platform(error: RefusedError) -> UserError:
    """The platform's no, for callers."""
    return user_error(
        UserErrorCode.UPSTREAM_REFUSED, "The platform refused it.", upstream_message=error.upstream_message
    )


class Writer:
    """Carries out writes. One per process; it knows no platform. `under_way`: the ids of operations it carries out."""

    def __init__(
        self,
        journal: Journal,
        reads: SharedReads,
        events: EventBus,
        fingerprint_key: bytes,
        clock: Callable[[], datetime],
    ) -> None:
        self._journal = journal
        self.reads = reads
        self.events = events
        self._fingerprint_key = fingerprint_key
        self._clock = clock
        self.under_way: set[str] = set()
        self._running: set[asyncio.Task[Written]] = set()
        self._by_key: dict[_Same, asyncio.Task[Written]] = {}

    async def carry_out(
        self,
        principal: Principal,
        intent: Intent,
        perform: Perform,
        read_back: Check | None = None,
        refused: Callable[[RefusedError], UserError] = refused_by_platform,
        after: Callable[[Operation], None] | None = None,
    ) -> Written:
        """Carry out one write to its end, once.

        `read_back` None: it cannot be read back, and an unclear write stays UNKNOWN. `refused` words the platform's no.
        `after` runs when it was sent, whatever came of that (`ReadsBack.ended`). Raises GatewayError for faults that
        leave nothing behind: the platform could not be reached, the journal is down.
        """
        mark = fingerprint(self._fingerprint_key, intent.mutation, intent.arguments)
        same = None if intent.idempotency_key is None else (principal.subject, intent.idempotency_key, mark)
        task = self._by_key.get(same) if same is not None else None
        if task is None:
            task = asyncio.create_task(self._write(principal, intent, mark, perform, read_back, refused, after))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            if same is not None:
                self._by_key[same] = task
                task.add_done_callback(lambda _: self._by_key.pop(same, None))
        return await join(task)

    def digest(self, text: str) -> str:
        """A text as `Operation.expected` may hold it: equal for equal texts, and reveals nothing."""
        return fingerprint(self._fingerprint_key, "text", text)

    async def drain(self) -> None:
        """Wait for the writes under way: at shutdown, before platforms and journal are closed."""
        while self._running:
            await asyncio.wait(self._running)

    async def _write(
        self,
        principal: Principal,
        intent: Intent,
        mark: str,
        perform: Perform,
        read_back: Check | None,
        refused: Callable[[RefusedError], UserError],
        after: Callable[[Operation], None] | None,
    ) -> Written:
        reservation = await self._journal.operations.reserve(
            key=intent.idempotency_key,
            subject=principal.subject,
            mutation=intent.mutation,
            fingerprint=mark,
            community_code=intent.community_code,
            reason=intent.reason,
            record=intent.record,
            expected=intent.expected,
        )
        if reservation.kind is not ReservationKind.NEW:
            return _earlier(reservation.kind, reservation.operation)
        operation = reservation.operation
        self.under_way.add(operation.id)
        try:
            return await self._send(operation, perform, read_back, refused, after)
        finally:
            self.under_way.discard(operation.id)

    async def _send(
        self,
        operation: Operation,
        perform: Perform,
        read_back: Check | None,
        refused: Callable[[RefusedError], UserError],
        after: Callable[[Operation], None] | None,
    ) -> Written:
        operations = self._journal.operations
        sent = False

        async def mark_sent(expected: Mapping[str, Any] | None = None) -> None:
            nonlocal operation, sent
            operation = await operations.mark_sent(operation.id, expected)
            sent = True

        try:
            done = await perform(mark_sent)
        except WriteRefusal as refusal:
            return Written.of(await operations.finish(operation.id, Outcome.REFUSED, user_errors=refusal.errors))
        except GatewayError as error:
            if not sent and isinstance(error, RefusedError):  # in what was to be read first
                errors = (refused_by_platform(error),)
                return Written.of(await operations.finish(operation.id, Outcome.REFUSED, user_errors=errors))
            if not sent or (isinstance(error, PlatformError) and not error.sent):
                await operations.withdraw(operation.id)
                raise
            if isinstance(error, RefusedError):
                operation = await self._record(operation, Outcome.REFUSED, user_errors=(refused(error),))
            else:
                operation = await self._clear_up(operation, error, read_back)
        else:
            operation = await self._record(operation, Outcome.CONFIRMED, done)
        if after is not None:
            after(operation)
        return Written.of(operation)

    async def _clear_up(self, operation: Operation, error: GatewayError, read_back: Check | None) -> Operation:
        """The answer was lost. Ask the platform what is so now; what cannot be told yet is asked again later."""
        log.warning("write unclear", operation=operation.id, code=error.code)
        if read_back is None:
            return await self._record(operation, Outcome.UNKNOWN)
        try:
            seen = await read_back(operation)
        except GatewayError:
            seen = ReadBack(Found.UNCLEAR)
        if seen.found is Found.APPLIED:
            return await self._record(operation, Outcome.CONFIRMED, seen.done)
        if seen.found is Found.NOT_APPLIED and isinstance(error, ProtocolError):
            # The platform had answered, however badly: nothing of this request runs there any more.
            return await self._record(operation, Outcome.REFUSED, user_errors=seen.errors or (not_applied(),))
        return await self._record(operation, Outcome.UNKNOWN, check_at=self._clock() + FIRST_CHECK)

    async def _record(
        self,
        operation: Operation,
        outcome: Outcome,
        done: Done = Done(),  # noqa: B008 # an immutable default
        user_errors: tuple[UserError, ...] = (),
        check_at: datetime | None = None,
    ) -> Operation:
        """Record the outcome of what was sent: with patience, for of some writes nobody could find it out again.

        Where the journal goes on failing, the operation stays "sent" and the caller is told UNKNOWN: the reconciler
        ends it.
        """
        finish = partial(
            self._journal.operations.finish,
            operation.id,
            outcome,
            record=done.record,
            answer=done.answer,
            user_errors=user_errors,
            check_at=check_at,
        )
        try:
            return await with_patience(finish)
        except JournalError:
            log.error("outcome not recorded", operation=operation.id, outcome=outcome.value)
            return operation


def settled_after(call_timeout: float) -> timedelta:
    """So long after it was begun, a write has had what effect it will ever have. `call_timeout` is in seconds."""
    return MOST_CALLS * timedelta(seconds=call_timeout) + MARGIN


def not_applied() -> UserError:
    return user_error(UserErrorCode.UPSTREAM_REFUSED, "The platform did not apply it; it can be tried again.")


def _earlier(kind: ReservationKind, operation: Operation) -> Written:
    if kind is ReservationKind.REPLAY:
        return Written.of(operation)
    if kind is ReservationKind.MISMATCH:
        return Written.refused(
            user_error(
                UserErrorCode.IDEMPOTENCY_MISMATCH,
                "This idempotency key was used with other arguments.",
                "idempotencyKey",
            )
        )
    return Written.refused(
        user_error(
            UserErrorCode.IDEMPOTENCY_IN_PROGRESS,
            "The write with this idempotency key is still under way.",
            "idempotencyKey",
        )
    )
