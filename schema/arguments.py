"""Arguments and inputs that many fields take, and their checks."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, TypeVar

import strawberry

from gateway.actions.identity import named_record
from gateway.actions.row import RowRef, write_each
from gateway.actions.write import Write, Written, invalid, refused_write, user_error
from gateway.auth.node_ids import InvalidNodeIdError, resolve_node_id
from gateway.context import Info
from gateway.errors import UserInputError, find_violations, refuse_input
from gateway.journal.records import RecordRef, UserError
from gateway.normalise import records
from gateway.normalise.house import House as HouseRecord
from gateway.normalise.plausible import LARGEST_PART, code_problem
from gateway.normalise.states import UserErrorCode
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from gateway.wording.writes import WriteWording
from schema.costs import MOST_ENTRIES

EnumT = TypeVar("EnumT", bound=StrEnum)

CommunityCode = Annotated[
    strawberry.ID,
    strawberry.argument(
        description='Code of the community, such as "10002" or "00001": a text, zeros kept (小区标识).'
    ),
]

OptionalCommunityCode = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Only of this community; omitted: of all the caller may see (小区标识)."),
]
Building = Annotated[int, strawberry.argument(description="Building number (楼号).")]
Unit = Annotated[int, strawberry.argument(description="Unit number (单元号).")]
Floor = Annotated[int, strawberry.argument(description="Floor (楼层).")]
Room = Annotated[int, strawberry.argument(description="Room (房间号).")]


def community(code: str, argument: str = "communityCode") -> str:
    """The code as it goes to a platform. Raises UserInputError when no community can have it."""
    problem = code_problem(code)
    if problem is not None:
        raise UserInputError(argument, problem(field=argument))
    return str(code)


def wrong_codes(code: str | None, codes: Sequence[str] | None = None) -> Iterator[Violation]:
    """What is wrong with the arguments `communityCode` and `communityCodes`."""
    if code is not None:
        yield from find_violations(community, code)
    for index, each in enumerate(codes or ()):
        yield from find_violations(community, each, f"communityCodes.{index}")


def get_communities(info: Info, code: str | None) -> frozenset[str] | None:
    """Which communities to read, None for all: the given one, or all that the caller may see. Empty: not to be seen."""
    seen = info.context.principal.communities
    if code is None:
        return seen
    checked = community(code)
    return frozenset({checked}) if info.context.principal.sees(checked) else frozenset()


def record(info: Info, node_id: str, argument: str) -> RecordRef | str:
    """What the journal calls the record of a node id, which the caller may not see for that. Raises UserInputError."""
    try:
        return named_record(info.context.ids, node_id)
    except InvalidNodeIdError:
        raise UserInputError(argument, InputWording.NODE_ID(field=argument)) from None


def wrong_name(value: str | None, longest: int, *path: str) -> Iterator[Violation]:
    """What is wrong with a text that somebody or something is called by."""
    if value is not None and not 1 <= len(value) <= longest:
        yield Violation(path, InputWording.LENGTH(field=".".join(path), min=1, max=longest))


EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def wrong_period(since: datetime | None, until: datetime | None, *within: str) -> Iterator[Violation]:
    """A time that nothing in the journal can have, and a period that ends before it begins."""
    for name, moment in (("since", since), ("until", until)):
        if moment is not None and not EARLIEST <= moment < LATEST:
            field, first, last = ".".join((*within, name)), EARLIEST.year, LATEST.year - 1
            yield Violation((*within, name), InputWording.YEAR(field=field, min=first, max=last))
    if since is not None and until is not None and until <= since:
        field, other = ".".join((*within, "until")), ".".join((*within, "since"))
        yield Violation((*within, "until"), InputWording.AFTER(field=field, other=other))


def recognized(value: EnumT | None, argument: str) -> EnumT | None:
    """An enum value that can be asked for or sent. Raises UserInputError for UNRECOGNIZED, which names nothing."""
    if value is not None and value.name == "UNRECOGNIZED":
        raise UserInputError(argument, InputWording.UNRECOGNIZED(field=argument))
    return value


def house_at(key: records.HouseKey, argument: str = "") -> HouseRecord:
    """The house of an address. Raises UserInputError for a number that no address has."""
    parts = key._asdict()
    refuse_input(
        Violation(
            tuple((argument + part).split(".")),
            InputWording.BEYOND(field=argument + part, min=-LARGEST_PART, max=LARGEST_PART),
        )
        for part in key._fields[1:]
        if abs(parts[part]) > LARGEST_PART
    )
    return HouseRecord(**parts)


LONGEST_KEY = 128

KEY = (
    f"The caller's own key for this write, 1 to {LONGEST_KEY} printable ASCII characters: "
    "the same key and arguments give the same result, once (幂等键)."
)
OPTIONAL_KEY = f"{KEY} Without one, the platform's own state guards against doing it twice."
EACH_KEY = f"{KEY} It covers each entry by itself: a repeat sends only what was not sent."
OPTIONAL_EACH_KEY = f"{EACH_KEY} Without one, the platform's own state guards against doing it twice."


def idempotency_key(key: str | None) -> str | None:
    """The key as it is kept. Raises UserInputError for one that cannot be."""
    if key is not None and (not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable()):
        raise UserInputError("input.idempotencyKey", InputWording.KEY(field="idempotencyKey", min=1, max=LONGEST_KEY))
    return key


def require(*found: Iterable[Violation], besides: Callable[[], Iterable[Violation]] = tuple) -> None:
    """Raises UserInputError where something is `found` wrong.

    It then has as well what is wrong `besides` and would alone be a refusal with `userErrors`: all of it at once.
    """
    wrong = [violation for some in found for violation in some]
    if wrong:
        refuse_input(wrong, (Violation(("input", *field), message) for field, message in besides()))


def at_most(field: str, text: str | None, longest: int) -> Iterable[Violation]:
    """That a text of the input is longer than that."""
    if text is not None and len(text) > longest:
        yield Violation(("input", field), InputWording.LENGTH_AT_MOST(field=field, max=longest))


def given(values: object) -> dict[str, Any]:
    """The attributes of an input that were given; null counts as not given, as it does for the platforms (quirk 55)."""
    return {name: value for name, value in vars(values).items() if value is not None and value is not strawberry.UNSET}


def finished(info: Info, written: Written) -> Written:
    """The payload's source. What this request read before may be out of date now, and is read anew."""
    info.context.loaders.forget()
    return written


def written_record(info: Info, written: Written) -> RecordRef | None:
    """The record of a write, as long as the caller may see its community.

    An idempotency key outlives the token it was used with: who has lost a community since is not shown its records.
    """
    record = written.record
    return record if record and info.context.principal.sees(record.community_code) else None


def row(info: Info, node_id: str, type_name: str) -> RowRef | None:
    """The row that the id names, if it is of this type and the caller may see its community."""
    node = resolve_node_id(info.context.principal, info.context.ids, node_id, type_name)
    return node and RowRef(type_name, int(node.parts[0]), node.community_code)


async def not_found(info: Info, mutation: str, what: str, wrong: Iterable[UserError] = ()) -> Written:
    """An id that leads the caller nowhere: never distinguished from a record that is not there.

    So what is `wrong` with the input is the refusal first, as it is where there is such a record.
    """
    errors = tuple(wrong) or (_no_such(what),)
    return await info.context.actions.refuse(info.context.principal, mutation, *errors)


def _no_such(what: str) -> UserError:
    return user_error(UserErrorCode.NOT_FOUND, WriteWording.NO_SUCH(record=what), "id")


def entries(name: str, given: Sequence[Any], most: int = MOST_ENTRIES) -> None:
    """Raises UserInputError for a list that has no entries, or too many for one mutation."""
    if not 1 <= len(given) <= most:
        raise UserInputError(f"input.{name}", InputWording.COUNT(field=name, min=1, max=most))


def entry_key(key: str | None, entry: Hashable) -> str | None:
    """The key of one entry, by what names it within the mutation."""
    return None if key is None else f"{key}/{entry}"


def entry_write(mutation: str, make: Callable[[], Write]) -> Write:
    """The write of an entry. An input that the single mutation would refuse as a whole refuses this entry alone."""
    try:
        return make()
    except UserInputError as error:
        within = (Violation(violation.field[1:], violation.message) for violation in error.violations)
        return refused_write(mutation, *invalid(within))


def row_writes(
    mutation: str,
    what: str,
    rows: Sequence[RowRef | None],
    write: Callable[[RowRef], Write],
    wrong: Iterable[UserError] = (),
) -> list[Write]:
    """The writes of rows, in order: one for a row that is named twice, a refusal for an id that leads nowhere.

    What is `wrong` with the rest of the input is that refusal, as in `not_found`.
    """
    writes = write_each([row for row in rows if row is not None], write)
    errors = tuple(wrong) or (_no_such(what),)
    return [refused_write(mutation, *errors) if row is None else writes[row.platform_id] for row in rows]


def community_writes(mutation: str, codes: Sequence[str], write: Callable[[str], Write]) -> list[Write]:
    """The writes of communities, in order: one for a code that is named twice, a refusal for what is no code."""

    def make(code: str) -> Write:
        return write(community(code, "input.communityCodes"))

    writes = {code: entry_write(mutation, partial(make, code)) for code in codes}
    return [writes[code] for code in codes]


async def write_all(info: Info, writes: Sequence[Write], *, dry_run: bool = False) -> list[Written]:
    """Carry them out: a result each, in order."""
    context = info.context
    written = await context.actions.bulk.carry_out(context.principal, writes, context.deadline, dry_run=dry_run)
    context.loaders.forget()
    return written


def results_field(payload: type, entry: str) -> Any:
    """The field `results` of what several writes of one mutation give: a `payload` for each `entry`."""

    def results(root: strawberry.Parent[list[Written]]) -> list[Written]:
        return root

    return strawberry.field(
        results,
        description=f"One result for each {entry}, in their order (结果列表).",
        graphql_type=list[payload],  # type: ignore[valid-type]  # known when the schema is built
    )
