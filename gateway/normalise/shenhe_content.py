"""The content of a review: what the applicant filled in (preface 审核数据)."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from gateway.normalise.field import Correction, Field
from gateway.normalise.house import OCCUPANT_TYPE, OWNERSHIP, ROLE, STATUS, USE, House
from gateway.normalise.kinds import IDENTIFIER, INTEGER
from gateway.normalise.person import Person
from gateway.normalise.plausible import code_problem, number_problem
from gateway.normalise.records import DataIssue, Int32, Issues, Record, ReviewKey, raw_text
from gateway.normalise.shapes import NotJsonError, read_json
from gateway.normalise.table import Rows
from gateway.normalise.values import is_blank
from gateway.normalise.vocabulary import (
    DataProblem,
    HouseOwnership,
    HouseStatus,
    HouseUse,
    OccupantType,
    PlatformName,
    ResidentRole,
)

if TYPE_CHECKING:
    from gateway.normalise.wire import Wire


class ShenhePeople(Person, frozen=True, gc=False):
    """The applicant inside a review's content (preface 审核数据; job and company are merged in)."""

    user_id: Annotated[
        Int32 | None, Field("The applicant's number in the mini program (用户id).", "user_id", INTEGER)
    ] = None
    review: Annotated[ReviewKey | None, Field()] = None


def _part(description: str, key: str, part: str, correction: str | None = None) -> Field:
    correct = Correction(lambda number, _today: number_problem(part, number), correction)
    return Field(description, key, INTEGER, correction=correct)


class ShenheHouse(Record, frozen=True, gc=False):
    """The house inside a review's content. `community_code` is what the applicant's form held: no proof (quirk 66).

    The row's `id` is an internal one and is not read (quirk 70).
    """

    community_code: Annotated[
        str | None,
        Field(
            "The community in the applicant's form: a legacy number at times, no proof of anything (小区标识).",
            "community_identifier",
            IDENTIFIER,
            free_text=True,
            identifier=True,
            correction=Correction(
                lambda code, _today: code_problem(code), "The community, one that the reviewer may see (小区标识)."
            ),
        ),
    ] = None
    building: Annotated[Int32 | None, _part("Building number (楼号).", "building_number", "building")] = None
    unit: Annotated[Int32 | None, _part("Unit number (单元号).", "unit_number", "unit")] = None
    floor: Annotated[
        Int32 | None, _part("Floor (楼层).", "floor_number", "floor", "Floor; below 0 is below ground (楼层).")
    ] = None
    room: Annotated[Int32 | None, _part("Room (房间号).", "house_number", "room")] = None
    role: Annotated[
        ResidentRole | None, msgspec.structs.replace(ROLE, description="The applicant's role in the house (居民角色).")
    ] = None
    status: Annotated[HouseStatus | None, STATUS] = None
    use: Annotated[HouseUse | None, USE] = None
    ownership: Annotated[HouseOwnership | None, OWNERSHIP] = None
    occupant_type: Annotated[OccupantType | None, OCCUPANT_TYPE] = None
    data_issues: tuple[DataIssue, ...] = ()
    review: Annotated[ReviewKey | None, Field()] = None

    @property
    def house(self) -> House | None:
        """The house at this address in the community of the review; None when a part of that is unknown."""
        community_code = self.review and self.review[0]
        if community_code is None or None in (self.building, self.unit, self.floor, self.room):
            return None
        return House(
            community_code=community_code, building=self.building, unit=self.unit, floor=self.floor, room=self.room
        )


class ShenheContent(Record, frozen=True, gc=False):
    """A review's content: parsed, and word for word in `raw` (unmasked here)."""

    user_id: Int32 | None = None
    people: ShenhePeople | None = None
    house: ShenheHouse | None = None
    raw: str | None = None
    review: ReviewKey | None = None


APPLICANTS = Rows(ShenhePeople, PlatformName.WJDH)
APPLIED_HOUSES = Rows(ShenheHouse, PlatformName.WJDH)


class _AnyContent(msgspec.Struct, gc=False):
    people: Any = None
    job: Any = None
    company: Any = None
    house: Any = None


def documented_content(wire: "Wire") -> Callable[[str], Any]:
    """What decodes a content that came as documented."""
    parts: dict[str, Any] = dict.fromkeys(("job", "company"), dict[str, str | None])
    parts |= {"people": wire.table(APPLICANTS).documented, "house": wire.table(APPLIED_HOUSES).documented}
    content = msgspec.defstruct("Content", [(name, part | None, None) for name, part in parts.items()], gc=False)
    return msgspec.json.Decoder(content).decode


def read_content(
    value: object, path: str, issues: Issues, platform_id: int, community_code: str | None
) -> ShenheContent | None:
    """The content of a review, from JSON text or an object; what is neither is kept as it came (quirk 114)."""
    wire, review = issues.source.wire, (community_code, platform_id)
    content = _decoded(wire.made(documented_content), value) if isinstance(value, str) else None
    if content is None:
        content = _any_content(value)
    if content is None:
        issues.add(path, value, DataProblem.MISSING if is_blank(value) else DataProblem.MALFORMED)
        return None if is_blank(value) else ShenheContent(raw=raw_text(value), review=review)
    people = content.people
    job, company = _named(content.job, "job_name"), _named(content.company, "company_name")
    if isinstance(people, dict):
        people = {**people, "job_name": job, "company_name": company}
    elif isinstance(people, msgspec.Struct):
        people.job_name, people.company_name = job, company  # type: ignore[attr-defined] # of the documented row
    applicant = wire.table(APPLICANTS).read(people, issues.gathered, review)
    house = wire.table(APPLIED_HOUSES).read(content.house, issues.gathered, review)
    if applicant is None and not _is_absent(people):
        issues.add(f"{path}.people", people, DataProblem.MALFORMED)
    if house is None and not _is_absent(content.house):
        issues.add(f"{path}.house", content.house, DataProblem.MALFORMED)
    user_id = None if applicant is None else applicant.user_id
    return ShenheContent(user_id, applicant, house, raw_text(value), review)


def _decoded(decode: Callable[..., Any], value: object) -> Any:
    """The content, if it is of this form and has people or a house; None otherwise."""
    try:
        content = decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return None if _is_absent(content.people) and _is_absent(content.house) else content


def _any_content(value: object) -> Any:
    """None for what is no object, or has neither people nor house: whatever it is, it is no application."""
    try:
        value = read_json(value) if isinstance(value, str) else value  # which may be encoded twice
    except NotJsonError:
        return None
    return _decoded(partial(msgspec.convert, type=_AnyContent), value)


def _named(part: object, key: str) -> Any:
    return part.get(key) if isinstance(part, dict) else part or None


def _is_absent(part: object) -> bool:
    """Whether a part of the content is left out, or empty as PHP spells it."""
    return part is None or part == []
