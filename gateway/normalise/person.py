"""What the platforms tell of a person: the applicant of a review, a registered person, a member of a house.

The three differ in the prefix of their keys and in the dialect of their values, not in what they mean.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec

from gateway.normalise.issues import PERSON_PII, Issues
from gateway.normalise.records import Int32, Person
from gateway.normalise.times import birth_date, clean_birth_date
from gateway.normalise.values import flag, identifier, text, word
from gateway.normalise.vocabulary import NATION, YES_NO, DataProblem, PlatformName, PoliticalStatus, Sex

ID_CARD_LENGTH = 18

_nation_names = NATION.get
"""Kept, for CPython makes a method of an imported name anew for each call."""

PersonT = TypeVar("PersonT", bound=Person)

if TYPE_CHECKING:  # what they are, and how they are decoded
    _Sex = Sex | str | int | None
    _PoliticalStatus = PoliticalStatus | str | int | None
else:
    _Sex = Sex.spelling() | int | None
    _PoliticalStatus = PoliticalStatus.spelling() | int | None


def _people_key(name: str) -> str:
    """The key of a registered person and of an applicant (1.1.2.5, preface): not everything has the prefix."""
    return name if name in ("user_id", "job_name", "company_name") else f"people_{name}"


class PersonWire(msgspec.Struct, gc=False, rename=_people_key):
    """A person on the wire, by the keys without their prefix; any value may come under them."""

    user_id: object = None
    name: object = None
    phone: object = None
    sex: object = None
    nation: object = None
    birth: object = None
    address: object = None
    idcard: object = None
    photo: object = None
    zhengzhimianmao: object = None
    tuiyijunren: object = None
    dibao: object = None
    shangfang: object = None
    job_name: object = None
    company_name: object = None


class DocumentedPerson(msgspec.Struct, gc=False, rename=_people_key):
    """A person as documented: every value is of a type that the tables or the examples have for it.

    Words that are in the lists come as members. `user_id` is an applicant's, `role` that of a member of a house.
    """

    user_id: Int32 | None = None
    phone: str | None = None
    name: str | None = None
    sex: _Sex = None
    nation: str | None = None
    birth: str | int | None = None
    address: str | None = None
    idcard: str | None = None
    photo: str | None = None
    zhengzhimianmao: _PoliticalStatus = None
    tuiyijunren: str | int | bool | None = None
    shangfang: str | int | bool | None = None
    dibao: str | int | bool | None = None
    job_name: str | None = None
    company_name: str | None = None
    role: str | int | None = None


WireT = TypeVar("WireT", PersonWire, DocumentedPerson)


def _of_member(wire: type[WireT]) -> type[WireT]:
    """The same for a member of a house (1.1.2.5, members). A struct's `rename` does not reach fields it inherits."""
    fields = [(field.name, field.type, None) for field in msgspec.structs.fields(wire) if field.name != "user_id"]
    name = f"Member{wire.__name__}"
    return cast(
        type[WireT], msgspec.defstruct(name, fields, bases=(wire,), rename=lambda name: f"member_{name}", gc=False)
    )


MemberWire = _of_member(PersonWire)
DocumentedMember = _of_member(DocumentedPerson)


class PersonIssues(Issues):
    platform = PlatformName.SECURITY
    pii = PERSON_PII


class ApplicantIssues(PersonIssues):
    platform = PlatformName.WJDH


def clean_person(
    record: Callable[..., PersonT], wire: DocumentedPerson, user_id: int | None, own: object
) -> PersonT | None:
    """As `read_person`, but None where that would find an issue."""
    nation, birth, sex, political_status = wire.nation, None, wire.sex, wire.zhengzhimianmao
    if type(sex) is not Sex and sex is not None:
        return None
    if type(political_status) is not PoliticalStatus and political_status is not None:
        return None
    if nation is not None:
        if nation.isascii():
            return None
        nation = nation.strip()
        if nation.isdecimal():
            return None
        nation = _nation_names(nation, nation) or None
    if wire.birth is not None:
        birth = clean_birth_date(wire.birth)
        if birth is None:
            return None
    name, phone, id_card = wire.name, wire.phone, wire.idcard
    try:
        return record(
            (name.strip() or None) if name else None,
            (phone.strip() or None) if phone else None,
            sex,
            nation,
            birth,
            wire.address or None,
            (id_card.strip() or None) if id_card else None,
            wire.photo or None,
            political_status,
            YES_NO[wire.tuiyijunren],
            YES_NO[wire.dibao],
            YES_NO[wire.shangfang],
            wire.job_name or None,
            wire.company_name or None,
            (),
            user_id,
            own,
        )
    except KeyError:  # a flag that is written otherwise
        return None


def read_person(
    record: Callable[..., PersonT],
    wire: PersonWire | DocumentedPerson,
    issues: PersonIssues,
    user_id: int | None,
    own: object,
) -> PersonT:
    """A record of this type from its wire form; `own` is the attribute it has beyond `Person`'s.

    By position, because for a call with more than 15 keywords CPython builds a dictionary, and one at a time, because
    for `*own` it would build a list.
    """
    id_card = identifier(wire.idcard, "idCard", issues)
    sex = word(Sex, wire.sex, "sex", issues)
    if sex is Sex.UNRECOGNIZED:
        sex = _sex_instead(id_card, issues)
    return record(
        identifier(wire.name, "name", issues),
        identifier(wire.phone, "phone", issues),
        sex,
        read_nation(wire.nation, issues),
        birth_date(wire.birth, "birthDate", issues),
        text(wire.address, "registeredAddress", issues),
        id_card,
        text(wire.photo, "photo", issues),
        word(PoliticalStatus, wire.zhengzhimianmao, "politicalStatus", issues),
        flag(wire.tuiyijunren, "isVeteran", issues),
        flag(wire.dibao, "receivesSubsistenceAllowance", issues),
        flag(wire.shangfang, "isPetitioner", issues),
        text(wire.job_name, "jobName", issues),
        text(wire.company_name, "companyName", issues),
        issues.found,
        user_id,
        own,
    )


def _sex_instead(id_card: str | None, issues: PersonIssues) -> Sex:
    """A code of the old numbering tells nothing (quirk 89): the identity number does. The issue stays beside it."""
    if id_card is None or issues.found[-1].problem is not DataProblem.LEGACY_CODE:
        return Sex.UNRECOGNIZED
    return sex_of_id_card(id_card) or Sex.UNRECOGNIZED


def sex_of_id_card(id_card: str) -> Sex | None:
    """By the 17th digit of a well-formed number: odd is male. The check digit is not checked (quirk 84)."""
    if len(id_card) != ID_CARD_LENGTH or not (
        id_card.isascii() and id_card[:-1].isdigit() and id_card[-1] in "0123456789Xx"
    ):
        return None
    return Sex.MALE if int(id_card[-2]) % 2 else Sex.FEMALE


def read_nation(value: object, issues: PersonIssues) -> str | None:
    """An ethnic group by its name; a number is none, whichever its digits (quirk 90)."""
    name = identifier(value, "nation", issues)
    if name is None:
        return None
    if name.isdecimal():
        issues.add("nation", value, DataProblem.LEGACY_CODE)
        return None
    return _nation_names(name, name)
