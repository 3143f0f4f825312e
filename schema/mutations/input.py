"""What all mutations do with their input."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import strawberry

from gateway.actions.row import RowRef, write_each
from gateway.actions.write import Write, Written, refused_write, user_error
from gateway.context import Info
from gateway.errors import UserInputError
from gateway.journal.records import RecordRef, UserError
from gateway.normalise.states import UserErrorCode
from schema.types.costs import MOST_ENTRIES

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
        raise UserInputError(
            "input.idempotencyKey", f"idempotencyKey must have 1 to {LONGEST_KEY} printable ASCII characters."
        )
    return key


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


async def not_found(info: Info, mutation: str, what: str) -> Written:
    """An id that leads the caller nowhere: never distinguished from a record that is not there."""
    return await info.context.actions.refuse(info.context.principal, mutation, _no_such(what))


def _no_such(what: str) -> UserError:
    return user_error(UserErrorCode.NOT_FOUND, f"There is no such {what}.", "id")


def entries(name: str, given: Sequence[Any], most: int = MOST_ENTRIES) -> None:
    """Raises UserInputError for a list that has no entries, or too many for one mutation."""
    if not 1 <= len(given) <= most:
        raise UserInputError(f"input.{name}", f"{name} must have 1 to {most} entries.")


def entry_key(key: str | None, entry: Hashable) -> str | None:
    """The key of one entry, by what names it within the mutation."""
    return None if key is None else f"{key}/{entry}"


def entry_write(mutation: str, make: Callable[[], Write]) -> Write:
    """The write of an entry. An input that the single mutation would refuse as a whole refuses this entry alone."""
    try:
        return make()
    except UserInputError as error:
        field = error.argument.removeprefix("input.").split(".")
        return refused_write(mutation, user_error(UserErrorCode.INVALID, error.message, *field))


def row_writes(
    mutation: str, what: str, rows: Sequence[RowRef | None], write: Callable[[RowRef], Write]
) -> list[Write]:
    """The writes of rows, in order: one for a row that is named twice, a refusal for an id that leads nowhere."""
    writes = write_each([row for row in rows if row is not None], write)
    return [refused_write(mutation, _no_such(what)) if row is None else writes[row.platform_id] for row in rows]


async def write_all(info: Info, writes: Sequence[Write], *, dry_run: bool = False) -> list[Written]:
    """Carry them out: a result each, in order."""
    context = info.context
    written = await context.actions.bulk.carry_out(context.principal, writes, context.deadline, dry_run=dry_run)
    context.loaders.forget()
    return written
