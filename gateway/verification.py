"""An application held against what the security platform knows: what a reviewer needs to decide.

Comparison of records; nothing is corrected and nothing decided. A value that either side does not have is no
difference; one that would have spoken against the application is reported as not checked.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from gateway.errors import PlatformError
from gateway.execution.load import fetch, only_values
from gateway.loaders.loader import ReadLoader, RecordLoader
from gateway.normalise.people import Person
from gateway.normalise.records import HouseKey, Record, ReviewKey, declared_fields
from gateway.normalise.values import mobile_number
from gateway.normalise.vocabulary import DescribedEnum, PiiKind, ResidentRole, Severity, Word
from gateway.people import HouseOwner, People, PeopleKey
from gateway.shenhe.record import Shenhe, ShenhePeople, ShenheType


class FindingCode(
    DescribedEnum, chinese="核验发现", english="What a check of an application against the security platform found"
):
    NOT_REGISTERED = Word("安防平台无此人", "The security platform does not know the applicant")
    FIELD_DIFFERS = Word("信息不一致", "A value differs from the registered one")
    HOUSE_HAS_OTHER_OWNER = Word("房屋已有其他业主", "The house has another owner")
    HOUSE_HAS_NO_OWNER = Word("房屋无业主", "The house has no registered owner")
    ALREADY_BOUND = Word("已绑定该房屋", "The applicant is bound to this house already")
    ID_CARD_INVALID = Word("身份证号校验不通过", "The ID number does not pass its check digit")
    SECURITY_UNAVAILABLE = Word("安防平台不可用", "The security platform could not be asked")
    NOT_CHECKED = Word("无法核验", "Not compared with anything: what is needed for it is missing or cannot be read")


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


_COMPARED = [declared for declared in declared_fields(Person).values() if declared.compared is not None]

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
    return form.house.key if form and form.house else None


class VerificationKey(NamedTuple):
    """None for what the application does not say."""

    people: PeopleKey | None
    house: HouseKey | None


class LookedUp(NamedTuple):
    """What the look-ups came to: the record, None where security knows none or nothing was looked up, or the error."""

    registered: People | Exception | None
    owner: HouseOwner | Exception | None


def find(review: Shenhe, key: VerificationKey, found: LookedUp) -> Iterator[Finding]:
    """All findings of a review, after what was looked up by its key.

    Raises what a look-up raised, if that was no failure of the platform.
    """
    applicant = review.content.people if review.content else None
    failures = [outcome for outcome in found if isinstance(outcome, Exception)]
    for failure in failures:
        if not isinstance(failure, PlatformError):
            raise failure
    if failures:
        yield Finding(code=FindingCode.SECURITY_UNAVAILABLE, severity=Severity.BLOCKING)
    yield from _unchecked(review, key)
    if applicant and applicant.id_card is not None and not has_valid_check_digit(applicant.id_card):
        yield Finding(  # worth a look; it proves nothing: the platforms take such numbers (quirk 84)
            code=FindingCode.ID_CARD_INVALID,
            severity=Severity.WARNING,
            field="content.people.idCard",
            submitted=applicant.id_card,
            pii=PiiKind.ID_CARD,
            review=applicant.review,
        )
    if applicant and key.people and not isinstance(found.registered, Exception):
        yield from _compare(applicant, found.registered)
        if key.house and found.registered and review.type in BINDING:
            yield from _bound(review, key.house, found.registered)
    if key.house and not isinstance(found.owner, Exception):
        yield from _owned(review, found.owner)


def _not_checked(field: str) -> Finding:
    return Finding(code=FindingCode.NOT_CHECKED, severity=Severity.WARNING, field=field)


def _unchecked(review: Shenhe, key: VerificationKey) -> Iterator[Finding]:
    """What is held against nothing, for lack of a known type, the applicant's name and phone, or the house's address. A
    change of one needs not speak of the other.
    """
    content = review.content
    if review.type is ShenheType.UNRECOGNIZED:  # the findings depend on what is applied for
        yield _not_checked("type")
    if key.people is None and (review.type is not ShenheType.CHANGE_HOUSE or (content and content.people)):
        yield _not_checked("content.people")
    if key.house is None and (review.type is not ShenheType.CHANGE_PERSON or (content and content.house)):
        yield _not_checked("content.house")


def _compare(applicant: ShenhePeople, registered: People | None) -> Iterator[Finding]:
    """The applicant against the registered person of the same name and phone, None where there is none."""
    if registered is None:
        yield Finding(code=FindingCode.NOT_REGISTERED, severity=Severity.WARNING)
        return
    for declared in _COMPARED:
        attribute, field = declared.attribute, f"content.people.{declared.path}"
        severity = declared.compared or Severity.INFO
        submitted, known = getattr(applicant, attribute), getattr(registered, attribute)
        if submitted is None or known is None:
            if severity is Severity.BLOCKING:
                yield _not_checked(field)
        elif not (_SAME.get(attribute, _is_same)(submitted, known) or _is_unrecognized(submitted, known)):
            yield Finding(
                code=FindingCode.FIELD_DIFFERS,
                severity=severity,
                field=field,
                submitted=_text(submitted),
                registered=_text(known),
                pii=declared.pii,
                review=applicant.review,
            )


def _bound(review: Shenhe, house: HouseKey, registered: People) -> Iterator[Finding]:
    """Whether the applicant lives in that house already."""
    role = review.content.house.role if review.content and review.content.house else None
    there = next((residency for residency in registered.residencies if residency.house.key == house), None)
    if there is not None:
        yield Finding(
            code=FindingCode.ALREADY_BOUND,
            severity=Severity.WARNING,
            field="content.house.role",
            submitted=role and role.value,
            registered=there.role.value,
        )
    elif _may_live_in(registered, house.community_code):
        yield _not_checked("content.house.role")


def _may_live_in(registered: People, community_code: str) -> bool:
    """Whether something of where they live cannot be read, and may be a house of this community."""
    if any(issue.field == "residencies" for issue in registered.data_issues):
        return True
    houses = (residency.house for residency in registered.residencies)
    return any(house.key is None and house.community_code == community_code for house in houses)


def _owned(review: Shenhe, owner: HouseOwner | None) -> Iterator[Finding]:
    """The house's registered owner against what the application wants to be."""
    if owner is None:
        if review.type in NEEDS_AN_OWNER:
            yield Finding(code=FindingCode.HOUSE_HAS_NO_OWNER, severity=Severity.WARNING, field="content.house")
        return
    content, replaces = review.content, review.type is ShenheType.REPLACE_OWNER
    has_role = bool(content and content.house and content.house.role is ResidentRole.OWNER)
    applies_as_owner = review.type is ShenheType.BIND_OWNER or (review.type in OWNER_BY_ROLE and has_role)
    if not (applies_as_owner or replaces):
        return
    phone = content.people.phone if content and content.people else None
    if owner.phone is None or phone is None:
        yield _not_checked("content.people.phone")
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


class VerificationLoader(RecordLoader[VerificationKey, LookedUp]):
    """One look-up that fails leaves the other one's answer alone."""

    def __init__(
        self, people: ReadLoader[PeopleKey, People | None], owners: ReadLoader[HouseKey, HouseOwner | None]
    ) -> None:
        super().__init__()
        self._people = people
        self._owners = owners

    async def load_level(self, keys: Sequence[VerificationKey]) -> list[Any]:
        people = list(dict.fromkeys(key.people for key in keys if key.people is not None))
        houses = list(dict.fromkeys(key.house for key in keys if key.house is not None))
        both = (self._people.load_level(people), self._owners.load_level(houses))
        registered, owners = only_values(await fetch(both))
        by_person: dict[PeopleKey | None, Any] = dict(zip(people, registered, strict=True))
        by_house: dict[HouseKey | None, Any] = dict(zip(houses, owners, strict=True))
        return [LookedUp(by_person.get(key.people), by_house.get(key.house)) for key in keys]
