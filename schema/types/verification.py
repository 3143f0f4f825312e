"""What the security platform says about an application."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import strawberry

from gateway.actions.identity import part_of_review
from gateway.auth.masking import has_number, mask, mask_text
from gateway.context import REVEALING, Info
from gateway.errors import PlatformError
from gateway.execution.load import Load
from gateway.execution.variants import attribute_in
from gateway.loaders.people import PeopleKey
from gateway.loaders.verification import LookedUp, VerificationKey
from gateway.normalise import records, verification
from gateway.normalise.house import HouseOwner as HouseOwnerRecord
from gateway.normalise.people import People as PeopleRecord
from gateway.normalise.shenhe import Shenhe as ShenheRecord
from gateway.normalise.states import FindingCode, Severity
from schema.types.costs import ONE_CALL, costs
from schema.types.fields import PERSONAL_IF, needs, plain, record_type
from schema.types.house import HouseOwner, load_people
from schema.types.people import People

RegisteredLoad: TypeAlias = Load[PeopleKey, PeopleRecord | None]
OwnerLoad: TypeAlias = Load[records.HouseKey, HouseOwnerRecord | None]
FindingsLoad: TypeAlias = Load[VerificationKey, list[verification.Finding]]


def _value(description: str, attribute: str) -> Any:
    """A value of a finding, which is personal as the finding says."""

    def masked(finding: verification.Finding) -> str | None:
        value: str | None = getattr(finding, attribute)
        return mask_text(value) if finding.pii is None else mask(finding.pii, value)

    def is_personal(finding: verification.Finding) -> bool:
        return finding.pii is not None or has_number(getattr(finding, attribute))

    return strawberry.field(
        resolver=attribute_in(REVEALING, attribute, otherwise=masked, of_object=True),
        description=description,
        metadata={PERSONAL_IF: is_personal},
    )


@record_type(
    verification.Finding,
    description="One thing a reviewer should know (核验发现).",
    identity=part_of_review("verification.findings."),
)
class VerificationFinding:
    code: FindingCode = plain("What was found (发现).")
    field: str | None = plain("The public field of the review it is about (字段).")
    severity: Severity = plain("How much it weighs (严重程度).")

    submitted: str | None = _value("The value in the application; masked like the field itself (申报值).", "submitted")
    registered: str | None = _value(
        "The value on the security platform; masked like the field itself (登记值).", "registered"
    )

    @strawberry.field(description="Whether the values are masked or withheld from this caller (是否脱敏).")
    def masked(root: strawberry.Parent[verification.Finding], info: Info) -> bool:
        if info.context.principal.reveals_pii:
            return False
        return root.pii is not None or has_number(root.submitted) or has_number(root.registered)


@strawberry.type(description="An application held against the security platform (核验).")
class ShenheVerification:
    """Its source is the review itself: each field asks for what it needs."""

    @strawberry.field(
        description="The applicant's record, by name and phone; null when security does not know them, "
        "or name or phone is missing, which is a finding (登记人员).",
        directives=needs(["people:read"]),
        graphql_type=People | None,
        metadata=ONE_CALL,
    )
    def registered(root: strawberry.Parent[ShenheRecord], info: Info) -> RegisteredLoad | None:
        return _load_registered(root, info)

    @strawberry.field(
        description="The owner of the house applied for; null when it has none, or its address is incomplete, "
        "which is a finding (登记业主).",
        directives=needs(["people:read"]),
        graphql_type=HouseOwner | None,
        metadata=ONE_CALL,
    )
    def owner(root: strawberry.Parent[ShenheRecord], info: Info) -> OwnerLoad | None:
        return _load_owner(root, info)

    @strawberry.field(
        description="What differs, is missing or speaks against it; empty when nothing does. What cannot be "
        "checked is a finding, never a silent pass (核验发现).",
        graphql_type=list[VerificationFinding],
        metadata=costs(calls=2),
    )
    def findings(root: strawberry.Parent[ShenheRecord], info: Info) -> FindingsLoad:
        people, house = _load_registered(root, info), _load_owner(root, info)
        key = VerificationKey(people.key if people else None, house.key if house else None)
        return Load(info.context.loaders.verification, key, lambda found: list(_findings(root, key, found)))


def _load_registered(review: ShenheRecord, info: Info) -> RegisteredLoad | None:
    applicant = review.content.people if review.content else None
    return load_people(info, applicant.name, applicant.phone) if applicant else None


def _load_owner(review: ShenheRecord, info: Info) -> OwnerLoad | None:
    house = verification.applied_house(review)
    return Load(info.context.loaders.house_owner, house) if house else None


def _findings(review: ShenheRecord, key: VerificationKey, found: LookedUp) -> Iterator[verification.Finding]:
    """Raises what a look-up raised, if that was no failure of the platform."""
    applicant = review.content.people if review.content else None
    failures = [outcome for outcome in found if isinstance(outcome, Exception)]
    for failure in failures:
        if not isinstance(failure, PlatformError):
            raise failure
    if failures:
        yield verification.Finding(code=FindingCode.SECURITY_UNAVAILABLE, severity=Severity.BLOCKING)
    yield from verification.unchecked_findings(review, key.people is not None, key.house is not None)
    if applicant:
        yield from verification.id_card_findings(applicant)
    if applicant and key.people and not isinstance(found.registered, Exception):
        yield from verification.person_findings(applicant, found.registered)
        if key.house:
            yield from verification.binding_findings(review, key.house, found.registered)
    if key.house and not isinstance(found.owner, Exception):
        yield from verification.owner_findings(review, found.owner)
