"""What the security platform says about an application."""

import asyncio
from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import strawberry

from gateway.context import Info
from gateway.errors import PlatformError
from gateway.execution.load import Load
from gateway.loaders.people import PeopleKey
from schema.normalise import records, verification
from schema.normalise.states import FindingCode, Severity
from schema.types.costs import ONE_CALL, costs
from schema.types.fields import needs, plain, record_type
from schema.types.house import HouseOwner, load_people
from schema.types.people import People

ValueT = TypeVar("ValueT")
RegisteredLoad: TypeAlias = Load[PeopleKey, records.People | None]
OwnerLoad: TypeAlias = Load[records.HouseKey, records.HouseOwner | None]


@record_type(verification.Finding, description="One thing a reviewer should know (核验发现).")
class VerificationFinding:
    code: FindingCode = plain("What was found (发现).")
    field: str | None = plain("The public field of the review it is about (字段).")
    severity: Severity = plain("How much it weighs (严重程度).")

    @strawberry.field(description="The value in the application (申报值).")
    def submitted(root: strawberry.Parent[verification.Finding], info: Info) -> str | None:
        return root.submitted if root.pii is None else info.context.reveal(root.pii, root.submitted)

    @strawberry.field(description="The value on the security platform (登记值).")
    def registered(root: strawberry.Parent[verification.Finding], info: Info) -> str | None:
        return root.registered if root.pii is None else info.context.reveal(root.pii, root.registered)

    @strawberry.field(description="Whether the values are masked or withheld from this caller (是否脱敏).")
    def masked(root: strawberry.Parent[verification.Finding], info: Info) -> bool:
        return root.pii is not None and not info.context.principal.reveals_pii


@strawberry.type(description="An application held against the security platform (核验).")
class ShenheVerification:
    """Its source is the review itself: each field asks for what it needs."""

    @strawberry.field(
        description="The applicant's record, by name and phone; null when security does not know them (登记人员).",
        directives=needs(["people:read"]),
        graphql_type=People | None,
        metadata=ONE_CALL,
    )
    def registered(root: strawberry.Parent[records.Shenhe], info: Info) -> RegisteredLoad | None:
        return _load_registered(root, info)

    @strawberry.field(
        description="The owner of the house applied for; null when it has none (登记业主).",
        directives=needs(["people:read"]),
        graphql_type=HouseOwner | None,
        metadata=ONE_CALL,
    )
    def owner(root: strawberry.Parent[records.Shenhe], info: Info) -> OwnerLoad | None:
        return _load_owner(root, info)

    @strawberry.field(
        description="What differs, is missing or speaks against it; empty when nothing does. A platform that can not "
        "be asked is a finding, never a silent pass (核验发现).",
        graphql_type=list[VerificationFinding],
        metadata=costs(calls=2),
    )
    async def findings(root: strawberry.Parent[records.Shenhe], info: Info) -> list[verification.Finding]:
        registered, owner = await asyncio.gather(_ask(_load_registered(root, info)), _ask(_load_owner(root, info)))
        return list(_findings(root, registered, owner))


class Answer(NamedTuple, Generic[ValueT]):
    """What a look-up came to; None in its place: there was nothing to look up."""

    failed: bool
    value: ValueT | None


def _load_registered(review: records.Shenhe, info: Info) -> RegisteredLoad | None:
    applicant = review.content.people if review.content else None
    return load_people(info, applicant.name, applicant.phone) if applicant else None


def _load_owner(review: records.Shenhe, info: Info) -> OwnerLoad | None:
    house = verification.applied_house(review)
    return Load(info.context.loaders.house_owner, house) if house else None


async def _ask(load: Load[Any, ValueT | None] | None) -> Answer[ValueT] | None:
    if load is None:
        return None
    try:
        return Answer(failed=False, value=await load)
    except PlatformError:
        return Answer(failed=True, value=None)


def _findings(
    review: records.Shenhe, registered: Answer[records.People] | None, owner: Answer[records.HouseOwner] | None
) -> Iterator[verification.Finding]:
    applicant = review.content.people if review.content else None
    house = verification.applied_house(review)
    if (registered and registered.failed) or (owner and owner.failed):
        yield verification.Finding(code=FindingCode.SECURITY_UNAVAILABLE, severity=Severity.BLOCKING)
    if applicant:
        yield from verification.id_card_findings(applicant)
    if applicant and registered and not registered.failed:
        yield from verification.person_findings(applicant, registered.value)
        if house:
            yield from verification.binding_findings(review, house, registered.value)
    if owner and not owner.failed:
        yield from verification.owner_findings(review, owner.value)
