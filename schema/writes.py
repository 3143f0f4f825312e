"""What all mutations do with their input."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import Any

import strawberry

from gateway.actions.write import RowRef, Write, Written, invalid, refused_write, user_error, write_each
from gateway.auth.node_ids import resolve_node_id
from gateway.context import Info
from gateway.errors import UserInputError, refuse_input
from gateway.journal.records import RecordRef, UserError
from gateway.normalise.states import UserErrorCode
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from gateway.wording.writes import WriteWording
from schema.arguments import community
from schema.costs import MOST_ENTRIES

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
    """The key of one entry, by what names it within the mutation. No caller's own key has this separator."""
    return None if key is None else f"{key}\N{MIDDLE DOT}{entry}"


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
