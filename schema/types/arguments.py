"""Arguments that many fields take, and their checks."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, TypeVar

import strawberry

from gateway.context import Info
from gateway.errors import UserInputError, violations_of
from gateway.normalise.plausible import code_problem
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
        yield from violations_of(community, code)
    for index, each in enumerate(codes or ()):
        yield from violations_of(community, each, f"communityCodes.{index}")


def communities_of(info: Info, code: str | None) -> frozenset[str] | None:
    """Which communities to read, None for all: the given one, or all that the caller may see. Empty: not to be seen."""
    seen = info.context.principal.communities
    if code is None:
        return seen
    checked = community(code)
    return frozenset({checked}) if info.context.principal.sees(checked) else frozenset()


def recognized(value: EnumT | None, argument: str) -> EnumT | None:
    """An enum value that can be asked for or sent. Raises UserInputError for UNRECOGNIZED, which names nothing."""
    if value is not None and value.name == "UNRECOGNIZED":
        raise UserInputError(argument, InputWording.UNRECOGNIZED(field=argument))
    return value
