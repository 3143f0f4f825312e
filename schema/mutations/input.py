"""What all mutations do with their input."""

from typing import Any

import strawberry

from gateway.actions.write import Written, user_error
from gateway.context import Info
from gateway.errors import UserInputError
from gateway.journal.records import RecordRef
from gateway.normalise.states import UserErrorCode

LONGEST_KEY = 128

KEY = (
    f"The caller's own key for this write, 1 to {LONGEST_KEY} printable ASCII characters: "
    "the same key and arguments give the same result, once (幂等键)."
)
OPTIONAL_KEY = f"{KEY} Without one, the platform's own state guards against doing it twice."


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
    record = written.operation.record if written.operation else None
    return record if record and info.context.principal.sees(record.community_code) else None


async def not_found(info: Info, mutation: str, what: str) -> Written:
    """An id that leads the caller nowhere: never distinguished from a record that is not there."""
    error = user_error(UserErrorCode.NOT_FOUND, f"There is no such {what}.", "id")
    return await info.context.actions.refuse(info.context.principal, mutation, error)
