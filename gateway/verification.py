"""An application held against what the security platform knows: what a reviewer needs to decide.

Comparison of records; nothing is corrected and nothing decided. A value that either side does not have is no
difference; one that would have spoken against the application is reported as not checked.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from gateway.errors import PlatformError
from gateway.execution.load import Loader, fetch, only_values
from gateway.loaders.loader import ReadLoader
from gateway.normalise.records import HouseKey, Record, ReviewKey, declared_fields
from gateway.normalise.values import mobile_number
from gateway.normalise.vocabulary import PiiKind, ResidentRole, Severity
from gateway.ops.trace import current_trace
from gateway.people import HouseOwner, People, PeopleKey
from gateway.shenhe.record import Shenhe, ShenhePeople, ShenheType
from gateway.wording.enums import DescribedEnum, Word


class FindingCode(
    DescribedEnum, chinese="核验发现", english="What comparing an application with the security platform found"
):
    NOT_REGISTERED = Word("安防平台无此人", "The security platform does not know the applicant")
    FIELD_DIFFERS = Word("信息不一致", "A value differs from the registered one")
    HOUSE_HAS_OTHER_OWNER = Word("房屋已有其他业主", "The house has another owner")
    HOUSE_HAS_NO_OWNER = Word("房屋无业主", "The house has no registered owner")
    ALREADY_BOUND = Word("已绑定该房屋", "The applicant is bound to this house already")
    ID_CARD_INVALID = Word("身份证号校验不通过", "The ID number does not pass its check digit")
    SECURITY_UNAVAILABLE = Word("安防平台不可用", "The security platform could not be reached")
    NOT_CHECKED = Word("无法核验", "Not compared: required data is missing or cannot be read")


class Finding(Record, frozen=True, gc=False):
    """One result. `field` is a public field name of the application, `submitted` and `registered` its two values.

    `review` is the review they are shown with, where they may be personal; `owned` has the owner whose phone it is.
    """

    code: FindingCode
    field: str | None = None
    severity: Severity = Severity.WARNING
    submitted: str | None = None
    registered: str | None = None
    pii: PiiKind | None = None
    review: ReviewKey | None = None
    owned: HouseKey | None = None


_DECLARED = declared_fields(ShenhePeople)

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
        yield Finding(FindingCode.SECURITY_UNAVAILABLE, severity=Severity.BLOCKING)
    for field in _unchecked(review, key):
        yield Finding(FindingCode.NOT_CHECKED, field)
    if applicant and applicant.id_card is not None and not has_valid_check_digit(applicant.id_card):
        # worth a look; it proves nothing: the platforms take such numbers (quirk 84)
        yield _about(applicant, "id_card", FindingCode.ID_CARD_INVALID)
    if applicant and key.people and not isinstance(found.registered, Exception):
        yield from _compare(applicant, found.registered)
        if key.house and found.registered and review.type in BINDING:
            yield from _bound(review, key.house, found.registered)
    if key.house and not isinstance(found.owner, Exception):
        yield from _owned(review, found.owner)


def _unchecked(review: Shenhe, key: VerificationKey) -> Iterator[str]:
    """What is held against nothing, for lack of a known type, the applicant's name and phone, or the house's address. A
    change of one needs not speak of the other.
    """
    content = review.content
    if review.type is ShenheType.UNRECOGNIZED:  # the findings depend on what is applied for
        yield "type"
    if key.people is None and (review.type is not ShenheType.CHANGE_HOUSE or (content and content.people)):
        yield "content.people"
    if key.house is None and (review.type is not ShenheType.CHANGE_PERSON or (content and content.house)):
        yield "content.house"


def _about(
    applicant: ShenhePeople,
    attribute: str,
    code: FindingCode,
    severity: Severity = Severity.WARNING,
    registered: str | None = None,
    owned: HouseKey | None = None,
) -> Finding:
    """A finding about a value of the applicant's."""
    declared, submitted = _DECLARED[attribute], _text(getattr(applicant, attribute))
    field = f"content.people.{declared.path}"
    return Finding(code, field, severity, submitted, registered, declared.pii, applicant.review, owned)


def _compare(applicant: ShenhePeople, registered: People | None) -> Iterator[Finding]:
    """The applicant against the registered person of the same name and phone, None where there is none."""
    if registered is None:
        yield Finding(FindingCode.NOT_REGISTERED)
        return
    for attribute, declared in _DECLARED.items():
        if (severity := declared.compared) is None:
            continue
        submitted, known = getattr(applicant, attribute), getattr(registered, attribute)
        if submitted is None or known is None:
            if severity is Severity.BLOCKING:
                yield Finding(FindingCode.NOT_CHECKED, f"content.people.{declared.path}")
        elif not (_is_same(attribute, submitted, known) or _is_unrecognized(submitted, known)):
            yield _about(applicant, attribute, FindingCode.FIELD_DIFFERS, severity, _text(known))


def _bound(review: Shenhe, house: HouseKey, registered: People) -> Iterator[Finding]:
    """Whether the applicant lives in that house already."""
    role = review.content.house.role if review.content and review.content.house else None
    there = next((residency for residency in registered.residencies if residency.house.key == house), None)
    field = "content.house.role"
    if there is not None:
        yield Finding(FindingCode.ALREADY_BOUND, field, submitted=role, registered=there.role)
    elif _may_live_in(registered, house.community_code):
        yield Finding(FindingCode.NOT_CHECKED, field)


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
            yield Finding(FindingCode.HOUSE_HAS_NO_OWNER, "content.house")
        return
    content, replaces = review.content, review.type is ShenheType.REPLACE_OWNER
    has_role = bool(content and content.house and content.house.role is ResidentRole.OWNER)
    applies_as_owner = review.type is ShenheType.BIND_OWNER or (review.type in OWNER_BY_ROLE and has_role)
    if not (applies_as_owner or replaces):
        return
    applicant = content.people if content else None
    if owner.phone is None or applicant is None or applicant.phone is None:
        yield Finding(FindingCode.NOT_CHECKED, "content.people.phone")
    elif not _is_same("phone", applicant.phone, owner.phone):
        severity = Severity.INFO if replaces else Severity.BLOCKING
        yield _about(applicant, "phone", FindingCode.HOUSE_HAS_OTHER_OWNER, severity, owner.phone, owner.house)


def has_valid_check_digit(id_card: str) -> bool:
    """Of a number of 18 characters (GB 11643): the weighted sum of the first 17 digits names the last, X for ten."""
    body = id_card[:-1]
    if len(body) != len(ID_CARD_WEIGHTS) or not (body.isascii() and body.isdigit()):
        return False
    total = sum(weight * int(digit) for weight, digit in zip(ID_CARD_WEIGHTS, body, strict=True))
    return ID_CARD_CHECKS[total % len(ID_CARD_CHECKS)] == id_card[-1].upper()


def _is_same(attribute: str, submitted: Any, known: Any) -> bool:
    """Whether both values are the same, some of them in another spelling."""
    match attribute:
        case "phone":
            return _GAPS.sub("", mobile_number(submitted)) == _GAPS.sub("", mobile_number(known))
        case "id_card":
            return _is_same_id_card(submitted, known)
        case "nation":  # with or without the word for an ethnic group at the end (quirk 90)
            return bool(submitted.removesuffix("族") == known.removesuffix("族"))
        case _:
            return bool(submitted == known or (isinstance(submitted, str) and submitted.upper() == known.upper()))


def _is_same_id_card(submitted: str, known: str) -> bool:
    """Whether they are equal, the check character in either case, or one of 15 digits is the other as it once was."""
    one, other = (_GAPS.sub("", number).upper() for number in (submitted, known))
    return one == other or (len(one) != len(other) and _of_15_digits(one) == _of_15_digits(other))


def _of_15_digits(id_card: str) -> str:
    """As numbers were before 1999: without the century, which is the 20th, and the check character."""
    is_of_18 = len(id_card) == len(ID_CARD_WEIGHTS) + 1 and id_card[6:8] == "19"
    return id_card[:6] + id_card[8:-1] if is_of_18 else id_card


def _is_unrecognized(*values: object) -> bool:
    return any(isinstance(value, StrEnum) and value.name == "UNRECOGNIZED" for value in values)


def _text(value: object) -> str:
    """A member of an enum is a text that also knows its words."""
    if isinstance(value, DescribedEnum):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(eq=False, repr=False)
class VerificationLoader(Loader[VerificationKey, LookedUp]):
    """One look-up that fails leaves the other one's answer alone."""

    _people: ReadLoader[PeopleKey, People | None]
    _owners: ReadLoader[HouseKey, HouseOwner | None]

    async def read(self, keys: Sequence[VerificationKey]) -> list[Any]:
        if (trace := current_trace()) is not None:  # each look-up is for the reviews that need it
            for key in keys:
                with trace.asking(trace.find_paths(self, key)):
                    trace.ask(self._people, key.people)
                    trace.ask(self._owners, key.house)
        people = list(dict.fromkeys(key.people for key in keys if key.people is not None))
        houses = list(dict.fromkeys(key.house for key in keys if key.house is not None))
        both = (self._people.load_level(people), self._owners.load_level(houses))
        registered, owners = only_values(await fetch(both))
        by_person: dict[PeopleKey | None, Any] = dict(zip(people, registered, strict=True))
        by_house: dict[HouseKey | None, Any] = dict(zip(houses, owners, strict=True))
        return [LookedUp(by_person.get(key.people), by_house.get(key.house)) for key in keys]
