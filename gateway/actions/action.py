"""What a write is declared by, once: its mutations, its dry run, its event, what caches drop and its read-back derive.

    class SetModule(Action[Switch]):
        mutation = "setModule"
        scope = Scope.MODULE_WRITE
        endpoint = MODULE
        stale = ("modules", "modules-sync")
        ...

`RowUpdate` has more for those that change a row of a list.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import msgspec

from gateway.auth.masking import contains_mask, mask_text
from gateway.auth.principal import Principal, Scope
from gateway.errors import RefusedError
from gateway.events import EventBus, ReadsDropped
from gateway.journal.journal import Clock, Journal
from gateway.journal.records import NewEvent, Operation, RecordRef, UserError
from gateway.loaders.lists import RecordList, Watched
from gateway.loaders.paging import Identified
from gateway.normalise.records import public_name
from gateway.normalise.vocabulary import Outcome, UserErrorCode, WireEnum
from gateway.platforms.endpoint import Endpoint
from gateway.platforms.platforms import Platforms
from gateway.platforms.wjdh import Form
from gateway.wording.inputs import InputWording, WriteWording
from gateway.wording.wording import Text, Violation

AskedT = TypeVar("AskedT")
RowT = TypeVar("RowT", bound=Identified)


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
        min=message.bounds.get("min"),
        max=message.bounds.get("max"),
        upstream_message=None if upstream_message is None else mask_text(upstream_message),
    )


def unrecognized(value: WireEnum, *field: str) -> Iterator[Violation]:
    """That an enum value names nothing that could be sent."""
    if value.name == "UNRECOGNIZED":
        yield Violation(field, InputWording.UNRECOGNIZED(field=".".join(("input", *field))))


def too_long(text: str | None, longest: int, *field: str) -> Iterator[Violation]:
    """That a text is longer than that."""
    if text is not None and len(text) > longest:
        yield Violation(field, InputWording.LENGTH_AT_MOST(field=".".join(field), max=longest))


def masked(value: object, *field: str) -> Iterator[Violation]:
    """That something is masked in a text: it would overwrite what is real."""
    if isinstance(value, str) and contains_mask(value):
        yield Violation(field, InputWording.MASKED())


def invalid(violations: Iterable[Violation]) -> tuple[UserError, ...]:
    """The errors of values in the input that cannot be used."""
    return tuple([user_error(UserErrorCode.INVALID, message, *field) for field, message in violations])


def refused_by_platform(error: RefusedError) -> UserError:
    """The platform's no, for callers."""
    return user_error(UserErrorCode.UPSTREAM_REFUSED, WriteWording.REFUSED(), upstream_message=error.upstream_message)


class Done(NamedTuple):
    """What came of a write: it is done, or it is not, for its `errors`. The record written, and what else the payload
    shows.
    """

    record: RecordRef | None = None
    answer: Mapping[str, Any] | None = None
    errors: tuple[UserError, ...] = ()


NOT_APPLIED = Done(errors=(user_error(UserErrorCode.UPSTREAM_REFUSED, WriteWording.NOT_APPLIED()),))


class Undecided(Enum):
    """That reading a write back does not show what came of it; NOT_READ: what it would be looked for by is gone, and
    nothing was read; NEVER: no platform shows writes of its kind.
    """

    UNCLEAR = "unclear"
    NOT_READ = "not read"
    NEVER = "never"


Expected = Mapping[str, Any]  # what a read-back goes by (`Operation.expected`)


class Prepared(NamedTuple):
    """A write that may be carried out, by `call`; what is `expected` of it is recorded before. Without `sends`, nothing
    is to be sent to a platform.
    """

    call: Callable[[], Awaitable[Done | None]]
    expected: Expected | None = None
    sends: bool = True


class Written(msgspec.Struct, frozen=True):
    """The answer to a write. `record` is the one that is written, or would be; `expected` what it is to be like."""

    outcome: Outcome
    user_errors: tuple[UserError, ...] = ()
    record: RecordRef | None = None
    expected: Expected | None = None
    operation: Operation | None = None

    @classmethod
    def of(cls, operation: Operation) -> "Written":
        """The answer that an operation recorded; UNKNOWN while it is under way."""
        outcome = operation.outcome or Outcome.UNKNOWN
        return cls(outcome, operation.user_errors, operation.record, operation.expected, operation)

    @classmethod
    def refused(cls, *errors: UserError) -> "Written":
        """A refusal that left no operation."""
        return cls(Outcome.REFUSED, errors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What actions work with. `digest` gives a text as `Operation.expected` may hold it: equal for equal texts."""

    platforms: Platforms
    journal: Journal
    events: EventBus
    clock: Clock
    digest: Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Write(Generic[AskedT]):
    """One write: what is `asked` of an action, of the `record` if there is one already, with the caller's `key`.

    It is refused with its `errors` if it has any.
    """

    action: "Action[AskedT]"
    asked: AskedT
    record: RecordRef | None = None
    errors: tuple[UserError, ...] = ()
    key: str | None = None

    @property
    def community_code(self) -> str | None:
        """Where it writes to; None where that is not known."""
        if self.record is not None:
            return self.record.community_code
        return getattr(self.asked, "community_code", None) or None


class Action(ABC, Generic[AskedT]):
    """A kind of write. One object per process; who asks, and for what, is an argument.

    A class that does not declare its `mutation`, its `scope`, the `endpoint` that it calls, and the names of those
    whose answers are `stale` then cannot be made.
    """

    mutation: ClassVar[str]
    scope: ClassVar[Scope]
    endpoint: ClassVar[Endpoint]
    stale: ClassVar[tuple[str, ...]]
    community_field: ClassVar[tuple[str, ...]] = ("communityCode",)

    def __init_subclass__(cls, *, is_base: bool = False) -> None:
        """Raises TypeError."""
        super().__init_subclass__()
        missing = [name for name in ("mutation", "scope", "endpoint", "stale") if not hasattr(cls, name)]
        if missing and not is_base:
            raise TypeError(f"{cls.__name__} does not declare its {', '.join(missing)}")

    def __init__(self, services: Services) -> None:
        self.services = services
        self.platforms = services.platforms
        self.wjdh = services.platforms.wjdh

    def wrong(self, _asked: AskedT) -> Iterable[Violation]:
        """What no input of the mutation can be."""
        return ()

    def violations(self, _asked: AskedT) -> Iterable[Violation]:
        """What the write is refused for."""
        return ()

    def community_code(self, asked: AskedT) -> str | None:
        """The community that the input names in its `community_field`: it has to be the caller's."""
        code: str | None = getattr(asked, "community_code", None)
        return code

    def judge(self, principal: Principal, asked: AskedT, violations: Iterable[Violation]) -> tuple[UserError, ...]:
        """What the write is refused with, whatever the platform has: its `violations`, and a community that is not the
        caller's. Raises ForbiddenError for a caller without the scope.
        """
        principal.require(self.scope)
        code, field, errors = self.community_code(asked), self.community_field, invalid(violations)
        if code is None or principal.sees(code):
            return errors
        foreign = user_error(UserErrorCode.FORBIDDEN_COMMUNITY, WriteWording.OTHER_COMMUNITY(), *field)
        return (foreign, *(error for error in errors if error.field != field))

    def record(self, _asked: AskedT) -> RecordRef | None:
        """The record that is written to, where there is one already."""
        return None

    def write(
        self, asked: AskedT, key: str | None = None, errors: tuple[UserError, ...] = (), record: RecordRef | None = None
    ) -> Write[AskedT]:
        """The write of what is asked; of a row of a list, to the `record`."""
        return Write(action=self, asked=asked, record=record or self.record(asked), errors=errors, key=key)

    def arguments(self, write: Write[AskedT]) -> object:
        """All that matters to the caller, for the fingerprint; the journal does not keep it."""
        return write.asked if write.record is None else [write.record.platform_id, write.asked]

    def reason(self, _asked: AskedT) -> str | None:
        """What the caller gives as the reason: the operation keeps it."""
        return None

    @abstractmethod
    async def prepare(self, write: Write[AskedT]) -> Prepared:
        """Find out whether it can be done, before anything is sent: a dry run does no more.

        Raises WriteRefusal, or the GatewayError of a call. So does the call that is prepared; one that was sent, the
        GatewayError alone.
        """

    def refusal(self, _write: Write[AskedT], error: RefusedError) -> UserError:
        """The platform's no, for callers."""
        return refused_by_platform(error)

    async def read_back(self, _operation: Operation, _write: Write[AskedT] | None = None) -> Done | Undecided:
        """Ask the platform what is so now. `write` is there right after it, and is not when it is read back later.

        Raises GatewayError where the platform cannot be asked.
        """
        return Undecided.NEVER

    @classmethod
    def event(cls, _operation: Operation) -> NewEvent | None:
        """What the operation changes in a list that is watched, once it is confirmed; None: nothing."""
        return None

    def drop_reads(self, operation: Operation) -> None:
        """What was read before is out of date: when a write was sent, and when one is found applied later."""
        if self.stale:
            self.services.events.publish(ReadsDropped(operation.community_code, self.stale))


async def prepare(write: Write[Any]) -> Prepared:
    """As the action does, which raises WriteRefusal; here also for a platform's no to what is to be read first."""
    if write.errors:
        raise WriteRefusal(*write.errors)
    try:
        return await write.action.prepare(write)
    except RefusedError as error:
        raise WriteRefusal(refused_by_platform(error)) from None


async def plan(write: Write[Any]) -> Written:
    """What is known of a write before anything is sent: PLANNED, or why it would be refused. Nothing is recorded.

    Raises GatewayError where that cannot be found out.
    """
    try:
        prepared = await prepare(write)
    except WriteRefusal as refusal:
        return Written(Outcome.REFUSED, refusal.errors, refusal.record)
    return Written(Outcome.PLANNED, (), write.record, prepared.expected)


class RowUpdate(Action[AskedT], Generic[AskedT, RowT], is_base=True):
    """Changes attributes of a row of a list. It is read first; and its state before and after tell a read-back whether
    it was changed.

    `written` are the attributes that are changed, its status first. An attribute of what is asked that says nothing
    leaves the row's as it is (quirk 55).
    """

    records: ClassVar[RecordList[Any]]
    watched: ClassVar[Watched[Any]]
    written: ClassVar[tuple[str, ...]] = ("status",)

    def __init_subclass__(cls, *, is_base: bool = False) -> None:
        """Raises TypeError for a list that is not watched: subscribers would not learn of the write."""
        if not is_base:
            if cls.records.watched is None:
                raise TypeError(f"{cls.__name__}: the list of {cls.records.type_name} is not watched")
            cls.watched = cls.records.watched
            cls.stale = cls.records.shown_by
        super().__init_subclass__(is_base=is_base)

    @abstractmethod
    async def form(self, row: RowT, asked: AskedT) -> Form:
        """What is sent, besides the number of the row. Raises WriteRefusal where the row is not to be changed."""

    async def send(self, _write: Write[AskedT], form: Mapping[str, Any]) -> Done | None:
        """Change the row."""
        await self.wjdh.succeed(self.endpoint, form)
        return None

    def expected(self, row: RowT, asked: AskedT) -> dict[str, Any]:
        """What a read-back, the event and the caches go by: the state of the row before it is changed, and after."""
        after = [self._recorded(getattr(asked, name) or getattr(row, name)) for name in self.written]
        return {"before": self._state(row), "after": after}

    def read_otherwise(self, _row: RowT) -> Done | Undecided:
        """Of a row that is as it was neither before nor was to be after."""
        return Undecided.UNCLEAR

    def done(self, _row: RowT, _operation: Operation) -> Done:
        """What the payload shows of a row that is read back, and changed."""
        return Done()

    def no_such(self) -> UserError:
        return user_error(UserErrorCode.NOT_FOUND, WriteWording.NO_SUCH(record=self.records.noun), "id")

    async def prepare(self, write: Write[AskedT]) -> Prepared:
        row = await self.read(write.record)
        if row is None:
            raise WriteRefusal(self.no_such())
        form = {"id": row.platform_id, **await self.form(row, write.asked)}
        return Prepared(partial(self.send, write, form), self.expected(row, write.asked))

    async def read(self, record: RecordRef | None) -> RowT | None:
        """The row as it is now."""
        if record is None:
            raise ValueError("a write to a row names it")
        row: RowT | None = await self.records.read_record(self.wjdh, int(record.platform_id), record.community_code)
        return row

    async def read_back(self, operation: Operation, _write: Write[AskedT] | None = None) -> Done | Undecided:
        row: Any = await self.read(operation.record)
        names = [public_name(name) for name in self.written]
        expected = operation.expected or {}
        if row is None or "after" not in expected or any(issue.field in names for issue in row.data_issues):
            return Undecided.UNCLEAR
        state = self._state(row)
        if state == expected["after"]:
            return self.done(row, operation)
        return NOT_APPLIED if state == expected["before"] else self.read_otherwise(row)

    @classmethod
    def event(cls, operation: Operation) -> NewEvent | None:
        record, expected = operation.record, operation.expected or {}
        if record is None or record.community_code is None or "after" not in expected:
            return None
        before, after = expected["before"][0], expected["after"][0]
        return NewEvent(
            topic=cls.watched.topic,
            community_code=record.community_code,
            record_id=record.platform_id,
            kind=cls.watched.kind(before, after),
            status=after,
            written=True,
        )

    def _state(self, row: RowT) -> list[str]:
        return [self._recorded(getattr(row, name)) for name in self.written]

    def _recorded(self, value: Any) -> str:
        """A value as the journal may hold it."""
        return value.value if isinstance(value, WireEnum) else self.services.digest((value or "").strip())
