"""The content of a review: what the applicant filled in (preface 审核数据)."""

from typing import Annotated, Any

import msgspec

from gateway.normalise.field import Correction, Field, Kind
from gateway.normalise.generated import generated
from gateway.normalise.house import OCCUPANT_TYPE, OWNERSHIP, ROLE, STATUS, USE, House
from gateway.normalise.issues import Issues, raw_text
from gateway.normalise.kinds import IDENTIFIER, INTEGER
from gateway.normalise.person import Person
from gateway.normalise.plausible import code_problem, number_problem
from gateway.normalise.records import DataIssue, Int32, Record, ReviewKey
from gateway.normalise.table import Table
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


class ShenhePeople(Person, frozen=True, gc=False):
    """The applicant inside a review's content (preface 审核数据; job and company are merged in)."""

    user_id: Annotated[
        Int32 | None, Field("The applicant's number in the mini program (用户id).", "user_id", INTEGER)
    ] = None
    review: Annotated[ReviewKey | None, Field()] = None


def _part(part: str, description: str | None = None) -> Correction:
    return Correction(lambda number, _today: number_problem(part, number), description)


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
    building: Annotated[
        Int32 | None,
        Field("Building number (楼号).", "building_number", INTEGER, correction=_part("building")),
    ] = None
    unit: Annotated[
        Int32 | None,
        Field("Unit number (单元号).", "unit_number", INTEGER, correction=_part("unit")),
    ] = None
    floor: Annotated[
        Int32 | None,
        Field(
            "Floor (楼层).",
            "floor_number",
            INTEGER,
            correction=_part("floor", "Floor; below 0 is below ground (楼层)."),
        ),
    ] = None
    room: Annotated[Int32 | None, Field("Room (房间号).", "house_number", INTEGER, correction=_part("room"))] = None
    role: Annotated[
        ResidentRole | None,
        msgspec.structs.replace(ROLE, description="The applicant's role in the house (居民角色)."),
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
            community_code=community_code,
            building=self.building,
            unit=self.unit,
            floor=self.floor,
            room=self.room,
        )


class ShenheContent(Record, frozen=True, gc=False):
    """A review's content: parsed, and word for word in `raw` (unmasked here)."""

    user_id: Int32 | None = None
    people: ShenhePeople | None = None
    house: ShenheHouse | None = None
    raw: str | None = None
    review: ReviewKey | None = None


APPLICANTS = Table(ShenhePeople, PlatformName.WJDH)
APPLIED_HOUSES = Table(ShenheHouse, PlatformName.WJDH)


class _AnyContent(msgspec.Struct, gc=False):
    people: Any = None
    job: Any = None
    company: Any = None
    house: Any = None


class _Job(msgspec.Struct, gc=False):
    job_name: str | None = None


class _Company(msgspec.Struct, gc=False):
    company_name: str | None = None


class _Documented:
    """A content that came as documented: the type, and what decodes its text."""

    type: Any
    decode: Any

    def __init__(self) -> None:
        generated(self._generate)

    def _generate(self) -> None:
        parts: dict[str, Any] = {
            "job": _Job,
            "company": _Company,
            "people": APPLICANTS.documented,
            "house": APPLIED_HOUSES.documented,
        }
        fields: list[Any] = [(name, part | None, None) for name, part in parts.items()]
        self.type = msgspec.defstruct("Content", fields, gc=False)
        self.decode = msgspec.json.Decoder(self.type).decode


_DOCUMENTED = _Documented()
_decode_any = msgspec.json.Decoder(_AnyContent | str).decode


def read_documented_content(
    value: object, gathered: list[DataIssue], platform_id: int, community_code: str | None
) -> ShenheContent | None:
    """The content of a review that came as documented; None for any other, which is for `read_content`."""
    try:
        content = _DOCUMENTED.decode(value) if isinstance(value, str) else msgspec.convert(value, _DOCUMENTED.type)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    people, house, job, company = content.people, content.house, content.job, content.company
    if people is None and house is None:
        return None
    review = (community_code, platform_id)
    if people is not None:
        people.job_name = None if job is None else job.job_name
        people.company_name = None if company is None else company.company_name
        people = APPLICANTS.read_documented(people, gathered, review)
    return ShenheContent(
        None if people is None else people.user_id,
        people,
        None if house is None else APPLIED_HOUSES.read_documented(house, gathered, review),
        value if isinstance(value, str) else raw_text(value),
        review,
    )


def read_content(
    value: object, path: str, issues: Issues, platform_id: int, community_code: str | None
) -> ShenheContent | None:
    """The content of a review, from JSON text or an object; what is neither is kept as it came (quirk 114)."""
    review = (community_code, platform_id)
    wire = _any_content(value)
    if wire is None:
        issues.add(path, value, DataProblem.MISSING if is_blank(value) else DataProblem.MALFORMED)
        return None if is_blank(value) else ShenheContent(raw=raw_text(value), review=review)
    people = wire.people
    if isinstance(people, dict):
        people = {
            **people,
            "job_name": _named(wire.job, "job_name"),
            "company_name": _named(wire.company, "company_name"),
        }
    applicant = APPLICANTS.read(people, issues.gathered, review)
    house = APPLIED_HOUSES.read(wire.house, issues.gathered, review)
    for name, part, record in (("people", people, applicant), ("house", wire.house, house)):
        if record is None and not _is_absent(part):
            issues.add(f"{path}.{name}", part, DataProblem.MALFORMED)
    user_id = None if applicant is None else applicant.user_id
    return ShenheContent(user_id, applicant, house, raw_text(value), review)


def _any_content(value: object) -> _AnyContent | None:
    """None for what is no object, or has neither people nor house: whatever it is, it is no application."""
    content: _AnyContent | str
    try:
        content = _decode_any(value) if isinstance(value, str) else msgspec.convert(value, _AnyContent)
        if isinstance(content, str):  # encoded twice
            content = _decode_any(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if isinstance(content, str) or (_is_absent(content.people) and _is_absent(content.house)):
        return None
    return content


def _named(part: object, key: str) -> object:
    return part.get(key) if isinstance(part, dict) else part or None


def _is_absent(part: object) -> bool:
    """Whether a part of the content is left out, or empty as PHP spells it."""
    return part is None or part == []


CONTENT = Kind(
    wire=str | dict[str, Any],
    read=read_content,
    inline="c if (c := read_documented_content(v, gathered, platform_id, community_code)) else OTHERWISE",
    required=True,
    used=("platform_id", "community_code"),
    names={"read_documented_content": read_documented_content},
)
