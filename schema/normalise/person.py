"""What the platforms tell of a person: the applicant of a review, a registered person, a member of a house.

The three differ in the prefix of their keys and in the dialect of their values, not in what they mean.
"""

from typing import TypeVar

import msgspec

from schema.normalise.issues import PERSON_PII, Issues
from schema.normalise.records import Person
from schema.normalise.times import birth_date
from schema.normalise.values import flag, identifier, text, word
from schema.normalise.vocabulary import DataProblem, PlatformName, Sex
from schema.normalise.words import NATION, POLITICAL_STATUS, SEX

ID_CARD_LENGTH = 18

PersonT = TypeVar("PersonT", bound=Person)


class PersonWire(msgspec.Struct, gc=False):
    """A person's keys on the wire without their prefix; any value may come under them."""

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


def people_key(name: str) -> str:
    """The key of a person asked for, and of an applicant (1.1.2.5): job and company have no prefix."""
    return name if name in ("job_name", "company_name") else f"people_{name}"


class PeopleWire(PersonWire, gc=False, rename=people_key):
    """A person asked for (1.1.2.5)."""


class MemberWire(PersonWire, gc=False, rename=lambda name: f"member_{name}"):
    """A member of a house (1.1.2.5, members)."""

    role: object = None


class PersonIssues(Issues):
    platform = PlatformName.SECURITY
    pii = PERSON_PII


def read_person(record: type[PersonT], wire: PersonWire, issues: PersonIssues, **others: object) -> PersonT:
    """A record of this type from its wire form; `others` are the attributes it has beyond `Person`'s."""
    id_card = identifier(wire.idcard, "idCard", issues)
    return record(
        name=identifier(wire.name, "name", issues),
        phone=identifier(wire.phone, "phone", issues),
        sex=_sex(wire.sex, id_card, issues),
        nation=_nation(wire.nation, issues),
        birth_date=birth_date(wire.birth, "birthDate", issues),
        registered_address=text(wire.address, "registeredAddress", issues),
        id_card=id_card,
        photo=text(wire.photo, "photo", issues),
        political_status=word(POLITICAL_STATUS, wire.zhengzhimianmao, "politicalStatus", issues),
        is_veteran=flag(wire.tuiyijunren, "isVeteran", issues),
        receives_subsistence_allowance=flag(wire.dibao, "receivesSubsistenceAllowance", issues),
        is_petitioner=flag(wire.shangfang, "isPetitioner", issues),
        job_name=text(wire.job_name, "jobName", issues),
        company_name=text(wire.company_name, "companyName", issues),
        data_issues=issues.found,
        **others,
    )


def _sex(value: object, id_card: str | None, issues: PersonIssues) -> Sex | None:
    """The sex by its word. A code of the old numbering tells nothing (quirk 89): the identity number does instead."""
    sex = word(SEX, value, "sex", issues)
    if sex is Sex.UNRECOGNIZED and issues.found[-1].problem is DataProblem.LEGACY_CODE and id_card is not None:
        return sex_of_id_card(id_card) or sex
    return sex


def sex_of_id_card(id_card: str) -> Sex | None:
    """By the 17th digit of a well-formed number: odd is male. The check digit is not checked (quirk 84)."""
    if len(id_card) != ID_CARD_LENGTH or not (
        id_card.isascii() and id_card[:-1].isdigit() and id_card[-1] in "0123456789Xx"
    ):
        return None
    return Sex.MALE if int(id_card[-2]) % 2 else Sex.FEMALE


def _nation(value: object, issues: PersonIssues) -> str | None:
    nation = identifier(value, "nation", issues)
    if nation is not None and nation.isdecimal():
        issues.add("nation", value, DataProblem.LEGACY_CODE)
        return None
    return NATION.get(nation, nation) if nation is not None else None
