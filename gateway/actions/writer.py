"""How every write goes: journal the intent, call once, record the outcome; and how those end whose answer was lost.

    reserve ──► prepare ──► mark sent ──► one call ──► CONFIRMED
       │            │ WriteRefusal             │ the platform says no ──► REFUSED
       │            ▼                          │ it never left ──► withdrawn, and the error is the answer
       │         REFUSED                       ▼ anything else
       ▼                                    read back ──► CONFIRMED | UNKNOWN, read back later
    the key is taken: the earlier result, or why not

That it is sent is committed before the first byte leaves. A caller that goes away stops nothing: the write runs to its
end.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import structlog

from gateway import errors
from gateway.actions.action import Action, Done, Undecided, Write, WriteRefusal, Written, plan, prepare, user_error
from gateway.auth.principal import Principal
from gateway.futures import disregard, join
from gateway.journal.journal import Journal
from gateway.journal.operations import fingerprint
from gateway.journal.records import NewOperation, Operation
from gateway.normalise.vocabulary import Outcome, UserErrorCode
from gateway.ops.slots import Slots, background
from gateway.ops.trace import METER, Meter
from gateway.wording.inputs import WriteWording
from gateway.wording.requests import RequestWording

T = TypeVar("T")

log = structlog.get_logger(__name__)

MOST_CALLS = 14
"""Of one write, one after the other: syncModules reads both platforms, switches up to ten modules and reads back."""

MARGIN = timedelta(minutes=1)
"""So long after its caller has given up, no platform still works on a request: what is not there will not come."""

FIRST_CHECK = timedelta(seconds=30)
"""How long after an unclear write it is read back again: a request that still runs at the platform ends before."""

RECORD_PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts to record what was done: a database that restarts is back by then."""


def settled_after(call_timeout: float) -> timedelta:
    """So long after it was begun, a write has had what effect it will ever have. `call_timeout` is in seconds."""
    return MOST_CALLS * timedelta(seconds=call_timeout) + MARGIN


async def retry_journal_write(record: Callable[[], Awaitable[T]]) -> T:
    """Record what was done at a platform, which nobody may be able to find out again. It may be recorded twice.

    Raises JournalError where the journal goes on failing, or would refuse it again.
    """
    for pause in RECORD_PAUSES:
        try:
            return await record()
        except errors.JournalRefusedError:
            raise
        except errors.JournalError:
            await asyncio.sleep(pause)
    return await record()


SHARE_OF_SLOTS = 4  # a caller's writes of this kind take at most one in so many of a platform's slots

BEGUN_WITHIN = 0.6
ANSWERED_WITHIN = 0.8
"""Of the time that the request has left: so long writes are begun, and waited for. The rest is for what the answer
shows of their records.
"""

NOT_SENT = Written.refused(user_error(UserErrorCode.NOT_SENT, WriteWording.NOT_SENT()))


@dataclass(eq=False, slots=True)
class Run:
    """A write under way: `task` ends with its answer, or a GatewayError. `wanted`: how many have not given it up."""

    task: asyncio.Task[Written] = field(init=False)
    wanted: int = 0
    _sending: Operation | None = None

    def begin_sending(self, operation: Operation) -> None:
        """Raises RequestTimeoutError where everybody has given it up: then nothing may be sent."""
        if not self.wanted:
            raise errors.RequestTimeoutError(RequestWording.TOO_LATE())
        self._sending = operation

    def give_up(self) -> Written | None:
        """The answer for a caller who cannot wait: UNKNOWN for what may have been sent, which goes on to its end; None
        for all else, which is not sent any more, unless somebody else wants it.
        """
        if self._sending is not None:
            return Written.of(self._sending)
        self.wanted -= 1
        return None


class Writer:
    """Carries out writes. One per process; it knows no platform. `under_way`: the ids of operations it carries out.

    Of several writes of one caller, however many requests they send, `at_once` are under way at a time; these requests
    take turns.
    """

    def __init__(self, journal: Journal, fingerprint_key: bytes, clock: Callable[[], datetime], slots: Slots) -> None:
        """`slots`: those of the platform."""
        self.operations = journal.operations
        self._fingerprint_key = fingerprint_key
        self.clock = clock
        self._slots = slots
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self.under_way: set[str] = set()
        self._running: dict[Hashable, Run] = {}

    @property
    def at_once(self) -> int:
        return max(1, self._slots.limit // SHARE_OF_SLOTS)

    async def carry_out(self, principal: Principal, write: Write[Any]) -> Written:
        """Carry out one write to its end, once; join an equal one of the same idempotency key that is under way.

        Raises GatewayError for faults that leave nothing behind: the platform cannot be reached, the journal is down.
        """
        return await join(self.begin(principal, write).task)

    async def carry_out_all(
        self, principal: Principal, writes: Sequence[Write[Any]], deadline: float | None, *, dry_run: bool = False
    ) -> list[Written]:
        """Carry out several writes: a result each, in order; one that fails leaves the others alone. The same object
        twice is one write.

        `deadline` is when the request ends, by the loop's clock: what is not begun well before is not sent.
        """
        meter = METER.get() or Meter()
        calls = Meter(caller=background(principal.subject), trace=meter.trace)
        context = copy_context()
        context.run(METER.set, calls)
        turns = self._turns.setdefault(principal.subject, asyncio.Semaphore(self.at_once))
        now = asyncio.get_running_loop().time
        begin_by = answer_by = None
        if deadline is not None:
            left = max(0.0, deadline - now())
            begin_by, answer_by = (deadline - left * (1 - share) for share in (BEGUN_WITHIN, ANSWERED_WITHIN))
        runs: dict[Write[Any], Run] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout_at(begin_by):
                for write in dict.fromkeys(writes):
                    await turns.acquire()
                    begin = partial(_plan, write) if dry_run else partial(self.begin, principal, write)
                    runs[write] = run = context.run(begin)
                    disregard(run.task)
                    run.task.add_done_callback(lambda _: turns.release())
        if runs:
            timeout = None if answer_by is None else max(0.0, answer_by - now())
            await asyncio.wait([run.task for run in runs.values()], timeout=timeout)
        meter.calls += calls.calls
        results = {write: _result(run) for write, run in runs.items()}
        return [results.get(write, NOT_SENT) for write in writes]

    def begin(self, principal: Principal, write: Write[Any]) -> Run:
        """As `carry_out`, without waiting for the end."""
        mark = fingerprint(self._fingerprint_key, write.action.mutation, write.action.arguments(write))
        key = object() if write.key is None else (principal.subject, write.key, mark)
        run = self._running.get(key)
        if run is None:
            run = self._running[key] = Run()
            run.task = asyncio.create_task(self._write(run, principal.subject, write, mark))
            run.task.add_done_callback(lambda _: self._running.pop(key))
        run.wanted += 1
        return run

    def digest(self, text: str) -> str:
        """A text as `Operation.expected` may hold it: equal for equal texts, and reveals nothing."""
        return fingerprint(self._fingerprint_key, "text", text)

    async def drain(self) -> None:
        """Wait for the writes under way: at shutdown, before platforms and journal are closed."""
        while self._running:
            await asyncio.wait([run.task for run in self._running.values()])

    async def _write(self, run: Run, subject: str, write: Write[Any], mark: str) -> Written:
        new = NewOperation(
            idempotency_key=write.key,
            subject=subject,
            mutation=write.action.mutation,
            fingerprint=mark,
            community_code=write.community_code,
            reason=write.action.reason(write.asked),
            record=write.record,
        )
        operation, is_new = await self.operations.reserve(new)
        if not is_new:
            return _replay(operation, mark)
        self.under_way.add(operation.id)
        try:
            return await self._perform(run, operation, write)
        finally:
            self.under_way.discard(operation.id)

    async def _perform(self, run: Run, operation: Operation, write: Write[Any]) -> Written:
        operations, action = self.operations, write.action
        sent, check_at = False, None
        try:
            prepared = await prepare(write)
            if prepared.sends:
                run.begin_sending(operation)
                operation = await operations.mark_sent(operation, prepared.expected)
                sent = True
            done: Done | None = await prepared.call() or Done()
        except WriteRefusal as refusal:
            reasons, record = refusal.errors, refusal.record
            refused = await operations.finish(operation.id, Outcome.REFUSED, record=record, user_errors=reasons)
            return Written.of(refused)
        except errors.GatewayError as error:
            if not sent or (isinstance(error, errors.PlatformError) and not error.sent):
                await operations.withdraw(operation.id)
                raise
            if isinstance(error, errors.RefusedError):
                done = Done(errors=(action.refusal(write, error),))
            else:
                done, check_at = await self._find_out(operation, write, error)
        record, answer, reasons = done or Done()
        outcome = Outcome.UNKNOWN if done is None else Outcome.REFUSED if reasons else Outcome.CONFIRMED
        finish = partial(
            operations.finish,
            operation.id,
            outcome,
            record=record,
            answer=answer,
            user_errors=reasons,
            check_at=check_at,
            change=action.event(operation),
        )
        try:
            operation = await retry_journal_write(finish)
        except errors.JournalError:  # it stays "sent" and the answer is UNKNOWN: the reconciler ends it
            log.error("outcome not recorded", operation=operation.id, outcome=outcome.value)
        action.drop_reads(operation)
        return Written.of(operation)

    async def _find_out(
        self, operation: Operation, write: Write[Any], error: errors.GatewayError
    ) -> tuple[Done | None, datetime | None]:
        """The answer was lost, or says nothing, as HTTP 500 does: the platform may commit behind it. Ask what is so
        now; what is not there yet is asked again later: when, if at all.
        """
        log.warning("write unclear", operation=operation.id, code=error.code)
        try:
            found = await write.action.read_back(operation, write)
        except errors.GatewayError:
            found = Undecided.UNCLEAR
        if isinstance(found, Done) and not found.errors:
            return found, None
        return None, None if found is Undecided.NEVER else self.clock() + FIRST_CHECK


def _replay(earlier: Operation, mark: str) -> Written:
    """The answer to a write whose key an earlier one has: that one's, if it has the same mark and has ended."""
    if not hmac.compare_digest(earlier.fingerprint, mark):  # which the mutation goes into as well
        code, message = UserErrorCode.IDEMPOTENCY_MISMATCH, WriteWording.KEY_MISMATCH()
    elif earlier.outcome is None:
        code, message = UserErrorCode.IDEMPOTENCY_IN_PROGRESS, WriteWording.KEY_IN_PROGRESS()
    else:
        return Written.of(earlier)
    return Written.refused(user_error(code, message, "idempotencyKey"))


def _plan(write: Write[Any]) -> Run:
    run = Run()
    run.task = asyncio.create_task(plan(write))
    return run


def _result(run: Run) -> Written:
    """How a write ended, or stands."""
    if not run.task.done():
        return run.give_up() or NOT_SENT
    try:
        return run.task.result()
    except errors.RequestTimeoutError:
        return NOT_SENT
    except errors.RateLimitedError as error:
        return Written.refused(user_error(UserErrorCode.NOT_SENT, WriteWording.TRY_LATER(reason=error.message)))
    except errors.GatewayError as error:  # nothing was sent of this one
        return Written.refused(user_error(UserErrorCode.UPSTREAM_UNAVAILABLE, error.message))


LEASE = timedelta(minutes=1)
GIVE_UP_AFTER = timedelta(hours=24)
INTERVAL = 10.0


@dataclass(eq=False)
class Reconciler:
    """Ends the writes whose answer was lost, and what a crash left unfinished. One per gateway; several share the work.

    `actions` read their writes back, by mutation; others stay UNKNOWN. What the `writer` of this process carries out is
    left alone. `call_timeout` is in seconds.
    """

    writer: Writer
    actions: Mapping[str, Action[Any]]
    call_timeout: float

    async def run(self) -> None:
        """Look every few seconds. Ends only by cancellation."""
        while True:
            with suppress(errors.JournalError):  # which is logged where it happens
                await self.reconcile_due()
            await asyncio.sleep(INTERVAL)

    async def reconcile_due(self) -> int:
        """Read back what is due, each on its own. Returns how many were looked at.

        Raises JournalError, at the end, when the journal failed for one of them: it comes again when its lease ends.
        """
        operations, age = self.writer.operations, settled_after(self.call_timeout)
        due = await operations.take_over(older_than=age, lease=LEASE, under_way=self.writer.under_way)
        failures: list[errors.JournalError] = []
        for operation in due:
            try:
                await self._reconcile(operation)
            except errors.JournalError as error:
                log.warning("reconciliation not recorded", operation=operation.id, reason=error.message)
                failures.append(error)
            except Exception:
                log.exception("reconciliation failed", operation=operation.id, mutation=operation.mutation)
        if failures:
            raise failures[0]
        return len(due)

    async def _reconcile(self, operation: Operation) -> None:
        action = self.actions.get(operation.mutation)
        age = self.writer.clock() - (operation.sent_at or operation.started_at)
        try:
            found = Undecided.NEVER if action is None else await action.read_back(operation)
        except errors.JournalError:
            raise
        except errors.GatewayError as error:
            log.info("read-back failed", operation=operation.id, code=error.code)
            return
        was_read = found not in (Undecided.NEVER, Undecided.NOT_READ)
        finish = partial(self.writer.operations.finish, operation.id, read_back=was_read)
        if action is not None and isinstance(found, Done) and not found.errors:
            change = action.event(operation)
            action.drop_reads(await finish(Outcome.CONFIRMED, record=found.record, answer=found.answer, change=change))
        elif isinstance(found, Done) and age >= settled_after(self.call_timeout):
            await finish(Outcome.REFUSED, user_errors=found.errors)
        elif found is Undecided.NEVER or age >= GIVE_UP_AFTER:  # somebody has to look at the platform
            await finish(Outcome.UNKNOWN)
            log.error("write stays unclear", operation=operation.id, mutation=operation.mutation)
        elif was_read:
            await finish(Outcome.UNKNOWN, check_at=operation.check_at)
