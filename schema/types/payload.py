"""What every mutation answers: how it ended, why not, and its durable record."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from gateway.actions.write import Written
from gateway.context import Info
from gateway.journal import records
from gateway.normalise.states import Outcome, UserErrorCode
from schema.types.fields import needs, plain, record_type

if TYPE_CHECKING:
    from schema.types.operation import Operation


@record_type(records.UserError, description="Why a write was refused, for the caller to act on (业务错误).")
class UserError:
    field: list[str] | None = plain("Path of the input field it is about (字段路径).")
    message: str = plain("For developers, in English (说明).")
    message_zh: str = plain("The same message in Chinese, to be shown to people (中文说明).")
    rule: str | None = plain(
        "Which rule of the input is broken, a word of a closed list such as LENGTH or MASKED; null when it is not the "
        "input (规则)."
    )
    min: str | None = plain("The lower bound that the rule sets, as text; null without one (下限).")
    max: str | None = plain("The upper bound that the rule sets, as text; null without one (上限).")
    upstream_message: str | None = plain("The platform's own words for its users (平台提示).")

    @strawberry.field(description="Which kind of refusal (错误码).")
    def code(root: strawberry.Parent[records.UserError]) -> UserErrorCode:
        return UserErrorCode(root.code)


@strawberry.interface(description="How a write ended (写入结果).")
class MutationPayload:
    outcome: Outcome = plain("How it ended (写入结果).")
    user_errors: list[UserError] = plain("Why it was refused; empty otherwise (业务错误).")

    @strawberry.field(
        description="The durable record of this write; null when none was begun (写入记录).",
        directives=needs(["operation:read"]),
        graphql_type=Annotated["Operation", strawberry.lazy("schema.types.operation")] | None,
    )
    def operation(root: strawberry.Parent[Written], _info: Info) -> records.Operation | None:
        return root.operation
