"""What records have in common: an id to be read by, a community, events; and arguments that name and bound them."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, TypeVar

import strawberry
from strawberry.types.lazy_type import LazyType

from gateway.actions.identity import named_record
from gateway.auth.node_ids import InvalidNodeIdError, resolve_node_id
from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.entities import LISTS
from gateway.errors import UserInputError, find_violations, refuse_input
from gateway.execution.load import Load
from gateway.journal.records import RecordRef
from gateway.loaders.event_streams import Cursor, Happenings
from gateway.loaders.lists import RecordList
from gateway.modules import MODULE_STATES, MODULES, Module, ModuleStates
from gateway.normalise import records
from gateway.normalise.people import House as HouseRecord
from gateway.normalise.records import HouseKey
from gateway.normalise.values import LARGEST_PART, code_problem
from gateway.orders.reads import OrderKey
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from schema.costs import ANY_RECORD, ANY_RECORDS, MOST_IDS
from schema.fields import described, plain, required, resolved

EnumT = TypeVar("EnumT", bound=StrEnum)

CODE = 'Its code, such as "10002" or "00001": a string, leading zeros kept (小区标识).'

CommunityCode = Annotated[
    strawberry.ID,
    strawberry.argument(
        description='Code of the community, such as "10002" or "00001": a string, leading zeros kept (小区标识).'
    ),
]
OptionalCommunityCode = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Only of this community; omitted: of all the caller may see (小区标识)."),
]
SeveralCodes = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(
        description="Codes of the communities; omitted: all that the caller may see. Excludes `communityCode` "
        "(小区标识列表)."
    ),
]


def community(code: str, argument: str = "communityCode") -> str:
    """The code as it goes to a platform. Raises UserInputError when no community can have it."""
    problem = code_problem(code)
    if problem is not None:
        raise UserInputError(argument, problem(field=argument))
    return str(code)


def wrong_codes(code: str | None, codes: Sequence[str] | None = None) -> Iterator[Violation]:
    """What is wrong with the arguments `communityCode` and `communityCodes`."""
    if code is not None and codes is not None:
        message = InputWording.EXCLUSIVE(field="communityCodes", other="communityCode")
        yield Violation(("communityCodes",), message)
    if codes is not None and not codes:
        yield Violation(("communityCodes",), InputWording.EMPTY_FOR_ALL(field="communityCodes"))
    if code is not None:
        yield from find_violations(community, code)
    for index, each in enumerate(codes or ()):
        yield from find_violations(community, each, f"communityCodes.{index}")


def get_communities(info: Info, code: str | None, codes: Sequence[str] | None = None) -> frozenset[str] | None:
    """Which communities to read, None for all: of the given ones, or all, those that the caller may see. Raises
    UserInputError.
    """
    refuse_input(wrong_codes(code, codes))
    named = codes if code is None else [code]
    if named is None:
        return info.context.principal.communities
    return frozenset(str(each) for each in named if info.context.principal.sees(each))


def find_record(info: Info, node_id: str, argument: str) -> RecordRef | str:
    """What the journal calls the record of a node id, which the caller may not see for that. Raises UserInputError."""
    try:
        return named_record(info.context.ids, node_id)
    except InvalidNodeIdError:
        raise UserInputError(argument, InputWording.NODE_ID(field=argument)) from None


def wrong_name(value: str | None, longest: int, *path: str) -> Iterator[Violation]:
    """What is wrong with a text that somebody or something is called by."""
    if value is not None and not 1 <= len(value) <= longest:
        yield Violation(path, InputWording.LENGTH(field=".".join(path), min=1, max=longest))


EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def wrong_period(since: datetime | None, until: datetime | None, *within: str) -> Iterator[Violation]:
    """A time that nothing in the journal can have, and a period that ends before it begins."""
    for name, moment in (("since", since), ("until", until)):
        if moment is not None and not EARLIEST <= moment < LATEST:
            field, first, last = ".".join((*within, name)), EARLIEST.year, LATEST.year - 1
            yield Violation((*within, name), InputWording.YEAR(field=field, min=first, max=last))
    if since is not None and until is not None and until <= since:
        field, other = ".".join((*within, "until")), ".".join((*within, "since"))
        yield Violation((*within, "until"), InputWording.AFTER(field=field, other=other))


def recognized(value: EnumT | None, argument: str) -> EnumT | None:
    """An enum value that can be asked for or sent. Raises UserInputError for UNRECOGNIZED, which names nothing."""
    if value is not None and value.name == "UNRECOGNIZED":
        raise UserInputError(argument, InputWording.UNRECOGNIZED(field=argument))
    return value


def house_at(key: HouseKey, argument: str = "") -> HouseRecord:
    """The house of an address. Raises UserInputError for a number that no address has."""
    parts = key._asdict()
    beyond = [argument + part for part in key._fields[1:] if abs(parts[part]) > LARGEST_PART]
    messages = {name: InputWording.BEYOND(field=name, min=-LARGEST_PART, max=LARGEST_PART) for name in beyond}
    refuse_input(Violation(tuple(name.split(".")), message) for name, message in messages.items())
    return HouseRecord(**parts)


@strawberry.interface(description="An object that can be fetched by its id (节点).")
class Node:
    id: strawberry.ID = required("Opaque id, signed by this gateway: send it back unchanged (节点标识).")


def its_community(unknown: str = "") -> Any:
    """The community of a record. `unknown` says when it is null; without it, it never is."""

    def resolve(root: Any, info: Info) -> records.Community | None:
        code = root.community_code
        return records.Community(code) if code is not None and info.context.principal.sees(code) else None

    shown: Any = LazyType("Community", "schema.community")  # the types show each other
    description = f"Its community{unknown and f'; null {unknown}'} (小区)."
    return resolved(shown | None if unknown else shown, description=description)(resolve)


async def community_codes(info: Info) -> Iterable[str]:
    """The codes of all communities that the caller may see. Raises GatewayError where a platform has to be asked."""
    codes = info.context.communities
    if codes is not None:
        return codes
    states: ModuleStates = await Load(info.context.loaders.of(MODULE_STATES), "all")
    return sorted(states)


class Reader(NamedTuple):
    """How records of a type are read, and the scope that it needs."""

    scope: Scope | None
    read: Callable[[Info, RecordRef], Awaitable[object]]


async def _community(_info: Info, ref: RecordRef) -> object:
    return records.Community(str(ref.community_code))


def _listed(records: RecordList[Any]) -> Reader:
    return Reader(
        records.scope, lambda info, ref: info.context.loaders.record(records, ref.platform_id, ref.community_code)
    )


async def _module(info: Info, ref: RecordRef) -> object:
    modules: tuple[Module, ...] = await Load(info.context.loaders.of(MODULES), str(ref.community_code))
    return next((module for module in modules if module.identifier == ref.platform_id), None)


_PART_OF_ADDRESS = re.compile(r"(-?\d+)(?:-|$)")


async def _house(_info: Info, ref: RecordRef) -> object:
    return house_at(HouseKey(str(ref.community_code), *map(int, _PART_OF_ADDRESS.findall(ref.platform_id))))


READERS: dict[str, Reader] = {
    "Community": Reader(None, _community),
    "House": Reader(Scope.PEOPLE_READ, _house),
    **{records.type_name: _listed(records) for records in LISTS if records.record_endpoint},
    "Order": Reader(
        Scope.ORDER_READ,
        lambda info, ref: Load(info.context.loaders.order, OrderKey(str(ref.community_code), ref.platform_id)),
    ),
    "Module": Reader(Scope.MODULE_READ, _module),
    "Announcement": Reader(
        Scope.ANNOUNCEMENT_READ,
        lambda info, ref: info.context.journal.announcements.by_number(str(ref.community_code), int(ref.platform_id)),
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
    return None if node is None else await read_record(info, RecordRef(*node))


class NodeQueries:
    @resolved(Node | None, cost=ANY_RECORD)
    @described(id="A node id (节点标识).")
    async def node(self, info: Info, id: strawberry.ID) -> object:
        """Any record by its node id; needs the scope of its type. Null if it is gone or the caller may not see it
        (节点)."""
        return await _by_id(info, id)

    @resolved(
        list[Node | None] | None,
        cost=ANY_RECORDS,
        description=f"Records by their node ids, in the requested order; at most {MOST_IDS}; null for one that is "
        "gone, or that the caller may not see (节点列表).",
    )
    @described(ids="Node ids (节点标识列表).")
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[object]:
        if len(ids) > MOST_IDS:
            raise UserInputError("ids", InputWording.COUNT_AT_MOST(field="ids", max=MOST_IDS))
        # An error in its place becomes the error of that one record.
        return list(await asyncio.gather(*(_by_id(info, node_id) for node_id in ids), return_exceptions=True))


After = Annotated[
    str | None,
    strawberry.argument(
        description="Cursor of the last event received, from any of these subscriptions: resumes after it; omitted: "
        "only new events. In an event stream, the header Last-Event-ID takes precedence (起始游标)."
    ),
]

NULL_RECORD = "null if it is gone, or the event only says that changes may have been missed"


@strawberry.interface(description="An event, kept for 24 hours (事件).")
class Event:
    cursor: str = plain("Opaque; pass it as `after` to resume after this event (游标).")
    at: datetime = plain("When the gateway detected it (时间).")
    missed: bool = plain(
        "Whether changes since the previous event may have been missed: read the list again (是否可能有遗漏)."
    )


def noticed(
    info: Info, after: str | None, stream: Callable[[Cursor | None], Happenings], *, visible: bool = True
) -> Happenings:
    """The events of a stream from the cursor on; none where they are not the caller's to see. Raises UserInputError for
    what is no cursor.
    """
    text = info.context.last_event_id or after
    cursor = None if text is None else info.context.event_streams.cursors.read(text)
    return _renewed(info, stream(cursor) if visible else None)


async def _renewed(info: Info, happenings: Happenings | None) -> Happenings:
    """The events, each with what the caller may see then and nothing read before."""
    if happenings is None:
        return
    try:
        async for happened in happenings:
            info.context.renew()
            yield happened
    finally:
        await happenings.aclose()
