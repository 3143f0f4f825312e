"""What the platforms say of a person: the applicant of a review, a registered person, a member of a house.

The three differ in the prefix of their keys and in the dialect of their values, not in what they mean.
"""

from datetime import date
from functools import partial
from typing import Annotated

import msgspec

from gateway.normalise.field import Correction, Field, Kind, declared_fields
from gateway.normalise.kinds import BIRTH_DATE, FLAG, IDENTIFIER, TEXT, problem_of_word, word_of, write_word
from gateway.normalise.plausible import birth_date_problem, id_card_problem, name_problem, nation_problem, phone_problem
from gateway.normalise.records import DataIssue, Issues, Record
from gateway.normalise.states import Severity
from gateway.normalise.values import identifier, word
from gateway.normalise.vocabulary import NATION, DataProblem, PiiKind, PoliticalStatus, ResidentRole, Sex

ID_CARD_LENGTH = 18

_SEX_WORD = word_of(Sex)


def _read_sex(value: object, path: str, issues: Issues, id_card: str | None) -> Sex | None:
    """A code of the old numbering says nothing (quirk 89): the identity number does. The issue stays beside it."""
    before = len(issues.found)
    sex = word(Sex, value, path, issues)
    is_legacy = any(issue.problem is DataProblem.LEGACY_CODE for issue in issues.found[before:])
    return (sex_of_id_card(id_card) if is_legacy and id_card else None) or sex


def sex_of_id_card(id_card: str) -> Sex | None:
    """By the 17th digit of a well-formed number: odd is male. The check digit is not checked (quirk 84)."""
    if len(id_card) != ID_CARD_LENGTH or not (
        id_card.isascii() and id_card[:-1].isdigit() and id_card[-1] in "0123456789Xx"
    ):
        return None
    return Sex.MALE if int(id_card[-2]) % 2 else Sex.FEMALE


def read_nation(value: object, path: str, issues: Issues) -> str | None:
    """An ethnic group by its name; a number is none, whichever its digits (quirk 90)."""
    name = identifier(value, path, issues)
    if name is not None and name.isdecimal():
        issues.add(path, value, DataProblem.LEGACY_CODE)
        return None
    return name and NATION.get(name, name)


SEX = msgspec.structs.replace(_SEX_WORD, read=_read_sex, used=("id_card",))
NATION_NAME = Kind(
    read=read_nation,
    wire=str,
    inline="NATION.get(c, c) or None if v and not v.isascii() and not (c := v.strip()).isdecimal() else OTHERWISE",
    names={"NATION": NATION},
    write=write_word,
)


_NAME = Correction(problem_of_word(name_problem), "Name, not empty (姓名).")
_PHONE = Correction(problem_of_word(phone_problem), "Phone number, of a landline too (手机号码).")
_ID_CARD = Correction(
    problem_of_word(id_card_problem),
    "Number of the identity card, of 18 or 15 characters, or of another document (身份证号).",
)
_BIRTH = Correction(birth_date_problem, "Date of birth, from 1900 to today (出生日期).")
_NATION = Correction(problem_of_word(nation_problem), "Ethnic group (民族).")


def _compared(
    description: str,
    key: str,
    kind: Kind,
    weighs: Severity | None = Severity.INFO,
    correction: Correction = Correction(),  # noqa: B008 # it is frozen
    *,
    pii: PiiKind | None = None,
    free_text: bool = False,
) -> Field:
    """A field that a verification compares and a reviewer may correct."""
    return Field(description, key, kind, pii=pii, free_text=free_text, compared=weighs, correction=correction)


_SENSITIVE = partial(_compared, pii=PiiKind.SENSITIVE_STATUS)


class Person(Record, frozen=True, gc=False):
    """What both platforms say of a natural person (document 1.1.2.5 and preface 审核数据).

    Name and phone are compared though the person was asked for by them: security may go by the phone alone (quirk 183),
    which a family shares (quirk 82).
    """

    name: Annotated[
        str | None, _compared("Name (姓名).", "people_name", IDENTIFIER, Severity.BLOCKING, _NAME, pii=PiiKind.NAME)
    ] = None
    phone: Annotated[
        str | None,
        _compared("Phone number (手机号码).", "people_phone", IDENTIFIER, Severity.WARNING, _PHONE, pii=PiiKind.PHONE),
    ] = None
    id_card: Annotated[
        str | None,
        _compared(
            "Number of the identity card; may end in X (身份证号).",
            "people_idcard",
            IDENTIFIER,
            Severity.BLOCKING,
            _ID_CARD,
            pii=PiiKind.ID_CARD,
        ),
    ] = None
    sex: Annotated[Sex | None, _compared("Sex (性别).", "people_sex", SEX, Severity.WARNING)] = None
    birth_date: Annotated[
        date | None,
        _compared(
            "Date of birth, in China (出生日期).",
            "people_birth",
            BIRTH_DATE,
            Severity.WARNING,
            _BIRTH,
            pii=PiiKind.BIRTH,
        ),
    ] = None
    nation: Annotated[
        str | None,
        _compared(
            "Ethnic group, as the platform writes it (民族).",
            "people_nation",
            NATION_NAME,
            correction=_NATION,
            free_text=True,
        ),
    ] = None
    registered_address: Annotated[
        str | None,
        _compared("Address of the household register (户籍地址).", "people_address", TEXT, pii=PiiKind.ADDRESS),
    ] = None
    photo: Annotated[
        str | None,
        _compared(
            "Portrait: an address, as the platform sent it (头像).",
            "people_photo",
            TEXT,
            None,
            Correction(description="Address of a portrait (头像)."),
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
        str | None,
        _compared("Occupation (工作).", "job_name", TEXT, correction=Correction(section="job"), free_text=True),
    ] = None
    company_name: Annotated[
        str | None,
        _compared("Employer (公司).", "company_name", TEXT, correction=Correction(section="company"), free_text=True),
    ] = None
    data_issues: tuple[DataIssue, ...] = ()


class Member(Person, frozen=True, gc=False):
    """A member of a house, as listed under the person asked for (1.1.2.5, members)."""

    role: Annotated[
        ResidentRole, Field("Role in this house (居民角色).", "people_role", word_of(ResidentRole, required=True))
    ] = ResidentRole.UNRECOGNIZED


def member_key(key: str) -> str:
    """The key of a member of a house, from that of a person."""
    return f"member_{key.removeprefix('people_')}"


_KINDS = {
    key.removeprefix("people_"): declared.field.pii
    for declared in declared_fields(Person).values()
    for key in declared.field.keys
    if declared.field.pii is not None
}

DOCUMENTED_KEYS = {prefix + name: kind for prefix in ("", "people_", "member_") for name, kind in _KINDS.items()}

PERSONAL_KEYS = dict(DOCUMENTED_KEYS)
"""Wire names of personal data, in lower case, and its kind (document, preface 审核数据; 1.1.2.5; 4.1): a review's
people_*, a house member's member_*, a repair's bare name and phone; and the keys that profiles add to those (`Wire`).
"""
