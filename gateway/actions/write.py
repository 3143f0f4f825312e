"""What a write is: what the caller wants, how it is carried out and read back, and what came of it."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol

import msgspec

from gateway.auth.masking import contains_mask, mask_text
from gateway.auth.principal import Principal
from gateway.errors import RefusedError
from gateway.journal.records import Operation, RecordRef, UserError
from gateway.normalise.states import Outcome, UserErrorCode
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Text, Violation
from gateway.wording.writes import WriteWording


class WriteRefusal(Exception):  # noqa: N818 # a refusal is an answer, not an error
    """The write is not to be done, for reasons the caller can act on. Nothing has been sent. `record` is what stands in
    its way.
    """

    def __init__(self, *errors: UserError, record: RecordRef | None = None) -> None:
        super().__init__()
        self.errors = errors
        self.record = record


def user_error(code: UserErrorCode, message: Text, *field: str, upstream_message: str | None = None) -> UserError:
    """Why a write is refused. What a platform says is kept in the journal: without any number of a person."""
    return UserError(
        code=code.value,
        message=str(message),
        message_zh=message.chinese,
        field=field or None,
        rule=message.rule and message.rule.value,
        min=message.min,
        max=message.max,
        upstream_message=None if upstream_message is None else mask_text(upstream_message),
    )


def community_errors(principal: Principal, community_code: str, *field: str) -> Iterator[UserError]:
    """The error of a community that is not the caller's. It stands in `communityCode` of the input, or there."""
    if not principal.sees(community_code):
        where = field or ("communityCode",)
        yield user_error(UserErrorCode.FORBIDDEN_COMMUNITY, WriteWording.OTHER_COMMUNITY(), *where)


def require_community(principal: Principal, community_code: str, *field: str) -> None:
    """Raises WriteRefusal unless the community is the caller's, as `community_errors` has it."""
    refuse_if_any(community_errors(principal, community_code, *field))


def masked(value: object, *field: str) -> Iterator[Violation]:
    """That something is masked in a text: it would overwrite what is real."""
    if isinstance(value, str) and contains_mask(value):
        yield Violation(field, InputWording.MASKED())


def invalid(violations: Iterable[Violation]) -> Iterator[UserError]:
    """The errors of values in the input that cannot be used."""
    for field, message in violations:
        yield user_error(UserErrorCode.INVALID, message, *field)


def refuse_if_any(errors: Iterable[UserError]) -> None:
    """Raises WriteRefusal with all of these errors where there is one."""
    if found := tuple(errors):
        raise WriteRefusal(*found)


def refused_by_platform(error: RefusedError) -> UserError:
    """The platform's no, for callers."""
    return user_error(UserErrorCode.UPSTREAM_REFUSED, WriteWording.REFUSED(), upstream_message=error.upstream_message)


NOT_APPLIED = user_error(UserErrorCode.UPSTREAM_REFUSED, WriteWording.NOT_APPLIED())


class Done(NamedTuple):
    """What the platform answered: the record written, and what else the payload shows."""

    record: RecordRef | None = None
    answer: Mapping[str, Any] | None = None


class Found(Enum):
    """What reading a write back shows; NOT_READ: what it would be looked for by is gone, and nothing was read."""

    APPLIED = "applied"
    NOT_APPLIED = "not applied"
    UNCLEAR = "unclear"
    NOT_READ = "not read"


class ReadBack(NamedTuple):
    """What a read-back found; `done` comes with APPLIED, `errors` with NOT_APPLIED."""

    found: Found
    done: Done = Done()
    errors: tuple[UserError, ...] = (NOT_APPLIED,)


class MarkSent(Protocol):
    """Commits that the first byte is about to leave; `expected` is what a reconciler looks for, if known only now."""

    async def __call__(self, expected: Mapping[str, Any] | None = None) -> None: ...


async def _check_nothing() -> None:
    """For writes that `perform` alone checks."""


Expected = Mapping[str, Any]
"""What a read-back goes by (`Operation.expected`)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Write:
    """One write. `arguments` are all that matter to the caller, for the fingerprint; the journal does not keep them.

    `check` finds out what is wrong before anything is sent, and what `expected` is where that takes reading: a dry run
    does no more. `perform` may check further; it marks the write sent and calls the platform. Both raise WriteRefusal,
    or the GatewayError of a call. `refusal` words the platform's no. `read_back` and `on_change` are those of
    `ReadsBack`; without `read_back` an unclear write stays UNKNOWN.
    """

    mutation: str
    arguments: object
    community_code: str | None
    perform: Callable[[MarkSent], Awaitable[Done]]
    check: Callable[[], Awaitable[Expected | None]] = _check_nothing
    refusal: Callable[[RefusedError], UserError] = refused_by_platform
    read_back: Callable[[Operation], Awaitable[ReadBack]] | None = None
    on_change: Callable[[Operation], None] | None = None
    idempotency_key: str | None = None
    reason: str | None = None
    record: RecordRef | None = None
    expected: Mapping[str, Any] | None = None


def refused_write(mutation: str, *errors: UserError) -> Write:
    """A write that is refused before it could name its record: to be recorded."""

    async def check() -> None:
        raise WriteRefusal(*errors)

    async def perform(_mark_sent: MarkSent) -> Done:
        return Done()

    return Write(mutation=mutation, arguments=None, community_code=None, check=check, perform=perform)


class ReadsBack(Protocol):
    """The actions of writes that can be read back later, by what the journal keeps of them."""

    async def read_back(self, operation: Operation) -> ReadBack:
        """Ask the platform what is so now. Raises GatewayError where it cannot be asked."""

    def on_change(self, operation: Operation) -> None:
        """Drop what is cached, publish what was done: when a write was sent, and when one is found applied later."""


class Written(msgspec.Struct, frozen=True):
    """The answer to a write. `planned` is the record that a dry run would write to, `seen` what its check expects."""

    outcome: Outcome
    user_errors: tuple[UserError, ...] = ()
    operation: Operation | None = None
    planned: RecordRef | None = None
    seen: Expected | None = None

    @property
    def record(self) -> RecordRef | None:
        """The record that is written, or would be."""
        return self.planned if self.operation is None else self.operation.record

    @property
    def expected(self) -> Expected:
        """What the record is to be like."""
        return (self.seen if self.operation is None else self.operation.expected) or {}

    @classmethod
    def of(cls, operation: Operation) -> "Written":
        """The answer that an operation recorded; UNKNOWN while it is under way."""
        return cls(operation.outcome or Outcome.UNKNOWN, operation.user_errors, operation)

    @classmethod
    def refused(cls, *errors: UserError) -> "Written":
        """A refusal that left no operation."""
        return cls(Outcome.REFUSED, errors)


async def plan(write: Write) -> Written:
    """What is known of a write before anything is sent: PLANNED, or why it would be refused. Nothing is recorded.

    Raises GatewayError where that cannot be found out.
    """
    try:
        seen = await write.check()
    except WriteRefusal as refusal:
        return Written(Outcome.REFUSED, refusal.errors, planned=refusal.record)
    except RefusedError as error:
        return Written.refused(refused_by_platform(error))
    return Written(Outcome.PLANNED, planned=write.record, seen=seen)


class RowRef(NamedTuple):
    """A row as a caller's id names it. `type` is its public name; `community_code` is None for a bare number."""

    type: str
    platform_id: int
    community_code: str | None

    @classmethod
    def of(cls, operation: Operation) -> "RowRef":
        """The row that an operation is about. Raises ValueError where it names none."""
        if operation.record is None:
            raise ValueError("an operation on a row names it")
        return cls(operation.record.type, int(operation.record.platform_id), operation.record.community_code)

    def record(self) -> RecordRef:
        return RecordRef(self.type, self.community_code, str(self.platform_id))


def write_each(rows: Iterable[RowRef], write: Callable[[RowRef], Write]) -> dict[int, Write]:
    """A write for each row, by its number: one for a row that is named twice.

    A bare number does not name the row's community: where it is given both ways, the id's counts.
    """
    rows = sorted(rows, key=lambda row: row.community_code is not None)
    return {row.platform_id: write(row) for row in {row.platform_id: row for row in rows}.values()}
