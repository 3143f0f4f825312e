"""Values that did not arrive as documented."""

from typing import Any

import strawberry

from gateway.auth.masking import has_number, mask, mask_text
from gateway.context import Info
from gateway.normalise import records
from gateway.normalise.vocabulary import DataProblem, PlatformName
from schema.types.fields import parts_with_text, plain, record_type


def data_issues(elsewhere: str = "") -> Any:
    """The issues of a record. They are observed as a whole, with the record: an issue does not know whose it is.

    `elsewhere` says which issues of its fields stand in another object.
    """
    return parts_with_text(
        f"Values that did not arrive as documented{elsewhere} (数据问题).", "data_issues", _is_personal
    )


def _is_personal(issue: records.DataIssue) -> bool:
    return issue.raw is not None and (issue.pii is not None or has_number(issue.raw))


def _shown(issue: records.DataIssue, info: Info) -> str | None:
    """What the platform sent, as this caller may see it: whatever the field is, it may hold anything."""
    principal = info.context.principal
    if issue.of_any_community and not principal.sees_all:
        return None
    if principal.reveals_pii:
        return issue.raw
    return mask_text(issue.raw) if issue.pii is None else mask(issue.pii, issue.raw)


@record_type(records.DataIssue, description="One value that did not arrive as documented (数据问题).")
class DataIssue:
    field: str = plain("Dotted path of public field names from the object that carries this issue (字段).")
    problem: DataProblem = plain("What is wrong with it (问题).")
    platform: PlatformName = plain("The platform that sent it (来源平台).")

    @strawberry.field(
        description="What the platform sent, word for word; masked like the field itself, and withheld where it may "
        "name communities that the caller may not see (原文)."
    )
    def raw(root: strawberry.Parent[records.DataIssue], info: Info) -> str | None:
        return _shown(root, info)

    @strawberry.field(description="Whether `raw` is masked or withheld from this caller (是否脱敏).")
    def masked(root: strawberry.Parent[records.DataIssue], info: Info) -> bool:
        return _shown(root, info) != root.raw
