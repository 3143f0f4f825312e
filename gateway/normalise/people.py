"""People and houses, as both platforms have them, and labels that name a house (1.1.2.5, 1.1.3, preface 审核数据).

The applicant of a review, a registered person and a member of a house differ in the prefix of their keys and in the
dialect of their values, not in what they mean.
"""

import re
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec.structs import force_setattr

from gateway.normalise.records import (
    Correction,
    DataIssue,
    Field,
    HouseKey,
    Int32,
    Issues,
    Kind,
    Plain,
    Record,
    declared_fields,
    is_blank,
)
from gateway.normalise.table import Rows
from gateway.normalise.values import (
    BIRTH_DATE,
    FLAG,
    IDENTIFIER,
    TEXT,
    birth_date_problem,
    compare_code,
    id_card_problem,
    identifier,
    int32,
    is_code,
    name_problem,
    nation_problem,
    or_malformed,
    phone_problem,
    word,
    word_of,
    write_word,
)
from gateway.normalise.vocabulary import (
    NATION,
    DataProblem,
    HouseOwnership,
    HouseStatus,
    HouseUse,
    OccupantType,
    PiiKind,
    PlatformName,
    PoliticalStatus,
    ResidentRole,
    Severity,
    Sex,
)

_SEX_DIGIT = re.compile(r"[0-9]{16}([0-9])[0-9Xx]")


def _read_sex(value: object, path: str, issues: Issues, id_card: str | None) -> Sex | None:
    """A code of the old numbering says nothing (quirk 89): the 17th digit of the identity number does, odd is male,
    also where its check digit is wrong (quirk 84). The issue stays beside it.
    """
    before = len(issues.found)
    sex = word(Sex, value, path, issues)
    is_legacy = any(issue.problem is DataProblem.LEGACY_CODE for issue in issues.found[before:])
    if is_legacy and (digit := _SEX_DIGIT.fullmatch(id_card or "")):
        return Sex.MALE if int(digit[1]) % 2 else Sex.FEMALE
    return sex


def read_nation(value: object, path: str, issues: Issues) -> str | None:
    """An ethnic group by its name; a number is none, whichever its digits (quirk 90)."""
    name = identifier(value, path, issues)
    if name is not None and name.isdecimal():
        issues.add(path, value, DataProblem.LEGACY_CODE)
        return None
    return name and NATION.get(name, name)


SEX = msgspec.structs.replace(word_of(Sex), read=_read_sex, used=("id_card",))
NATION_NAME = Kind(
    read=read_nation, wire=str, plain=lambda name: NATION.get(name, name) if name.isalpha() else None, write=write_word
)

INFO, WARNING, BLOCKING = Severity

_NAME = Correction(name_problem, "Name, not empty (姓名).")
_PHONE = Correction(phone_problem, "Phone number, of a landline too (手机号码).")
_ID_CARD = Correction(
    id_card_problem, "Number of the identity card, of 18 or 15 characters, or of another document (身份证号)."
)
_BIRTH = Correction(birth_date_problem, "Date of birth, from 1900 to today (出生日期).")
_NATION = Correction(nation_problem, "Ethnic group (民族).")
_PHOTO = Correction(description="Address of a portrait (头像).")

CORRECTED = Correction()
_SENSITIVE = partial(Field, compared=INFO, correction=CORRECTED, pii=PiiKind.SENSITIVE_STATUS)


class Person(Record, frozen=True, gc=False):
    """What both platforms say of a natural person (document 1.1.2.5 and preface 审核数据).

    Name and phone are compared though the person was asked for by them: security may go by the phone alone (quirk 183),
    which a family shares (quirk 82).
    """

    name: Annotated[str | None, Field("Name (姓名).", "people_name", IDENTIFIER, BLOCKING, _NAME, pii=PiiKind.NAME)] = (
        None
    )
    phone: Annotated[
        str | None, Field("Phone number (手机号码).", "people_phone", IDENTIFIER, WARNING, _PHONE, pii=PiiKind.PHONE)
    ] = None
    id_card: Annotated[
        str | None,
        Field(
            "Number of the identity card; may end in X (身份证号).",
            "people_idcard",
            IDENTIFIER,
            BLOCKING,
            _ID_CARD,
            pii=PiiKind.ID_CARD,
        ),
    ] = None
    sex: Annotated[Sex | None, Field("Sex (性别).", "people_sex", SEX, WARNING, CORRECTED)] = None
    birth_date: Annotated[
        date | None,
        Field("Date of birth, in China (出生日期).", "people_birth", BIRTH_DATE, WARNING, _BIRTH, pii=PiiKind.BIRTH),
    ] = None
    nation: Annotated[
        str | None,
        Field(
            "Ethnic group, as the platform writes it (民族).",
            "people_nation",
            NATION_NAME,
            INFO,
            _NATION,
            free_text=True,
        ),
    ] = None
    registered_address: Annotated[
        str | None,
        Field(
            "Address of the household register (户籍地址).",
            "people_address",
            TEXT,
            INFO,
            CORRECTED,
            pii=PiiKind.ADDRESS,
        ),
    ] = None
    photo: Annotated[
        str | None,
        Field(
            "Portrait: an address, as the platform sent it (头像).",
            "people_photo",
            TEXT,
            None,
            _PHOTO,
            pii=PiiKind.PHOTO,
        ),
    ] = None
    political_status: Annotated[
        PoliticalStatus | None,
        _SENSITIVE("Political status (政治面貌).", "people_zhengzhimianmao", word_of(PoliticalStatus)),
    ] = None
    is_veteran: Annotated[bool | None, _SENSITIVE("Whether a veteran (退役军人).", "people_tuiyijunren", FLAG)] = None
    receives_subsistence_allowance: Annotated[
        bool | None, _SENSITIVE("Whether on subsistence allowance (低保).", "people_dibao", FLAG)
    ] = None
    is_petitioner: Annotated[
        bool | None, _SENSITIVE("Whether known as a petitioner (上访).", "people_shangfang", FLAG)
    ] = None
    job_name: Annotated[
        str | None, Field("Occupation (工作).", "job_name", TEXT, INFO, Correction(section="job"), free_text=True)
    ] = None
    company_name: Annotated[
        str | None, Field("Employer (公司).", "company_name", TEXT, INFO, Correction(section="company"), free_text=True)
    ] = None
    data_issues: tuple[DataIssue, ...] = ()


DOCUMENTED_KEYS = {
    prefix + key.removeprefix("people_"): declared.pii
    for prefix in ("", "people_", "member_")
    for declared in declared_fields(Person).values()
    for key in declared.keys
    if declared.pii is not None
}

PERSONAL_KEYS = dict(DOCUMENTED_KEYS)
"""Wire names of personal data, in lower case, and its kind (document, preface 审核数据; 1.1.2.5; 4.1): a review's
people_*, a house member's member_*, a repair's bare name and phone; and the keys that profiles add to those (`Wire`).
"""


LONGEST_LABEL = 200
LONGEST_NUMBER = 40

_OF_A_NUMBER = r"[^\W㐀-鿿\U00020000-\U0003ffff]"
"""A digit or letter in any form, but not one of the ideographs that names are made of."""

_LABEL = re.compile(
    rf"(?=[0-9])(?<!{_OF_A_NUMBER})(?<!{_OF_A_NUMBER}\W)"  # A1栋, 10-1栋 and 1.5栋 are no building 1 or 5
    r"([0-9]{1,9})(?:栋|幢|号楼)([0-9]{1,9})单元(-?[0-9]{1,9})[楼层]([0-9]{1,9})[号室]?\s*$"
)


def _of_either_key(read: Callable[..., Any], unknown: object = None) -> Callable[..., Any]:
    """What reads a value under either of its keys, that of the examples and that of the tables (quirks 67, 72)."""

    def read_either(value: object, other: object, path: str, issues: Issues) -> Any:
        found, alternative = read(value, path, issues), None if other is None else read(other, path, issues)
        if found is None or found is unknown:
            return found if alternative is None else alternative
        if alternative is not None and alternative is not unknown and alternative != found:
            issues.add(path, other, DataProblem.CONTRADICTORY)
        return found

    return read_either


def _read_code(value: object, other: object, path: str, issues: Issues) -> str | None:
    """A community's code, from `xiaoqu`, the key of the example, or `community_identifier`, that of other chapters
    (quirk 64). None where neither is one: then it is no house.
    """
    code, alternative = (sent.strip() if isinstance(sent, str) else None for sent in (value, other))
    if code is not None and is_code(code):
        compare_code(other, code, path, issues)
        return code
    if alternative is None or not is_code(alternative):
        return None
    if not is_blank(value):
        issues.add(path, value, DataProblem.MALFORMED)
    return alternative


_ROLE = msgspec.structs.replace(
    word_of(ResidentRole), read=_of_either_key(partial(word, ResidentRole), ResidentRole.UNRECOGNIZED)
)
_REQUIRED_ROLE = msgspec.structs.replace(_ROLE, required=True, fallback=ResidentRole.UNRECOGNIZED)

CODE = Kind(
    read=_read_code,
    wire=Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z]+\Z")],
    absent=msgspec.NODEFAULT,
    plain=Plain.TEXT,
    required=True,
    identifies=True,
)
PART = Kind(
    read=_of_either_key(or_malformed(int32)),
    wire=Annotated[str, msgspec.Meta(max_length=LONGEST_NUMBER)] | int,
    plain=int32,
    required=True,
)
"""A part of an address."""

_SHARED = partial(Field, correction=CORRECTED)
ROLE = _SHARED("The owner's role (居民角色).", ("people_house_role", "people_role"), _ROLE)
STATUS = _SHARED("How the house is occupied (房屋状态).", "people_house_status", word_of(HouseStatus))
USE = _SHARED("What it is used for (房屋用途).", "people_house_use", word_of(HouseUse))
OWNERSHIP = _SHARED("Private or public property (房屋性质).", "people_house_xingzhi", word_of(HouseOwnership))
Occupant = Annotated[
    OccupantType | None, _SHARED("Kind of occupant (住户类型).", "people_house_type", word_of(OccupantType))
]
"""What several records say of a house, and of somebody's place in it."""

Status = Annotated[HouseStatus | None, msgspec.structs.replace(STATUS, description="")]
Use = Annotated[HouseUse | None, msgspec.structs.replace(USE, description="")]
Ownership = Annotated[HouseOwnership | None, msgspec.structs.replace(OWNERSHIP, description="")]
"""The same where the schema has them behind a look-up."""


class House(Record, frozen=True, gc=False):
    """A house.

    `described` is True where the source of this record says `use`, `ownership` and `status`, which are not asked for
    again then. `key` is the full address, None when a part of it is unreadable.
    """

    community_code: Annotated[
        str, Field("Code of its community (小区标识).", ("xiaoqu", "community_identifier"), CODE, identifier=True)
    ]
    building: Annotated[Int32 | None, Field("Building number (楼号).", ("louhao", "building_number"), PART)] = None
    unit: Annotated[Int32 | None, Field("Unit number (单元号).", ("danyuan", "unit_number"), PART)] = None
    floor: Annotated[Int32 | None, Field("Floor (楼层).", ("louceng", "floor_number"), PART)] = None
    room: Annotated[Int32 | None, Field("Room (房间号).", ("fangjian", "house_number"), PART)] = None
    use: Use = None
    ownership: Ownership = None
    status: Status = None
    described: Annotated[bool, Field()] = False
    data_issues: tuple[DataIssue, ...] = ()
    key: HouseKey | None = None

    def __post_init__(self) -> None:
        """Once, for the key is asked for again and again."""
        parts = (self.building, self.unit, self.floor, self.room)
        if None not in parts:
            force_setattr(self, "key", HouseKey(self.community_code, *parts))  # type: ignore[arg-type] # none is None

    @property
    def address(self) -> str | None:
        """The address within the community, as `house_of_label` reads it: "1栋1单元1楼101号"."""
        key = self.key
        return None if key is None else f"{key.building}栋{key.unit}单元{key.floor}楼{key.room}号"

    @property
    def identifying_parts(self) -> tuple[str | int | None, ...]:
        """What identifies this house: its address, where a part is unreadable with all that the platform sent."""
        if self.key is not None:
            return self.key
        own = self.__struct_fields__
        sent = [part for issue in self.data_issues if issue.field in own for part in (issue.field, issue.raw)]
        sent += (self.use, self.ownership, self.status) if self.described else ()
        return (self.community_code, self.building, self.unit, self.floor, self.room, *sent)


HOUSES = Rows(House, PlatformName.SECURITY, shared=True)


def house_of_label(label: str, community_code: str) -> House | None:
    """The house that a label like "晨曦家园1栋1单元1楼101号" names at its end; None where it names none.

    Only the numbers count: names of communities are alike (quirk 81). 楼 is the floor here (quirk 86).
    """
    match = _LABEL.search(label)
    if match is None:
        return None
    building, unit, floor, room = map(int, match.groups())
    return House(community_code, building, unit, floor, room)
