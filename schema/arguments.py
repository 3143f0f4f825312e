"""Arguments that many fields take, and their checks."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, TypeVar

import strawberry

from gateway.actions.identity import named_record
from gateway.auth.node_ids import InvalidNodeIdError
from gateway.context import Info
from gateway.errors import UserInputError, find_violations, refuse_input
from gateway.journal.records import RecordRef
from gateway.normalise import records
from gateway.normalise.house import House as HouseRecord
from gateway.normalise.plausible import LARGEST_PART, code_problem
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation

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
