"""Registration reviews (document 1.2)."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

import strawberry

from gateway.actions.identity import FINDING, part_of_review
from gateway.actions.write import RowRef, Write, Written, invalid, masked
from gateway.auth.masking import has_number, mask, mask_content_raw, mask_text
from gateway.auth.principal import Scope
from gateway.context import REVEALING, Info
from gateway.errors import PlatformError, find_violations
from gateway.execution.load import Load
from gateway.execution.variants import attribute_in
from gateway.loaders import lists
from gateway.loaders.lookups import LookedUp, PeopleKey, VerificationKey
from gateway.normalise import records, verification
from gateway.normalise.corrections import Corrections
from gateway.normalise.field import public_name
from gateway.normalise.house import HouseOwner as HouseOwnerRecord
from gateway.normalise.people import People as PeopleRecord
from gateway.normalise.plausible import is_invisible
from gateway.normalise.shenhe import Shenhe as ShenheRecord
from gateway.normalise.shenhe_content import ShenheContent as ShenheContentRecord
from gateway.normalise.shenhe_content import ShenheHouse as ShenheHouseRecord
from gateway.normalise.shenhe_content import ShenhePeople as ShenhePeopleRecord
from gateway.normalise.states import FindingCode, Severity
from gateway.normalise.values import document_number
from gateway.normalise.verification import applied_house
from gateway.normalise.vocabulary import ShenheStatus
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema import writes
from schema.arguments import recognized
from schema.costs import APPROVAL, MOST_ENTRIES, MOST_IDS, ONE_CALL, WRITE, bulk_costs, costs
from schema.fields import PERSONAL_IF, correction_input, needs, node_id, optional, plain, record_type
from schema.house import House, HouseOwner
from schema.operation import MutationPayload, with_history
from schema.people import People, Person, load_people
from schema.record import DataIssue, Node, data_issues, its_community
from schema.record_list import CommunityList

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


@record_type(verification.Finding, description="One thing a reviewer should know (核验发现).", identity=FINDING)
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


@record_type(
    ShenhePeopleRecord,
    description="The applicant, as submitted (申请人).",
    identity=part_of_review("content.people."),
)
class ShenhePeople(Person):
    pass


@record_type(
    ShenheHouseRecord,
    description="The house applied for, as submitted (申请房屋).",
    identity=part_of_review("content.house."),
)
class ShenheHouse:
    house: House | None = plain(
        "The same house on the security platform, in the community of the review (房屋).", "people:read"
    )
    data_issues: list[DataIssue] = data_issues()


@record_type(
    ShenheContentRecord,
    description="What the applicant submitted (审核数据).",
    identity=part_of_review("content."),
)
class ShenheContent:
    user_id: int | None = plain("The applicant's number in the mini program (用户id).")
    people: ShenhePeople | None = plain("The applicant (申请人).")
    house: ShenheHouse | None = plain("The house applied for (申请房屋).")
    raw: str | None = strawberry.field(
        resolver=attribute_in(REVEALING, "raw", otherwise=mask_content_raw),
        description="Exactly what the platform sent; personal values masked for this caller (原文).",
    )

    @strawberry.field(description="Names of the fields masked for this caller (脱敏字段).")
    def masked_fields(root: strawberry.Parent[ShenheContentRecord], info: Info) -> list[str]:
        return [] if root.raw is None or info.context.principal.reveals_pii else ["raw"]


@record_type(ShenheRecord, description="A registration review: an application that staff decide (审核).")
@with_history()
class Shenhe(Node):
    content: ShenheContent | None = plain("What was submitted; null when unreadable, see dataIssues (审核数据).")
    data_issues: list[DataIssue] = data_issues()

    id: strawberry.ID = node_id("Shenhe", "platform_id", "The review's node id (节点标识).")
    community = its_community("when it was reached by the bare number")

    @strawberry.field(description="Whether it is pending and this caller may decide it (是否可审核).")
    def can_review(root: strawberry.Parent[ShenheRecord], info: Info) -> bool:
        principal = info.context.principal
        return (
            root.status is ShenheStatus.PENDING
            and principal.may(Scope.SHENHE_REVIEW)
            and principal.sees(root.community_code)
        )

    @strawberry.field(
        description="The application held against the security platform: what a reviewer needs to decide; null when "
        "there is no readable application (核验).",
        directives=needs(["people:read"]),
        graphql_type=ShenheVerification | None,
    )
    def verification(root: strawberry.Parent[ShenheRecord]) -> ShenheRecord | None:
        if root.content is None or (root.content.people is None and applied_house(root) is None):
            return None
        return root


SHENHES = CommunityList(
    records=lists.SHENHES,
    node=Shenhe,
    name="shenhe",
    noun="review",
    chinese="审核",
    of_community="Reviews of a community (审核列表).",
    listed="Registration reviews (审核).",
    count=("pending_shenhes", "Reviews to decide (待审核数)."),
    changes="new applications and decisions, whoever makes them",
)

LONGEST_REASON = 500


@correction_input(ShenhePeopleRecord, description="What the reviewer corrects about the applicant (申请人更正).")
class ShenhePeopleInput:
    pass


@correction_input(ShenheHouseRecord, description="What the reviewer corrects about the house (申请房屋更正).")
class ShenheHouseInput:
    pass


@strawberry.input(
    description="Only what the reviewer corrects: all else, nulls too, is kept as submitted. What cannot be right is "
    "INVALID, each value with its field; an empty address, portrait, occupation, employer or ethnic group is none "
    "(审核数据更正)."
)
class ShenheContentInput:
    people: ShenhePeopleInput | None = optional("About the applicant (申请人).")
    house: ShenheHouseInput | None = optional("About the house (房屋).")


@strawberry.input(description="Approve a review (审核通过).")
class ApproveShenheInput:
    id: strawberry.ID = strawberry.field(description="The review (审核标识).")
    content: ShenheContentInput | None = optional("Corrections (更正).")
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_KEY)


@strawberry.input(description="Reject a review (审核不通过).")
class RejectShenheInput:
    id: strawberry.ID = strawberry.field(description="The review (审核标识).")
    reason: str | None = optional(
        f"Why, in at most {LONGEST_REASON} characters. The platform's document has no parameter for it: "
        "`reasonRecorded` says whether the platform kept it, the operation keeps it in any case (拒绝理由)."
    )
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_KEY)


@strawberry.input(description="Approve several reviews as submitted (批量审核通过).")
class ApproveShenhesInput:
    ids: list[strawberry.ID] = strawberry.field(description=f"The reviews, 1 to {MOST_IDS} (审核标识列表).")
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_EACH_KEY)


@strawberry.input(description="Reject several reviews for the same reason (批量审核不通过).")
class RejectShenhesInput:
    ids: list[strawberry.ID] = strawberry.field(description=f"The reviews, 1 to {MOST_ENTRIES} (审核标识列表).")
    reason: str = strawberry.field(
        description=f"Why, in 1 to {LONGEST_REASON} characters; as for `rejectShenhe` (拒绝理由)."
    )
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_EACH_KEY)


ApproveInput = Annotated[ApproveShenheInput, strawberry.argument(description="Which review, and corrections (输入).")]
RejectInput = Annotated[RejectShenheInput, strawberry.argument(description="Which review, and why (输入).")]
ApproveAllInput = Annotated[ApproveShenhesInput, strawberry.argument(description="Which reviews (输入).")]
RejectAllInput = Annotated[RejectShenhesInput, strawberry.argument(description="Which reviews, and why (输入).")]


@record_type(Written, description="How a decision on a review ended (审核结果).")
class ShenhePayload(MutationPayload):
    shenhe = SHENHES.written_field()

    @strawberry.field(
        description="On a rejection with a reason: whether the platform kept it; null when it could not be read back "
        "(理由是否被平台保存)."
    )
    def reason_recorded(root: strawberry.Parent[Written]) -> bool | None:
        answer = root.operation.answer if root.operation else None
        return answer.get("reasonRecorded") if answer else None


@strawberry.type(description="How several decisions ended (批量审核结果).")
class ShenhesPayload:
    results = writes.results_field(ShenhePayload, "id")


@strawberry.type
class ShenheMutations:
    @strawberry.mutation(
        description="Approve a review that is pending, with corrections if any (审核通过).",
        directives=needs(["shenhe:review"]),
        graphql_type=ShenhePayload | None,
        metadata=APPROVAL,
    )
    async def approve_shenhe(self, info: Info, input: ApproveInput) -> Written:
        key, corrections = input.idempotency_key, _corrections(input.content)
        actions, principal = info.context.actions.shenhe, info.context.principal
        writes.require(
            find_violations(writes.idempotency_key, key),
            _unrecognized(corrections),
            besides=lambda: actions.violations(corrections),
        )
        review = writes.row(info, input.id, "Shenhe")
        if review is None:
            return await writes.not_found(info, "approveShenhe", "review", actions.errors(principal, corrections))
        return writes.finished(info, await actions.approve(principal, review, corrections, key))

    @strawberry.mutation(
        description="Reject a review that is pending (审核不通过).",
        directives=needs(["shenhe:review"]),
        graphql_type=ShenhePayload | None,
        metadata=WRITE,
    )
    async def reject_shenhe(self, info: Info, input: RejectInput) -> Written:
        key = input.idempotency_key
        writes.require(
            find_violations(writes.idempotency_key, key),
            () if input.reason is None else _wrong_length(input.reason.strip()),
            besides=lambda: masked(input.reason, "reason"),
        )
        review = writes.row(info, input.id, "Shenhe")
        if review is None:
            return await writes.not_found(info, "rejectShenhe", "review", invalid(masked(input.reason, "reason")))
        reason = input.reason and input.reason.strip()  # the platform may cut blanks off, and then not know it again
        return writes.finished(
            info, await info.context.actions.shenhe.reject(info.context.principal, review, reason, key)
        )

    @strawberry.mutation(
        description="Approve several reviews as submitted: a result and an operation for each (批量审核通过).",
        directives=needs(["shenhe:review"]),
        graphql_type=ShenhesPayload | None,
        metadata=bulk_costs("input.ids", most=MOST_IDS),
    )
    async def approve_shenhes(self, info: Info, input: ApproveAllInput) -> list[Written]:
        key, make = input.idempotency_key, info.context.actions.shenhe.make_approval
        writes.require(
            find_violations(writes.entries, "ids", input.ids, MOST_IDS), find_violations(writes.idempotency_key, key)
        )

        def approval(review: RowRef) -> Write:
            return make(info.context.principal, review, None, writes.entry_key(key, review.platform_id))

        reviews = [writes.row(info, node_id, "Shenhe") for node_id in input.ids]
        return await writes.write_all(info, writes.row_writes("approveShenhe", "review", reviews, approval))

    @strawberry.mutation(
        description="Reject several reviews for the same reason: a result and an operation for each (批量审核不通过).",
        directives=needs(["shenhe:review"]),
        graphql_type=ShenhesPayload | None,
        metadata=bulk_costs("input.ids"),
    )
    async def reject_shenhes(self, info: Info, input: RejectAllInput) -> list[Written]:
        reason, key = input.reason.strip(), input.idempotency_key
        writes.require(
            find_violations(writes.entries, "ids", input.ids),
            _wrong_length(reason),
            find_violations(writes.idempotency_key, key),
            besides=lambda: masked(reason, "reason"),
        )
        make = info.context.actions.shenhe.make_rejection

        def rejection(review: RowRef) -> Write:
            return make(info.context.principal, review, reason, writes.entry_key(key, review.platform_id))

        reviews, wrong = (
            [writes.row(info, node_id, "Shenhe") for node_id in input.ids],
            invalid(masked(reason, "reason")),
        )
        return await writes.write_all(info, writes.row_writes("rejectShenhe", "review", reviews, rejection, wrong))


def _corrections(content: ShenheContentInput | None) -> Corrections | None:
    """What to merge, or None."""
    if content is None:
        return None
    corrections = {
        part: writes.given(values) for part, values in (("people", content.people), ("house", content.house)) if values
    }
    people = corrections.get("people", {})
    if "id_card" in people:
        people["id_card"] = document_number(people["id_card"])
    return {part: values for part, values in corrections.items() if values} or None


def _unrecognized(corrections: Corrections | None) -> Iterable[Violation]:
    """UNRECOGNIZED is no correction."""
    for part, values in (corrections or {}).items():
        for name, value in values.items():
            if isinstance(value, StrEnum):
                yield from find_violations(recognized, value, f"input.content.{part}.{public_name(name)}")


def _wrong_length(reason: str) -> Iterable[Violation]:
    if is_invisible(reason) or len(reason) > LONGEST_REASON:
        yield Violation(("input", "reason"), InputWording.LENGTH(field="reason", min=1, max=LONGEST_REASON))
