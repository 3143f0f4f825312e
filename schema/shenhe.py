"""Registration reviews (document 1.2)."""

from collections.abc import Iterator
from typing import Any

import strawberry

from gateway import verification
from gateway.actions.action import Written
from gateway.actions.identity import part_of_review
from gateway.auth.masking import has_number, mask_content_raw, mask_text
from gateway.auth.principal import Scope
from gateway.context import REVEALING, Info
from gateway.execution.cost import Cost
from gateway.execution.load import Load
from gateway.execution.strawberry_adapter import attribute_in, one_by_one
from gateway.normalise.records import HouseKey
from gateway.normalise.values import document_number
from gateway.normalise.vocabulary import Severity
from gateway.people import HOUSE_OWNERS, PEOPLE, PeopleKey
from gateway.shenhe import record as records
from gateway.shenhe.writes import LONGEST_REASON, ApproveShenhe, Corrections, RejectShenhe, correctable
from gateway.verification import Finding, FindingCode, VerificationKey, applied_house
from gateway.wording.enums import DescribedEnum
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema import fields, writes
from schema.costs import APPROVAL, MOST_ENTRIES, MOST_IDS, bulk_cost
from schema.fields import derived, described, looked_up, optional, plain, record_type, required, resolved
from schema.operation import MutationPayload, writes_of, written_field
from schema.people import House, HouseOwner, People, Person, people_key
from schema.record import Node, its_community
from schema.record_list import CommunityList


@strawberry.type(description="A text for people, in both languages (双语文本).")
class Text:
    """Its source is the value itself."""

    en = derived(str, "In English (英文).", lambda root: root.word.meaning if isinstance(root, DescribedEnum) else root)
    zh = derived(str, "In Chinese (中文).", lambda root: root.label if isinstance(root, DescribedEnum) else root)


def _value(description: str, attribute: str, shown: Any = str) -> Any:
    """A value of a finding, which is personal as the finding says."""

    def masked(finding: Finding) -> str | None:
        value: str | None = getattr(finding, attribute)
        return mask_text(value) if finding.pii is None else finding.pii.mask(value)

    def is_personal(finding: Finding) -> bool:
        return finding.pii is not None or has_number(getattr(finding, attribute))

    return strawberry.field(
        resolver=attribute_in(REVEALING, attribute, otherwise=one_by_one(masked), of_object=True),
        description=description,
        graphql_type=shown | None,
        metadata={fields.PERSONAL_IF: is_personal},
    )


FINDING = part_of_review("verification.findings.")

LABEL = "the words of an enum's value, else the value itself; null where it is null"


def _owned_house(finding: Finding, shown: tuple[str, ...]) -> HouseKey | None:
    return None if {f"{FINDING.path}registered", f"{FINDING.path}registeredLabel"}.isdisjoint(shown) else finding.owned


@record_type(Finding, "A finding for the reviewer (核验发现).", identity=FINDING._replace(owned=_owned_house))
class VerificationFinding:
    code: FindingCode = plain("What was found (发现).")
    field: str | None = plain("Path of the field of the review that it concerns; null if none (字段).")
    severity: Severity = plain("Severity of the finding (严重程度).")

    submitted = _value(
        "The value in the application; null where it has none. Masked like the field itself (申报值).", "submitted"
    )
    registered = _value(
        "The value on the security platform; null where it has none. Masked like the field itself (登记值).",
        "registered",
    )
    submitted_label = _value(f"What people read for `submitted`: {LABEL} (申报值显示文本).", "submitted", Text)
    registered_label = _value(f"What people read for `registered`: {LABEL} (登记值显示文本).", "registered", Text)

    @resolved()
    def masked(root: Finding, info: Info) -> bool:
        """Whether the values are masked or withheld from this caller (是否脱敏)."""
        if info.context.principal.reveals_pii:
            return False
        return root.pii is not None or has_number(root.submitted) or has_number(root.registered)


def _applicant(review: records.Shenhe) -> PeopleKey | None:
    people = review.content and review.content.people
    return people_key(people.name, people.phone) if people else None


@strawberry.type(description="An application compared with the security platform (核验).")
class ShenheVerification:
    """Its source is the review itself: each field asks for what it needs."""

    registered = looked_up(
        People | None,
        PEOPLE,
        _applicant,
        "The applicant's record, by name and phone; null if security does not know them, or name or phone is "
        "missing; that is a finding (登记人员).",
    )
    owner = looked_up(
        HouseOwner | None,
        HOUSE_OWNERS,
        applied_house,
        "The owner of the house applied for; null if it has none, or its address is incomplete; that is a finding "
        "(登记业主).",
    )

    @resolved(list[VerificationFinding], cost=Cost(calls=2))
    def findings(root: records.Shenhe, info: Info) -> Load[VerificationKey, list[Finding]]:
        """Differences, missing data and reasons against approval; empty if there are none. A check that cannot be
        made is a finding too (核验发现)."""
        key = VerificationKey(_applicant(root), applied_house(root))
        return Load(info.context.loaders.verification, key, lambda found: list(verification.find(root, key, found)))


@record_type(records.ShenhePeople, "The applicant, as submitted (申请人).", identity=part_of_review("content.people."))
class ShenhePeople(Person):
    pass


@record_type(
    records.ShenheHouse, "The house applied for, as submitted (申请房屋).", identity=part_of_review("content.house.")
)
class ShenheHouse:
    house: House | None = plain(
        "The same house on the security platform, in the community of the review; null where that or a part of the "
        "address is not known (房屋).",
        "people:read",
    )


@record_type(records.ShenheContent, "What the applicant submitted (审核数据).", identity=part_of_review("content."))
class ShenheContent:
    user_id: int | None = plain("The applicant's number in the mini program; null where `people` has none (用户id).")
    people: ShenhePeople | None = plain("The applicant; null where none was submitted, or not readably (申请人).")
    house: ShenheHouse | None = plain(
        "The house applied for; null where none was submitted, or not readably (申请房屋)."
    )
    raw: str | None = strawberry.field(
        resolver=attribute_in(REVEALING, "raw", otherwise=one_by_one(mask_content_raw)),
        description="Exactly what the platform sent; personal values masked for this caller (原文).",
    )

    @resolved()
    def masked_fields(root: records.ShenheContent, info: Info) -> list[str]:
        """Names of the fields that are masked for this caller (脱敏字段)."""
        return [] if root.raw is None or info.context.principal.reveals_pii else ["raw"]


@record_type(records.Shenhe, "A registration review: an application that staff decide (审核).")
class Shenhe(Node):
    content: ShenheContent | None = plain("What was submitted; null when unreadable, see dataIssues (审核数据).")

    id: strawberry.ID = fields.node_id("Shenhe", "platform_id", "The review's node id (节点标识).")
    community = its_community("if it was requested by the platform's number")

    @resolved()
    def can_review(root: records.Shenhe, info: Info) -> bool:
        """Whether it is pending and this caller may decide it (是否可审核)."""
        principal = info.context.principal
        is_pending = root.status is records.ShenheStatus.PENDING
        return is_pending and Scope.SHENHE_REVIEW in principal.scopes and principal.sees(root.community_code)

    @resolved(ShenheVerification | None, "people:read")
    def verification(root: records.Shenhe) -> records.Shenhe | None:
        """The application compared with the security platform; null if the application cannot be read (核验)."""
        if root.content is None or (root.content.people is None and applied_house(root) is None):
            return None
        return root

    history = writes_of(id)


SHENHES = CommunityList(
    records=records.SHENHES,
    node=Shenhe,
    name="shenhe",
    of_community="Reviews of a community (审核列表).",
    listed="Registration reviews (审核).",
    count=("pending_shenhes", "Number of reviews waiting for a decision (待审核数)."),
    changes="new applications, and decisions by any reviewer",
)


@fields.record_input(correctable(records.ShenhePeople), "What the reviewer corrects about the applicant (申请人更正).")
class ShenhePeopleInput:
    pass


@fields.record_input(correctable(records.ShenheHouse), "What the reviewer corrects about the house (申请房屋更正).")
class ShenheHouseInput:
    pass


@strawberry.input(
    description="Only the reviewer's corrections: omitted or null fields stay as submitted. Wrong values are "
    "INVALID, each with its field. An empty address, portrait, occupation, employer or ethnic group removes the value "
    "(审核数据更正)."
)
class ShenheContentInput:
    people: ShenhePeopleInput | None = optional("About the applicant (申请人).")
    house: ShenheHouseInput | None = optional("About the house (房屋).")


@strawberry.input(description="Approve a review (审核通过).")
class ApproveShenheInput:
    id: strawberry.ID = required("Id of the review (审核标识).")
    content: ShenheContentInput | None = optional("Corrections to the application (更正).")
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_KEY)


@strawberry.input(description="Reject a review (审核不通过).")
class RejectShenheInput:
    id: strawberry.ID = required("Id of the review (审核标识).")
    reason: str | None = optional(
        f"The reason, at most {LONGEST_REASON} characters. The platform documents no parameter for it: "
        "`reasonRecorded` says whether the platform saved it; the operation always has it (拒绝理由)."
    )
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_KEY)


@strawberry.input(description="Approve several reviews as submitted (批量审核通过).")
class ApproveShenhesInput:
    ids: list[strawberry.ID] = required(f"Ids of the reviews, 1 to {MOST_IDS} (审核标识列表).")
    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_EACH_KEY)


@strawberry.input(description="Reject several reviews, for one reason or each for its own (批量审核不通过).")
class RejectShenhesInput:
    ids: list[strawberry.ID] = required(f"Ids of the reviews, 1 to {MOST_ENTRIES} (审核标识列表).")
    reason: str | None = optional(
        f"Why, in 1 to {LONGEST_REASON} characters, as for `rejectShenhe`; either this or `reasons` (拒绝理由)."
    )
    reasons: list[str] | None = optional("A reason for each id, in their order. Excludes `reason` (各项的拒绝理由).")

    def wrong(self) -> Iterator[Violation]:
        if self.reason is None and self.reasons is None:
            yield Violation(("reason",), InputWording.EITHER(field="reason", other="reasons"))
        if self.reason is not None and self.reasons is not None:
            yield Violation(("reasons",), InputWording.EXCLUSIVE(field="reasons", other="reason"))
        elif self.reasons is not None and len(self.reasons) != (count := len(self.ids)):
            yield Violation(("reasons",), InputWording.COUNT_OF(field="reasons", other="ids", min=count, max=count))

    idempotency_key: strawberry.ID | None = optional(writes.OPTIONAL_EACH_KEY)


@record_type(Written, "Result of a decision on a review (审核结果).")
class ShenhePayload(MutationPayload):
    shenhe = written_field(Shenhe, "The review as the platform shows it now; null if there is none (审核).")

    @resolved()
    def reason_recorded(root: Written) -> bool | None:
        """On a rejection with a reason: whether the platform kept it; null when it could not be read back, and of any
        other decision (理由是否被平台保存)."""
        answer = root.operation and root.operation.answer
        return answer.get("reasonRecorded") if answer else None


ShenhesPayload = writes.payload_of_several(ShenhePayload, "id", "Result of several decisions (批量审核结果).")


def _corrections(content: ShenheContentInput | None) -> Corrections | None:
    """What to merge, or None."""
    if content is None:
        return None
    corrections = {
        part: {name: value for name, value in vars(values).items() if value not in (None, strawberry.UNSET)}
        for part, values in (("people", content.people), ("house", content.house))
        if values
    }
    people = corrections.get("people", {})
    if "id_card" in people:
        people["id_card"] = document_number(people["id_card"])
    return {part: values for part, values in corrections.items() if values} or None


def _kept(reason: str | None) -> str | None:
    """As the platform may keep it, which may cut blanks off, and not know it again with them."""
    return reason and reason.strip()


class ShenheMutations:
    @writes.mutation(ApproveShenhe, ShenhePayload, APPROVAL)
    @described(input="Which review, and corrections (输入).")
    async def approve_shenhe(self, info: Info, input: ApproveShenheInput) -> Written:
        """Approve a pending review, with corrections if any (审核通过)."""
        corrections = _corrections(input.content)
        return await writes.write_row(info, ApproveShenhe, corrections, input.id, input.idempotency_key)

    @writes.mutation(RejectShenhe, ShenhePayload)
    @described(input="Which review, and why (输入).")
    async def reject_shenhe(self, info: Info, input: RejectShenheInput) -> Written:
        """Reject a pending review (审核不通过)."""
        return await writes.write_row(info, RejectShenhe, _kept(input.reason), input.id, input.idempotency_key)

    @writes.mutation(ApproveShenhe, ShenhesPayload, bulk_cost("input.ids", most=MOST_IDS))
    @described(input="Which reviews (输入).")
    async def approve_shenhes(self, info: Info, input: ApproveShenhesInput) -> list[Written]:
        """Approve several reviews as submitted, each with its own result and operation (批量审核通过)."""
        return await writes.write_rows(info, ApproveShenhe, [None], input.ids, input.idempotency_key, most=MOST_IDS)

    @writes.mutation(RejectShenhe, ShenhesPayload, bulk_cost("input.ids"))
    @described(input="Which reviews, and why (输入).")
    async def reject_shenhes(self, info: Info, input: RejectShenhesInput) -> list[Written]:
        """Reject several reviews for one reason or a reason each, each with its own result and operation
        (批量审核不通过)."""
        reasons, name = ([input.reason], "") if input.reasons is None else (input.reasons, "reasons")
        given = (input.ids, input.idempotency_key, input.wrong())
        return await writes.write_rows(info, RejectShenhe, list(map(_kept, reasons)), *given, name=name)
