"""Any record by its type, community and the identifier its platform or the journal knows it by."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.execution.load import Load
from gateway.journal.records import RecordRef
from gateway.loaders.lists import LISTS
from gateway.loaders.order import OrderKey
from gateway.loaders.record_list import RecordList
from gateway.normalise import composed
from gateway.normalise.module import Module


class Reader(NamedTuple):
    """How records of a type are read, and the scope that it needs."""

    scope: Scope | None
    read: Callable[[Info, RecordRef], Awaitable[object]]


async def _community(_info: Info, ref: RecordRef) -> object:
    return composed.Community(str(ref.community_code))


def _listed(records: RecordList[Any]) -> Reader:
    async def read(info: Info, ref: RecordRef) -> object:
        return await info.context.loaders.record(records, ref.platform_id, ref.community_code)

    return Reader(records.scope, read)


async def _order(info: Info, ref: RecordRef) -> object:
    return await Load(info.context.loaders.order, OrderKey(str(ref.community_code), ref.platform_id))


async def _module(info: Info, ref: RecordRef) -> object:
    modules: tuple[Module, ...] = await Load(info.context.loaders.modules, str(ref.community_code))
    return next((module for module in modules if ref.platform_id in (module.name, module.label)), None)


async def _announcement(info: Info, ref: RecordRef) -> object:
    return await info.context.journal.announcements.get(str(ref.community_code), int(ref.platform_id))


async def _payment(info: Info, ref: RecordRef) -> object:
    return await info.context.journal.payments.get(ref.platform_id)


async def _operation(info: Info, ref: RecordRef) -> object:
    return await info.context.journal.operations.get(ref.platform_id)


READERS: dict[str, Reader] = {
    "Community": Reader(None, _community),
    **{records.type_name: _listed(records) for records in LISTS if records.record_endpoint},
    "Order": Reader(Scope.ORDER_READ, _order),
    "Module": Reader(Scope.MODULE_READ, _module),
    "Announcement": Reader(Scope.ANNOUNCEMENT_READ, _announcement),
    "Payment": Reader(Scope.PAYMENT_READ, _payment),
    "Operation": Reader(Scope.OPERATION_READ, _operation),
}


async def read_record(info: Info, ref: RecordRef) -> Any:
    """The record as it is now; None when it is gone, or of a community the caller may not see.

    Raises ForbiddenError where the caller lacks the scope of its type.
    """
    reader = READERS[ref.type]
    if reader.scope is not None:
        info.context.principal.require(reader.scope)
    return await reader.read(info, ref) if info.context.principal.sees(ref.community_code) else None
