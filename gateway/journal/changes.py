"""Which events an operation leaves when its outcome is known."""

from gateway.journal.events import get_audience
from gateway.journal.records import OPERATION, REPAIR_CHANGED, SHENHE_CHANGED, NewEvent, Operation
from gateway.normalise.states import ChangeKind, OperationState
from gateway.normalise.vocabulary import RepairStatus


def get_resolution(operation: Operation) -> NewEvent:
    """That an UNKNOWN operation became known: an event for who wrote."""
    return NewEvent(
        topic=OPERATION,
        community_code=operation.community_code,
        audience=get_audience(operation.subject),
        record_id=operation.id,
        kind=operation.state,
    )


def change_by(operation: Operation) -> NewEvent | None:
    """What a confirmed write has changed in a list that is watched; None: nothing."""
    record, expected = operation.record, operation.expected or {}
    if operation.state is not OperationState.CONFIRMED or record is None or record.community_code is None:
        return None
    if record.type == "Shenhe" and "status" in expected:
        topic, kind, status = SHENHE_CHANGED, ChangeKind.DECIDED, str(expected["status"])
    elif record.type == "Repair" and "after" in expected:
        topic, status = REPAIR_CHANGED, str(expected["after"][0])
        kind = _kind_of_update(str(expected["before"][0]), status)
    else:
        return None
    return NewEvent(
        topic=topic,
        community_code=record.community_code,
        record_id=record.platform_id,
        kind=kind,
        status=status,
        written=True,
    )


def _kind_of_update(before: str, after: str) -> ChangeKind:
    if after == RepairStatus.RESOLVED:
        return ChangeKind.RESOLVED
    return ChangeKind.REOPENED if before == RepairStatus.RESOLVED else ChangeKind.CHANGED
