"""An application held against what the security platform knows: what a reviewer needs to decide.

Pure comparison of records; nothing is corrected and nothing decided. A value that either side does not have is no
difference; one that would have spoken against the application is reported as not checked.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from enum import StrEnum

from gateway.normalise.field import declared_fields
from gateway.normalise.house import HouseOwner
from gateway.normalise.people import People
from gateway.normalise.person import Person
from gateway.normalise.records import HouseKey, Record, ReviewKey
from gateway.normalise.shenhe import Shenhe
from gateway.normalise.shenhe_content import ShenhePeople
from gateway.normalise.states import FindingCode, Severity
from gateway.normalise.values import mobile_number
from gateway.normalise.vocabulary import PiiKind, ResidentRole, ShenheType


class Finding(Record, frozen=True, gc=False, kw_only=True):
    """One result. `field` is a public field name of the application, `submitted` and `registered` its two values.

    `review` is the review they are shown with, where they may be personal; `owned` has the owner whose phone it is.
    """

    code: FindingCode
    severity: Severity
    field: str | None = None
    submitted: str | None = None
    registered: str | None = None
    pii: PiiKind | None = None
    review: ReviewKey | None = None
    owned: HouseKey | None = None


_COMPARED = [declared for declared in declared_fields(Person).values() if declared.field.compared is not None]

BINDING = (ShenheType.BIND_OWNER, ShenheType.BIND_TENANT, ShenheType.BIND_FAMILY)
OWNER_BY_ROLE = (ShenheType.BIND_TENANT, ShenheType.BIND_FAMILY, ShenheType.UNRECOGNIZED)
"""Whose form may ask for the role of an owner all the same."""

NEEDS_AN_OWNER = (ShenheType.BIND_TENANT, ShenheType.BIND_FAMILY, ShenheType.REPLACE_OWNER)

ID_CARD_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CARD_CHECKS = "10X98765432"

_GAPS = re.compile(r"[\s-]+")
"""As people write them in numbers."""


def applied_house(review: Shenhe) -> HouseKey | None:
    """The house of an application, in the community whose list has the review, not that of the form (quirk 66)."""
    form = review.content.house if review.content else None
    house = form.house if form else None
    return house.key if house else None


def unchecked_findings(review: Shenhe, people: bool, house: bool) -> Iterator[Finding]:
    """What is held against nothing, for lack of a known type, the applicant's name and phone, or the house's address.

    `people` and `house` say which of the two can be looked up. A change of one needs not speak of the other.
    """
    content = review.content
    if review.type is ShenheType.UNRECOGNIZED:  # the findings depend on what is applied for
        yield Finding(code=FindingCode.NOT_CHECKED, severity=Severity.WARNING, field="type")
    if not people and (review.type is not ShenheType.CHANGE_HOUSE or (content and content.people)):
        yield Finding(code=FindingCode.NOT_CHECKED, severity=Severity.WARNING, field="content.people")
    if not house and (review.type is not ShenheType.CHANGE_PERSON or (content and content.house)):
        yield Finding(code=FindingCode.NOT_CHECKED, severity=Severity.WARNING, field="content.house")


def person_findings(applicant: ShenhePeople, registered: People | None) -> Iterator[Finding]:
    """The applicant against the registered person of the same name and phone, None where there is none."""
    if registered is None:
        yield Finding(code=FindingCode.NOT_REGISTERED, severity=Severity.WARNING)
        return
    for declared in _COMPARED:
        attribute, field, severity = declared.attribute, declared.path, declared.field.compared or Severity.INFO
        submitted, known = getattr(applicant, attribute), getattr(registered, attribute)
        if submitted is None or known is None:
            if severity is Severity.BLOCKING:
                yield Finding(code=FindingCode.NOT_CHECKED, severity=Severity.WARNING, field=f"content.people.{field}")
            continue
        if _SAME.get(attribute, _is_same)(submitted, known) or _is_unrecognized(submitted, known):
            continue
        yield Finding(
            code=FindingCode.FIELD_DIFFERS,
            severity=severity,
            field=f"content.people.{field}",
            submitted=_text(submitted),
            registered=_text(known),
            pii=declared.field.pii,
            review=applicant.review,
        )


def id_card_findings(applicant: ShenhePeople) -> Iterator[Finding]:
    """A wrong check digit is worth a look; it proves nothing: the platforms take such numbers (quirk 84)."""
    if applicant.id_card is not None and not has_valid_check_digit(applicant.id_card):
        yield Finding(
            code=FindingCode.ID_CARD_INVALID,
            severity=Severity.WARNING,
            field="content.people.idCard",
            submitted=applicant.id_card,
            pii=PiiKind.ID_CARD,
            review=applicant.review,
        )


def binding_findings(review: Shenhe, house: HouseKey, registered: People | None) -> Iterator[Finding]:
    """Whether the applicant lives in that house already."""
    if registered is None or review.type not in BINDING:
        return
    role = review.content.house.role if review.content and review.content.house else None
    for residency in registered.residencies:
        if residency.house.key == house:
            yield Finding(
                code=FindingCode.ALREADY_BOUND,
                severity=Severity.WARNING,
                field="content.house.role",
                submitted=role and role.value,
                registered=residency.role.value,
            )
            return
    if _may_live_in(registered, house.community_code):
        yield Finding(code=FindingCode.NOT_CHECKED, severity=Severity.WARNING, field="content.house.role")


def _may_live_in(registered: People, community_code: str) -> bool:
    """Whether something of where they live cannot be read, and may be a house of this community."""
    if any(issue.field == "residencies" for issue in registered.data_issues):
        return True
    houses = (residency.house for residency in registered.residencies)
    return any(house.key is None and house.community_code == community_code for house in houses)


def owner_findings(review: Shenhe, owner: HouseOwner | None) -> Iterator[Finding]:
    """The house's registered owner against what the application wants to be."""
    if owner is None:
        if review.type in NEEDS_AN_OWNER:
            yield Finding(code=FindingCode.HOUSE_HAS_NO_OWNER, severity=Severity.WARNING, field="content.house")
        return
    phone = review.content.people.phone if review.content and review.content.people else None
    applies_as_owner = review.type is ShenheType.BIND_OWNER or (
        review.type in OWNER_BY_ROLE
        and review.content is not None
        and review.content.house is not None
        and review.content.house.role is ResidentRole.OWNER
    )
    replaces = review.type is ShenheType.REPLACE_OWNER
    if not (applies_as_owner or replaces):
        return
    if owner.phone is None or phone is None:
        yield Finding(code=FindingCode.NOT_CHECKED, severity=Severity.WARNING, field="content.people.phone")
    elif not _is_same_phone(phone, owner.phone):
        yield Finding(
            code=FindingCode.HOUSE_HAS_OTHER_OWNER,
            severity=Severity.INFO if replaces else Severity.BLOCKING,
            field="content.people.phone",
            submitted=phone,
            registered=owner.phone,
            pii=PiiKind.PHONE,
            review=(review.community_code, review.platform_id),
            owned=owner.house,
        )


def check_digit(body: str) -> str:
    """GB 11643: the weighted sum of the first 17 digits names the 18th, X for ten."""
    return ID_CARD_CHECKS[sum(weight * int(digit) for weight, digit in zip(ID_CARD_WEIGHTS, body, strict=True)) % 11]


def has_valid_check_digit(id_card: str) -> bool:
    """Of a number of 18 characters."""
    if len(id_card) != len(ID_CARD_WEIGHTS) + 1 or not (id_card[:-1].isascii() and id_card[:-1].isdigit()):
        return False
    return check_digit(id_card[:-1]) == id_card[-1].upper()


def _is_same_phone(submitted: str, known: str) -> bool:
    return _GAPS.sub("", mobile_number(submitted)) == _GAPS.sub("", mobile_number(known))


def _is_same_id_card(submitted: str, known: str) -> bool:
    """Whether they are equal, the check character in either case, or one of 15 digits is the other as it once was."""
    one, other = (_GAPS.sub("", number).upper() for number in (submitted, known))
    return one == other or (len(one) != len(other) and _of_15_digits(one) == _of_15_digits(other))


def _of_15_digits(id_card: str) -> str:
    """As numbers were before 1999: without the century, which is the 20th, and the check character."""
    is_of_18 = len(id_card) == len(ID_CARD_WEIGHTS) + 1 and id_card[6:8] == "19"
    return id_card[:6] + id_card[8:-1] if is_of_18 else id_card


def _is_same_nation(submitted: str, known: str) -> bool:
    """Whether they are equal, with or without the word for an ethnic group at the end (quirk 90)."""
    return submitted.removesuffix("族") == known.removesuffix("族")


def _is_same(submitted: object, known: object) -> bool:
    if isinstance(submitted, str) and isinstance(known, str):
        return submitted.upper() == known.upper()
    return submitted == known


_SAME: Mapping[str, Callable[[str, str], bool]] = {
    "phone": _is_same_phone,
    "id_card": _is_same_id_card,
    "nation": _is_same_nation,
}
"""Values that are the same in more than one spelling."""


def _is_unrecognized(*values: object) -> bool:
    return any(isinstance(value, StrEnum) and value.name == "UNRECOGNIZED" for value in values)


def _text(value: object) -> str:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
