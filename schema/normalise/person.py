"""What the platforms tell of a person: the applicant of a review, a registered person, a member of a house.

The three differ in the prefix of their keys and in the dialect of their values, not in what they mean.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import msgspec

from schema.normalise.issues import PERSON_PII, Issues
from schema.normalise.records import Person
from schema.normalise.times import birth_date
from schema.normalise.values import flag, identifier, text, word
from schema.normalise.vocabulary import DataProblem, PlatformName, Sex
from schema.normalise.words import NATION, POLITICAL_STATUS, SEX

ID_CARD_LENGTH = 18

PersonT = TypeVar("PersonT", bound=Person)


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


# Declared anew, because a struct's `rename` does not reach the fields it inherits.
MemberWire = cast(
    type[PersonWire],
    msgspec.defstruct(
        "MemberWire",
        [(name, object, None) for name in PersonWire.__struct_fields__ if name != "user_id"],
        bases=(PersonWire,),
        rename=lambda name: f"member_{name}",
        gc=False,
    ),
)
"""A member of a house on the wire (1.1.2.5, members)."""


class PersonIssues(Issues):
    platform = PlatformName.SECURITY
    pii = PERSON_PII


class ApplicantIssues(PersonIssues):
    platform = PlatformName.WJDH


def read_person(record: Callable[..., PersonT], wire: PersonWire, issues: PersonIssues, own: object) -> PersonT:
    """A record of this type from its wire form; `own` is the one attribute it has beyond `Person`'s.

    By position, because for a call with more than 15 keywords CPython builds a dictionary.
    """
    id_card = identifier(wire.idcard, "idCard", issues)
    sex = word(SEX, wire.sex, "sex", issues)
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
        word(POLITICAL_STATUS, wire.zhengzhimianmao, "politicalStatus", issues),
        flag(wire.tuiyijunren, "isVeteran", issues),
        flag(wire.dibao, "receivesSubsistenceAllowance", issues),
        flag(wire.shangfang, "isPetitioner", issues),
        text(wire.job_name, "jobName", issues),
        text(wire.company_name, "companyName", issues),
        issues.found,
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
    """An ethnic group by its name; a number is none (quirk 90)."""
    if isinstance(value, str) and not value.isascii():
        nation = value.strip()
        return NATION.get(nation, nation)
    name = identifier(value, "nation", issues)
    if name is not None and name.isdecimal():
        issues.add("nation", value, DataProblem.LEGACY_CODE)
        return None
    return name
