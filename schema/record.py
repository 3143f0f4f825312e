"""What records have in common: an id to be read by, a community, and values that did not arrive as documented."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import strawberry

from gateway.auth.masking import has_number, mask, mask_text
from gateway.auth.node_ids import resolve_node_id
from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.errors import UserInputError
from gateway.execution.load import Load
from gateway.journal.records import RecordRef
from gateway.loaders.lists import LISTS
from gateway.loaders.lookups import ModuleStates
from gateway.loaders.order import OrderKey
from gateway.loaders.record_list import RecordList
from gateway.normalise import composed, records
from gateway.normalise.module import Module
from gateway.normalise.records import HouseKey
from gateway.normalise.vocabulary import DataProblem, PlatformName
from gateway.wording.inputs import InputWording
from schema.arguments import house_at
from schema.costs import ANY_RECORD, ANY_RECORDS, MOST_IDS
from schema.fields import parts_with_text, plain, record_type

if TYPE_CHECKING:
    from schema.community import Community


@strawberry.interface(description="What can be fetched again by its id (节点).")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Opaque and signed: made by this gateway, kept and sent back as it is (节点标识)."
    )


CommunityType = Annotated["Community", strawberry.lazy("schema.community")]


def its_community(unknown: str = "") -> Any:
    """The community of a record. `unknown` says when it is null; without it, it never is."""

    def resolve(root: strawberry.Parent[Any], info: Info) -> composed.Community | None:
        code = root.community_code
        return composed.Community(code) if code is not None and info.context.principal.sees(code) else None

    return strawberry.field(
        resolver=resolve,
        description=f"Its community{unknown and f'; null {unknown}'} (小区).",
        graphql_type=CommunityType | None if unknown else CommunityType,
    )


async def community_codes(info: Info) -> Iterable[str]:
    """The codes of all communities that the caller may see. Raises GatewayError where a platform has to be asked."""
    codes = info.context.communities
    if codes is not None:
        return codes
    states: ModuleStates = await Load(info.context.loaders.module_states, "all")
    return sorted(states)


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


async def _module(info: Info, ref: RecordRef) -> object:
    modules: tuple[Module, ...] = await Load(info.context.loaders.modules, str(ref.community_code))
    return next((module for module in modules if ref.platform_id in (module.name, module.label)), None)


READERS: dict[str, Reader] = {
    "Community": Reader(None, _community),
    **{records.type_name: _listed(records) for records in LISTS if records.record_endpoint},
    "Order": Reader(
        Scope.ORDER_READ,
        lambda info, ref: Load(info.context.loaders.order, OrderKey(str(ref.community_code), ref.platform_id)),
    ),
    "Module": Reader(Scope.MODULE_READ, _module),
    "Announcement": Reader(
        Scope.ANNOUNCEMENT_READ,
        lambda info, ref: info.context.journal.announcements.get(str(ref.community_code), int(ref.platform_id)),
    ),
    "Payment": Reader(Scope.PAYMENT_READ, lambda info, ref: info.context.journal.payments.get(ref.platform_id)),
    "Operation": Reader(Scope.OPERATION_READ, lambda info, ref: info.context.journal.operations.get(ref.platform_id)),
}


async def read_record(info: Info, ref: RecordRef) -> Any:
    """The record as it is now; None when it is gone, or of a community the caller may not see.

    Raises ForbiddenError where the caller lacks the scope of its type.
    """
    reader = READERS[ref.type]
    if reader.scope is not None:
        info.context.principal.require(reader.scope)
    return await reader.read(info, ref) if info.context.principal.sees(ref.community_code) else None


async def _by_id(info: Info, text: str) -> Any:
    """The record of an id; None when it is gone, or out of the caller's reach. Raises ForbiddenError."""
    node = resolve_node_id(info.context.principal, info.context.ids, text)
    if node is None:
        return None
    if node.type_name != "House":
        identifier = node.parts[0] if node.parts else node.community_code
        return await read_record(info, RecordRef(node.type_name, node.community_code, str(identifier)))
    info.context.principal.require(Scope.PEOPLE_READ)
    return house_at(HouseKey(str(node.community_code), *map(int, node.parts)))


@strawberry.type
class NodeQueries:
    @strawberry.field(
        description="Any record by its node id; needs the scope of its type. Null when it is gone or not the caller's "
        "to see (节点).",
        graphql_type=Node | None,
        metadata=ANY_RECORD,
    )
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="A node id (节点标识).")]
    ) -> object:
        return await _by_id(info, id)

    @strawberry.field(
        description=f"Records by their node ids, in the order asked for; at most {MOST_IDS} (节点列表).",
        graphql_type=list[Node | None] | None,
        metadata=ANY_RECORDS,
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Node ids (节点标识列表).")],
    ) -> list[object]:
        if len(ids) > MOST_IDS:
            raise UserInputError("ids", InputWording.COUNT_AT_MOST(field="ids", max=MOST_IDS))
        # An error in its place becomes the error of that one record.
        return list(await asyncio.gather(*(_by_id(info, node_id) for node_id in ids), return_exceptions=True))
