"""Values that did not arrive as documented."""

import strawberry

from gateway.context import Info
from schema.normalise import records
from schema.normalise.vocabulary import DataProblem, PlatformName
from schema.types.fields import plain, record_type


def _is_masked(issue: records.DataIssue, info: Info) -> bool:
    return issue.pii is not None and issue.raw is not None and not info.context.principal.reveals_pii


@record_type(records.DataIssue, description="One value that did not arrive as documented (数据问题).")
class DataIssue:
    field: str = plain("Dotted path of public field names from the object that carries this issue (字段).")
    problem: DataProblem = plain("What is wrong with it (问题).")
    platform: PlatformName = plain("The platform that sent it (来源平台).")

    @strawberry.field(description="What the platform sent, word for word; masked like the field itself (原文).")
    def raw(root: strawberry.Parent[records.DataIssue], info: Info) -> str | None:
        if root.pii is None or root.raw is None:
            return root.raw
        shown = info.context.reveal(root.pii, root.raw)
        return None if shown is None else str(shown)

    @strawberry.field(description="Whether `raw` is masked or withheld from this caller (是否脱敏).")
    def masked(root: strawberry.Parent[records.DataIssue], info: Info) -> bool:
        return _is_masked(root, info)
