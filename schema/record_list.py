"""How the schema shows a list of a community's records: what `gateway.loaders.lists` leaves to say."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Any, TypeAlias

import msgspec
import strawberry
from graphql import GraphQLError

from gateway.actions.write import Written
from gateway.auth.node_ids import resolve_node_id
from gateway.context import Info, Lookup
from gateway.errors import (
    ForbiddenCommunityError,
    PlatformError,
    UserInputError,
    drop_tracebacks,
    find_violations,
    refuse_input,
)
from gateway.execution.cost import OfCaller
from gateway.execution.load import Load
from gateway.execution.response import IncompleteError
from gateway.loaders.event_streams import Happened, Happenings
from gateway.loaders.paging import Failure, Slice
from gateway.loaders.record_list import RecordKey, RecordList
from gateway.loaders.slices import SliceKey
from gateway.normalise.field import DeclaredField, declared_fields
from gateway.normalise.kinds import IDENTIFIER
from gateway.normalise.plausible import id_card_problem
from gateway.normalise.states import ChangeKind
from gateway.normalise.values import document_number, mobile_number
from gateway.normalise.vocabulary import PiiKind
from gateway.normalise.wire_enum import WireEnum
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Violation
from gateway.wording.writes import WriteWording
from schema import writes
from schema.arguments import CommunityCode, community, recognized, wrong_codes
from schema.connection import Window, checked, connection_field, foreign_cursor
from schema.costs import MERGED, ONE_CALL, list_costs
from schema.event import NULL_RECORD, After, Event, make_cursor, nothing, renewed
from schema.fields import needs, record_input, record_type
from schema.record import community_codes

OneCommunityCode = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description='Code of the community, such as "10002" or "00001": a text, zeros kept; omitted: of several '
        "(小区标识)."
    ),
]
CommunityCodes = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(
        description="Codes of the communities to merge; omitted: all that the caller may see. Excludes "
        "`communityCode` (小区标识列表)."
    ),
]

SEVERAL_COMMUNITIES = (
    "Without `communityCode` the lists of several communities are merged in the same order; `page` cannot be given "
    "then. A community that fails costs its own items, and an error that names it; one that fails after some of its "
    "items, those that follow."
)

SliceLoad: TypeAlias = Lookup[SliceKey, Slice[Any]]

_TOTAL = attrgetter("total")


@dataclass(frozen=True, eq=False, kw_only=True)
class CommunityList:
    """A list in the schema, whose records are shown as `node`, and its words.

    `name` is the name of the field that shows one record; `noun` and `chinese` are what descriptions call it.
    `of_community` describes the list at the root, `listed` that in the community, `changes` what happens to records.
    `count` has the name and description of the field that counts what waits. `filter` is the annotation of the
    argument, where it has more than the fields of the query; `complete` then makes the attributes of the query of the
    values of the filters, and raises UserInputError with all that is wrong.
    """

    records: RecordList[Any]
    node: type
    name: str
    noun: str
    chinese: str
    of_community: str
    listed: str
    count: tuple[str, str]
    changes: str = ""
    filter: Any = None
    complete: Callable[[Any, dict[str, Any]], Mapping[str, Any]] = lambda _filters, given: given

    def load(
        self, info: Info, community_code: str, filters: Any, part: Window, **fixed: str | int | None
    ) -> SliceLoad | None:
        """A part of a community's list; None when the caller may not see it. `fixed` are filters that are not the
        caller's own.

        Raises UserInputError for a code or filter that is none. Who asks for somebody's records may be guessing at what
        is masked: such filters of the caller's make it a look-up of people.
        """
        try:
            code = community(community_code)
            query = self.query(filters)
        except UserInputError:
            refuse_input(wrong_codes(community_code), self.wrong_filter(filters))
            raise
        if not info.context.principal.sees(code):
            return None
        asked = msgspec.structs.replace(query, **fixed) if fixed else query
        return self._slice(info, (code,), asked, part, counts=filters is not None and self.records.names_someone(query))

    def _slice(self, info: Info, codes: tuple[str, ...], query: Any, part: Window, *, counts: bool) -> SliceLoad:
        """Raises UserInputError for a cursor of another list, filter or community."""
        part = checked(part, info, self.records.type_name, query)
        places = part.places
        if places and not any(stream.community_code in codes for stream, _ in places):
            raise foreign_cursor()
        load = info.context.loaders.slice(self.records, codes, query, part.offset, part.first, places, part.tag or "")
        return info.context.counted(load) if counts else load

    async def load_several(
        self, info: Info, given: Sequence[str] | None, filters: Any, part: Window
    ) -> Slice[Any] | None:
        """A part of the lists of these communities merged, or of all that the caller may see. The errors of those that
        fail, or are not the caller's to see, are reported. None when all are.

        Raises UserInputError.
        """
        try:
            refuse_input(_wrong_of_several(given, part))
            query = self.query(filters)
            asked = given and [community(code, f"communityCodes.{index}") for index, code in enumerate(given)]
        except UserInputError:
            refuse_input(_wrong_of_several(given, part), wrong_codes(None, given), self.wrong_filter(filters))
            raise
        codes = tuple(dict.fromkeys(asked or await community_codes(info)))
        foreign = [code for code in codes if not info.context.principal.sees(code)]
        for code in foreign:
            error = ForbiddenCommunityError(WriteWording.OTHER_COMMUNITY())
            info.context.report(_located(info, Failure(code, error)))
        codes = tuple(code for code in codes if code not in foreign)
        if not codes:
            return None if foreign else Slice((), 0, part.first, 0)
        after = part if part.places is not None else part._replace(places=())
        counts = filters is not None and self.records.names_someone(query)
        found: Slice[Any]
        try:
            found = await self._slice(info, codes, query, after, counts=counts)
        except IncompleteError as error:
            drop_tracebacks(error)
            found = error.part
        except PlatformError as error:  # of the only one there is
            found = Slice((), 0, part.first, 0, failures=(Failure(codes[0], error),))
        for failure in found.failures:
            info.context.report(_located(info, failure))
        return found if found.items or len(found.failures) < len(codes) else None

    def wrong_filter(self, filters: Any) -> Iterator[Violation]:
        """All that is wrong with the filters."""
        if filters is None:
            return
        declared = declared_fields(self.records.query)
        given = {name: getattr(filters, name) for name in declared}
        for name, field in declared.items():
            yield from find_violations(_asked, field, given[name])
        yield from find_violations(self.complete, filters, given)

    def query(self, filters: Any) -> Any:
        """The query that the filters mean. Raises UserInputError."""
        if filters is None:
            return self.records.everything
        declared = declared_fields(self.records.query)
        asked = {name: _asked(field, getattr(filters, name)) for name, field in declared.items()}
        return self.records.query(**self.complete(filters, asked))

    def community_field(self) -> Any:
        """The list, as a field of its community."""

        def resolve(root: strawberry.Parent[Any], info: Info, part: Window, filter: Any = None) -> SliceLoad | None:
            return self.load(info, root.code, filter, part)

        return self._field(self.listed, resolve)

    def root_field(self) -> Any:
        """The list, as a field of the root."""

        def resolve(
            info: Info,
            part: Window,
            community_code: OneCommunityCode = None,
            community_codes: CommunityCodes = None,
            filter: Any = None,
        ) -> SliceLoad | Awaitable[Slice[Any] | None] | None:
            if community_code is None:
                return self.load_several(info, community_codes, filter, part)
            if community_codes is not None:
                message = InputWording.EXCLUSIVE(field="communityCodes", other="communityCode")
                both = Violation(("communityCodes",), message)
                refuse_input([both], wrong_codes(community_code, community_codes), self.wrong_filter(filter))
            return self.load(info, community_code, filter, part)

        return self._field(f"{self.of_community} {SEVERAL_COMMUNITIES}", resolve, MERGED)

    def _field(self, description: str, resolve: Any, times: int | OfCaller = 1) -> Any:
        resolve.__annotations__["filter"] = self.filter or self._filter
        return self.connection_field(description, times)(resolve)

    @cached_property
    def _filter(self) -> Any:
        """The argument with the fields of the query: `ShenheFilter`."""
        described = f"Which {self.noun}s ({self.chinese}筛选)."
        filters = record_input(self.records.query, description=described)(type(f"{self.node.__name__}Filter", (), {}))
        return Annotated[filters | None, strawberry.argument(description=described)]

    def connection_field(self, description: str, times: int | OfCaller = 1) -> Callable[[Callable[..., Any]], Any]:
        """A field that shows a part of the list, whose resolver gets the `part`: of so many communities."""
        costs = list_costs(self.records, times)
        return connection_field(
            self.node,
            description,
            self.records.scope,
            metadata=costs,
            cursors="places",
            wrong_filter=self.wrong_filter,
        )

    def count_field(self) -> Any:
        """How many records wait, as a field of the community's summary."""

        def resolve(root: strawberry.Parent[Any], info: Info) -> Load[SliceKey, int]:
            load = info.context.loaders.slice(self.records, (root.code,), self.records.waiting, offset=0, first=1)
            return Load(load.loader, load.key, _TOTAL)

        return strawberry.field(
            resolver=resolve,
            description=self.count[1],
            directives=needs([self.records.scope]),
            graphql_type=int | None,
            metadata=ONE_CALL,
        )

    def record_field(self) -> Any:
        """One record, as a field of the root."""
        records = self.records

        def resolve(info: Info, id: strawberry.ID) -> Load[RecordKey, Any] | None:
            node = resolve_node_id(info.context.principal, info.context.ids, id, records.type_name)
            return node and info.context.loaders.record(records, node.parts[0], node.community_code)

        description = f"Its node id; or the platform's number, from callers of every community ({self.chinese}标识)."
        resolve.__annotations__["id"] = Annotated[strawberry.ID, strawberry.argument(description=description)]
        return self._one(
            resolve, f"One {self.noun}; null when there is none, or it is not the caller's to see ({self.chinese})."
        )

    def written_field(self) -> Any:
        """The record of a write, as a field of its payload."""

        def resolve(root: strawberry.Parent[Written], info: Info) -> Load[RecordKey, Any] | None:
            record = writes.written_record(info, root)
            if record is None:
                return None
            return info.context.loaders.record(self.records, record.platform_id, record.community_code)

        return self._one(resolve, f"The {self.noun} as the platform shows it now ({self.chinese}).")

    def _one(self, resolve: Any, description: str) -> Any:
        return strawberry.field(
            resolver=resolve,
            description=description,
            directives=needs([self.records.scope]),
            graphql_type=self.node | None,
            metadata=ONE_CALL,
        )

    def events_field(self) -> Any:
        """What happens to the records of a community, as a field of the root of subscriptions."""

        def resolve(info: Info, community_code: CommunityCode, after: After = None) -> Happenings:
            code, cursor = community(community_code), make_cursor(info, after)
            if not info.context.principal.sees(code):
                return nothing()
            return renewed(info, info.context.event_streams.of_list(self.records, code, cursor))

        return strawberry.subscription(
            resolver=resolve,
            description=f"What happens to {self.noun}s of a community: {self.changes}. Ends at once for a community "
            f"that is not the caller's to see ({self.chinese}事件).",
            directives=needs([self.records.scope]),
            graphql_type=self._event_type(),
        )

    def _event_type(self) -> type:
        """The type of the events: `ShenheEvent`."""

        def kind(root: strawberry.Parent[Happened]) -> ChangeKind:
            return ChangeKind.CHANGED if root.kind is None else ChangeKind(root.kind)

        def record(root: strawberry.Parent[Happened], info: Info) -> Load[RecordKey, Any] | None:
            if root.record_id is None:
                return None
            return info.context.loaders.record(self.records, root.record_id, root.community_code)

        described = f"What happened; CHANGED, too, where no {self.noun} is named (变动类型)."
        fields = {
            "kind": strawberry.field(resolver=kind, description=described),
            self.name: self._one(record, f"The {self.noun} as it is now; {NULL_RECORD} ({self.chinese})."),
        }
        cls = type(f"{self.node.__name__}Event", (Event,), fields)
        return record_type(Happened, description=f"What happened to a {self.noun} ({self.chinese}事件).")(cls)


def _located(info: Info, failure: Failure) -> GraphQLError:
    """The error of a community, at a field of the root: a plan knows no path."""
    nodes = info._raw_info.field_nodes
    key = nodes[0].alias or nodes[0].name
    return GraphQLError(
        str(failure.error),
        nodes,
        path=[key.value],
        original_error=failure.error,
        extensions={"communityCode": failure.community_code},
    )


def _wrong_of_several(given: Sequence[str] | None, part: Window) -> Iterator[Violation]:
    """What one community's list may have, and that of several may not."""
    if part.is_page:
        yield Violation(("page",), InputWording.PAGE_OF_ONE(field="page", other="communityCode"))
    elif part.offset:
        yield from foreign_cursor().violations
    if given is not None and not given:
        yield Violation(("communityCodes",), InputWording.EMPTY_FOR_ALL(field="communityCodes"))


def _asked(declared: DeclaredField, value: Any) -> Any:
    """The value of a filter, as it is looked for. Raises UserInputError (quirks 103, 151)."""
    argument = f"filter.{declared.path}"
    if isinstance(value, WireEnum):
        return recognized(value, argument)
    if not isinstance(value, str):
        return value
    if not value.strip():
        raise UserInputError(argument, InputWording.EMPTY_FILTER(field=argument))
    if declared.field.pii is PiiKind.PHONE:
        return mobile_number(value.strip())
    if declared.field.pii is PiiKind.ID_CARD:
        value = document_number(value)
        if problem := id_card_problem(value):
            raise UserInputError(argument, problem(field=argument))
    return value.strip() if declared.field.kind is IDENTIFIER else value  # the platform compares every character
