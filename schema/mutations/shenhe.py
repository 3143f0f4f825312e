"""Deciding registration reviews."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import strawberry

from gateway.actions.row import RowRef
from gateway.actions.write import Write, Written, invalid, masked
from gateway.context import Info
from gateway.errors import find_violations
from gateway.execution.load import Load
from gateway.loaders.lists import SHENHES
from gateway.loaders.record_list import RecordKey
from gateway.normalise.corrections import Corrections
from gateway.normalise.field import public_name
from gateway.normalise.shenhe import Shenhe as ShenheRecord
from gateway.normalise.shenhe_content import ShenheHouse, ShenhePeople
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema.mutations.input import (
    OPTIONAL_EACH_KEY,
    OPTIONAL_KEY,
    at_most,
    entries,
    entry_key,
    finished,
    given,
    idempotency_key,
    not_found,
    require,
    results_field,
    row,
    row_writes,
    write_all,
    written_record,
)
from schema.types.arguments import recognized
from schema.types.costs import APPROVAL, MOST_ENTRIES, MOST_IDS, ONE_CALL, WRITE, bulk_costs
from schema.types.fields import correction_input, needs, optional, record_type
from schema.types.payload import MutationPayload
from schema.types.shenhe import Shenhe

LONGEST_REASON = 500


@correction_input(ShenhePeople, description="What the reviewer corrects about the applicant (申请人更正).")
class ShenhePeopleInput:
    pass


@correction_input(ShenheHouse, description="What the reviewer corrects about the house (申请房屋更正).")
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
    idempotency_key: strawberry.ID | None = optional(OPTIONAL_KEY)


@strawberry.input(description="Reject a review (审核不通过).")
class RejectShenheInput:
    id: strawberry.ID = strawberry.field(description="The review (审核标识).")
    reason: str | None = optional(
        f"Why, in at most {LONGEST_REASON} characters. The platform's document has no parameter for it: "
        "`reasonRecorded` says whether the platform kept it, the operation keeps it in any case (拒绝理由)."
    )
    idempotency_key: strawberry.ID | None = optional(OPTIONAL_KEY)


@strawberry.input(description="Approve several reviews as submitted (批量审核通过).")
class ApproveShenhesInput:
    ids: list[strawberry.ID] = strawberry.field(description=f"The reviews, 1 to {MOST_IDS} (审核标识列表).")
    idempotency_key: strawberry.ID | None = optional(OPTIONAL_EACH_KEY)


@strawberry.input(description="Reject several reviews for the same reason (批量审核不通过).")
class RejectShenhesInput:
    ids: list[strawberry.ID] = strawberry.field(description=f"The reviews, 1 to {MOST_ENTRIES} (审核标识列表).")
    reason: str = strawberry.field(
        description=f"Why, in 1 to {LONGEST_REASON} characters; as for `rejectShenhe` (拒绝理由)."
    )
    idempotency_key: strawberry.ID | None = optional(OPTIONAL_EACH_KEY)


ApproveInput = Annotated[ApproveShenheInput, strawberry.argument(description="Which review, and corrections (输入).")]
RejectInput = Annotated[RejectShenheInput, strawberry.argument(description="Which review, and why (输入).")]
ApproveAllInput = Annotated[ApproveShenhesInput, strawberry.argument(description="Which reviews (输入).")]
RejectAllInput = Annotated[RejectShenhesInput, strawberry.argument(description="Which reviews, and why (输入).")]


@record_type(Written, description="How a decision on a review ended (审核结果).")
class ShenhePayload(MutationPayload):
    @strawberry.field(
        description="The review as the platform shows it now (审核).",
        directives=needs(["shenhe:read"]),
        graphql_type=Shenhe | None,
        metadata=ONE_CALL,
    )
    def shenhe(root: strawberry.Parent[Written], info: Info) -> Load[RecordKey, ShenheRecord | None] | None:
        record = written_record(info, root)
        if record is None:
            return None
        return info.context.loaders.record(SHENHES, record.platform_id, record.community_code)

    @strawberry.field(
        description="On a rejection with a reason: whether the platform kept it; null when it could not be read back "
        "(理由是否被平台保存)."
    )
    def reason_recorded(root: strawberry.Parent[Written]) -> bool | None:
        answer = root.operation.answer if root.operation else None
        return answer.get("reasonRecorded") if answer else None


@strawberry.type(description="How several decisions ended (批量审核结果).")
class ShenhesPayload:
    results = results_field(ShenhePayload, "id")


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
        require(
            find_violations(idempotency_key, key),
            _unrecognized(corrections),
            besides=lambda: actions.violations(corrections),
        )
        review = row(info, input.id, "Shenhe")
        if review is None:
            return await not_found(info, "approveShenhe", "review", actions.errors(principal, corrections))
        return finished(info, await actions.approve(principal, review, corrections, key))

    @strawberry.mutation(
        description="Reject a review that is pending (审核不通过).",
        directives=needs(["shenhe:review"]),
        graphql_type=ShenhePayload | None,
        metadata=WRITE,
    )
    async def reject_shenhe(self, info: Info, input: RejectInput) -> Written:
        key = input.idempotency_key
        require(
            find_violations(idempotency_key, key),
            at_most("reason", input.reason, LONGEST_REASON),
            besides=lambda: masked(input.reason, "reason"),
        )
        review = row(info, input.id, "Shenhe")
        if review is None:
            return await not_found(info, "rejectShenhe", "review", invalid(masked(input.reason, "reason")))
        reason = (input.reason or "").strip() or None  # the platform may cut blanks off, and then not know it again
        return finished(info, await info.context.actions.shenhe.reject(info.context.principal, review, reason, key))

    @strawberry.mutation(
        description="Approve several reviews as submitted: a result and an operation for each (批量审核通过).",
        directives=needs(["shenhe:review"]),
        graphql_type=ShenhesPayload | None,
        metadata=bulk_costs("input.ids", most=MOST_IDS),
    )
    async def approve_shenhes(self, info: Info, input: ApproveAllInput) -> list[Written]:
        key, make = input.idempotency_key, info.context.actions.shenhe.make_approval
        require(find_violations(entries, "ids", input.ids, MOST_IDS), find_violations(idempotency_key, key))

        def approval(review: RowRef) -> Write:
            return make(info.context.principal, review, None, entry_key(key, review.platform_id))

        reviews = [row(info, node_id, "Shenhe") for node_id in input.ids]
        return await write_all(info, row_writes("approveShenhe", "review", reviews, approval))

    @strawberry.mutation(
        description="Reject several reviews for the same reason: a result and an operation for each (批量审核不通过).",
        directives=needs(["shenhe:review"]),
        graphql_type=ShenhesPayload | None,
        metadata=bulk_costs("input.ids"),
    )
    async def reject_shenhes(self, info: Info, input: RejectAllInput) -> list[Written]:
        reason, key = input.reason.strip(), input.idempotency_key
        require(
            find_violations(entries, "ids", input.ids),
            _wrong_length(reason),
            find_violations(idempotency_key, key),
            besides=lambda: masked(reason, "reason"),
        )
        make = info.context.actions.shenhe.make_rejection

        def rejection(review: RowRef) -> Write:
            return make(info.context.principal, review, reason, entry_key(key, review.platform_id))

        reviews, wrong = [row(info, node_id, "Shenhe") for node_id in input.ids], invalid(masked(reason, "reason"))
        return await write_all(info, row_writes("rejectShenhe", "review", reviews, rejection, wrong))


def _corrections(content: ShenheContentInput | None) -> Corrections | None:
    """What to merge, or None."""
    if content is None:
        return None
    corrections = {
        part: given(values) for part, values in (("people", content.people), ("house", content.house)) if values
    }
    return {part: values for part, values in corrections.items() if values} or None


def _unrecognized(corrections: Corrections | None) -> Iterable[Violation]:
    """UNRECOGNIZED is no correction."""
    for part, values in (corrections or {}).items():
        for name, value in values.items():
            if isinstance(value, StrEnum):
                yield from find_violations(recognized, value, f"input.content.{part}.{public_name(name)}")


def _wrong_length(reason: str) -> Iterable[Violation]:
    if not 1 <= len(reason) <= LONGEST_REASON:
        yield Violation(("input", "reason"), InputWording.LENGTH(field="reason", min=1, max=LONGEST_REASON))
