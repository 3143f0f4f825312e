"""Events: what happened to a record, and where to go on after it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import strawberry

from gateway.context import Info
from gateway.execution.load import Load
from gateway.journal import records
from gateway.loaders.event_streams import Cursor, Happened, Happenings
from gateway.loaders.record_list import RecordKey
from gateway.normalise.states import ChangeKind, PaymentEventKind
from schema.types.costs import ONE_CALL
from schema.types.fields import needs, plain, record_type
from schema.types.lists import LISTS
from schema.types.operation import Operation
from schema.types.payment import Payment
from schema.types.record_list import CommunityList

After = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor of the event received last, from any of these subscriptions: begins with what was "
        "noticed since; omitted: with what is noticed from now on. In an event stream, the header Last-Event-ID goes "
        "before it (起始游标)."
    ),
]

NULL_RECORD = "null where it is gone, or the event says no more than that changes may have been missed"


@strawberry.interface(description="Something that was noticed, kept for 24 hours (事件).")
class Event:
    cursor: str = plain("Opaque: where to go on after this event, as the argument `after` (游标).")
    at: datetime = plain("When it was noticed (时间).")
    missed: bool = plain(
        "Whether, between the event before and this one, changes may have gone unnoticed: read the list again "
        "(是否可能有遗漏)."
    )


def _event_type(shown: CommunityList) -> type:
    """The type of the events of a list: `ShenheEvent`."""
    list_records = shown.records

    def kind(root: strawberry.Parent[Happened]) -> ChangeKind:
        return ChangeKind.CHANGED if root.kind is None else ChangeKind(root.kind)

    def record(root: strawberry.Parent[Happened], info: Info) -> Load[RecordKey, Any] | None:
        if root.record_id is None:
            return None
        return info.context.loaders.record(list_records, root.record_id, root.community_code)

    fields = {
        "kind": strawberry.field(
            resolver=kind,
            description=f"What happened; CHANGED, too, where no {shown.noun} is named (变动类型).",
        ),
        shown.name: strawberry.field(
            resolver=record,
            description=f"The {shown.noun} as it is now; {NULL_RECORD} ({shown.chinese}).",
            directives=needs([list_records.scope]),
            graphql_type=shown.node | None,
            metadata=ONE_CALL,
        ),
    }
    cls = type(f"{shown.node.__name__}Event", (Event,), fields)
    return record_type(Happened, description=f"What happened to a {shown.noun} ({shown.chinese}事件).")(cls)


LIST_EVENTS: Mapping[str, type] = {shown.name: _event_type(shown) for shown in LISTS if shown.records.watched}
"""By the name of a list's records, the type of its events."""


@record_type(Happened, description="What happened to a payment notification (缴费通知事件).")
class PaymentEvent(Event):
    @strawberry.field(description="What happened; RECEIVED, too, where no notification is named (事件类型).")
    def kind(root: strawberry.Parent[Happened]) -> PaymentEventKind:
        return PaymentEventKind.RECEIVED if root.kind is None else PaymentEventKind(root.kind)

    @strawberry.field(
        description=f"The notification as it is now; {NULL_RECORD} (缴费通知).",
        directives=needs(["payment:read"]),
        graphql_type=Payment | None,
    )
    async def payment(root: strawberry.Parent[Happened], info: Info) -> records.Payment | None:
        payment = root.record_id and await info.context.journal.payments.get(root.record_id)
        return payment if payment and info.context.principal.sees(payment.community_code) else None


@record_type(
    Happened, description="That the outcome of a write of the caller's own, which was UNKNOWN, is known (写入事件)."
)
class OperationEvent(Event):
    @strawberry.field(
        description="The operation as it is now; null where the event says no more than that some may have been missed "
        "(写入记录).",
        graphql_type=Operation | None,
    )
    async def operation(root: strawberry.Parent[Happened], info: Info) -> records.Operation | None:
        operation = root.record_id and await info.context.journal.operations.get(root.record_id)
        return operation if operation and operation.subject == info.context.principal.subject else None


def make_cursor(info: Info, after: str | None) -> Cursor | None:
    """Where to begin. Raises UserInputError for what is no cursor."""
    text = info.context.last_event_id or after
    return None if text is None else Cursor.read(text)


async def renewed(info: Info, happenings: Happenings) -> Happenings:
    """The events, each with what the caller may see then and nothing read before."""
    try:
        async for happened in happenings:
            info.context.renew()
            yield happened
    finally:
        await happenings.aclose()
