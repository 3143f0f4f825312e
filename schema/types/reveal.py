"""The audit trail of reveals, as auditors query it."""

from datetime import datetime

import strawberry

from gateway.actions.identity import public_id
from gateway.context import Info
from gateway.journal import audit
from schema.types.fields import plain, record_type

NO_RECORD = "UNKNOWN"


@record_type(
    audit.Reveal,
    description="One record that was shown with personal data unmasked: to whom, and which fields, never a value. The "
    "same again within half a second is one reveal, with the time and the request of the last (明文查看记录).",
)
class Reveal:
    at: datetime = plain("When it was shown (时间).")
    subject: str = plain("To whom, as the token names them (查看人).")
    fields: list[str] = plain("Public paths, from the record, of the fields that held personal data (字段).")
    operation_name: str | None = plain("Name of the GraphQL operation; null where it has none (操作名称).")
    request_id: str = plain("Id of the request, as in the answer's `X-Request-Id` (请求标识).")

    @strawberry.field(description="Node id of the record, or of the person; null where it has none (记录标识).")
    def record_id(root: strawberry.Parent[audit.Reveal], info: Info) -> strawberry.ID | None:
        return None if root.record is None else strawberry.ID(public_id(info.context.ids, root.record))

    @strawberry.field(description=f'The type of the record; "{NO_RECORD}" for one without an id (记录类型).')
    def type_name(root: strawberry.Parent[audit.Reveal]) -> str:
        return NO_RECORD if root.record is None else root.record.type
