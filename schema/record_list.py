"""How the schema shows a list of a community's records: what `gateway.loaders.lists` leaves to say."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
import strawberry
from graphql import GraphQLError

from gateway import errors
from gateway.auth.node_ids import resolve_node_id
from gateway.context import Info, Lookup
from gateway.errors import UserInputError, find_violations, refuse_input
from gateway.execution.cost import OfCaller
from gateway.execution.load import IncompleteError, Load
from gateway.loaders.event_streams import Cursor, Happened, Happenings
from gateway.loaders.lists import RecordKey, RecordList, SliceKey
from gateway.loaders.paging import Failure, Slice
from gateway.normalise.records import Community, Field, declared_fields
from gateway.normalise.values import IDENTIFIER, document_number, id_card_problem, mobile_number
from gateway.normalise.vocabulary import ChangeKind, PiiKind, WireEnum
from gateway.wording.inputs import InputWording, WriteWording
from gateway.wording.wording import Violation
from schema import record
from schema.connection import Window, connection_field, foreign_cursor, require_same_list
from schema.costs import MERGED, ONE_CALL, list_cost
from schema.fields import derived, described, record_input, record_type, resolved, subscribed

SEVERAL_COMMUNITIES = (
    "Without `communityCode` the lists of several communities are merged in the same order; `page` cannot be given "
    "then. If a community fails, an error names it and the rest of its items is missing."
)

SliceLoad: TypeAlias = Lookup[SliceKey, Slice[Any]]

_TOTAL = attrgetter("total")


@dataclass(frozen=True, eq=False, kw_only=True)
class CommunityList:
    """A list in the schema, whose records are shown as `node`, and its words.

    `name` is the name of the field that shows one record. `of_community` describes the list at the root, `listed` that
    in the community, `changes` what happens to records. `count` has the name and description of the field that counts
    what waits. `filters` is the type of the argument `filter`; without one it has the fields of the query. `complete`
    makes the attributes of the query of the values of the filters, and raises UserInputError with all that is wrong.
    """

    records: RecordList[Any]
    node: type
    name: str
    of_community: str
    listed: str
    count: tuple[str, str]
    changes: str = ""
    filters: Any = None
    complete: Callable[[Any, dict[str, Any]], Mapping[str, Any]] = lambda _filters, given: given

    def load(
        self, info: Info, community_code: str, filters: Any, part: Window, **fixed: str | int | None
    ) -> SliceLoad | None:
        """A part of a community's list; None when the caller may not see it. `fixed` are filters that are not the
        caller's own.

        Raises UserInputError for a code or filter that is none. Who asks for somebody's records may be guessing at what
        is masked: such filters of the caller's make it a look-up of people.
        """
        code, query = record.community(community_code), self.query(filters)
        return self._slice(info, (code,), query, part, **fixed) if info.context.principal.sees(code) else None

    def _slice(self, info: Info, codes: tuple[str, ...], query: Any, part: Window, **fixed: Any) -> SliceLoad:
        """Raises UserInputError for a cursor of another list, filter or community."""
        records, places = self.records, part.places
        asked = msgspec.structs.replace(query, **fixed) if fixed else query
        if part.tag is not None:
            require_same_list(part, info, (records.type_name, asked))
        if places and not any(stream.community_code in codes for stream, _ in places):
            raise foreign_cursor()
        key = SliceKey(codes, asked, part.offset, part.first, places)
        load: Load[SliceKey, Slice[Any]] = Load(info.context.loaders.slices(records), key)
        counts = query is not records.everything and records.names_someone(query)
        return info.context.counted(load) if counts else load

    async def load_several(
        self, info: Info, given: Sequence[str] | None, query: Any, part: Window
    ) -> Slice[Any] | None:
        """A part of the lists of these communities merged, or of all that the caller may see. The errors of those that
        fail, or are not the caller's to see, are reported. None when all are.
        """
        codes = tuple(dict.fromkeys(map(str, given or await record.community_codes(info))))
        foreign = [code for code in codes if not info.context.principal.sees(code)]
        for code in foreign:
            error = errors.ForbiddenCommunityError(WriteWording.OTHER_COMMUNITY())
            info.context.report(_located(info, Failure(code, error)))
        codes = tuple(code for code in codes if code not in foreign)
        if not codes:
            return None if foreign else Slice((), 0, part.first, 0)
        after = part if part.places is not None else part._replace(places=())
        found: Slice[Any]
        try:
            found = await self._slice(info, codes, query, after)
        except IncompleteError as error:
            errors.drop_tracebacks(error)
            found = error.part
        except errors.PlatformError as error:  # of the only one there is
            found = Slice((), 0, part.first, 0, True, failures=(Failure(codes[0], error),))
        for failure in found.failures:
            info.context.report(_located(info, failure))
        return found if found.items or len(found.failures) < len(codes) else None

    def query(self, filters: Any) -> Any:
        """The query that the filters mean. Raises UserInputError with all that is wrong with them."""
        if filters is None:
            return self.records.everything
        asked: dict[str, Any] = {}
        wrong: list[Violation] = []
        for name, field in declared_fields(self.records.query).items():
            asked[name] = given = getattr(filters, name)
            try:
                asked[name] = _asked(field, given)
            except UserInputError as error:
                wrong += error.violations
        if wrong:
            refuse_input(wrong, find_violations(self.complete, filters, asked))
        return self.records.query(**self.complete(filters, asked))

    def community_field(self) -> Any:
        def resolve(root: Community, info: Info, part: Window, filter: Any = None) -> SliceLoad | None:
            return self.load(info, root.code, filter, part)

        return self.connection(resolve, self.listed)

    def root_field(self) -> Any:
        @described(
            community_code='Code of the community, such as "10002" or "00001": a string, leading zeros kept; omitted: '
            "of several (小区标识).",
            community_codes="Codes of the communities to merge; omitted: all that the caller may see. Excludes "
            "`communityCode` (小区标识列表).",
        )
        def resolve(
            info: Info,
            part: Window,
            community_code: strawberry.ID | None = None,
            community_codes: list[strawberry.ID] | None = None,
            filter: Any = None,
        ) -> SliceLoad | Awaitable[Slice[Any] | None] | None:
            if community_code is None:
                refuse_input(_wrong_of_several(part), record.wrong_codes(None, community_codes))
                return self.load_several(info, community_codes, self.query(filter), part)
            if community_codes is not None:
                refuse_input(record.wrong_codes(community_code, community_codes))
            return self.load(info, community_code, filter, part)

        return self.connection(resolve, f"{self.of_community} {SEVERAL_COMMUNITIES}", MERGED)

    def connection(self, resolve: Any, description: str | None = None, times: int | OfCaller = 1) -> Any:
        """A field that shows a part of the list, whose resolver gets the `part`: of so many communities."""
        resolve.__annotations__["filter"] = self._filters | None
        declare = connection_field(
            self.node,
            self.records.scope,
            description=description,
            cost=list_cost(self.records, times),
            cursors="places",
            wrong_filter=lambda filters: find_violations(self.query, filters),
        )
        return declare(described(filter=self.which)(resolve))

    @property
    def which(self) -> str:
        """Describes the filter."""
        return f"Filter for {self.records.noun}s ({self.records.noun.label}筛选)."

    @cached_property
    def _filters(self) -> Any:
        """The type of the filter, with the fields of the query where it is not given: `ShenheFilter`."""
        made = record_input(declared_fields(self.records.query), self.which)
        return self.filters or made(type(f"{self.node.__name__}Filter", (), {}))

    def count_field(self) -> Any:
        """How many records wait, as a field of the community's summary."""

        @resolved(int | None, self.records.scope, cost=ONE_CALL, description=self.count[1])
        def resolve(root: Community, info: Info) -> Load[SliceKey, int]:
            waiting = SliceKey((root.code,), self.records.waiting, offset=0, first=1)
            return Load(info.context.loaders.slices(self.records), waiting, _TOTAL)

        return resolve

    def record_field(self) -> Any:
        noun, records = self.records.noun, self.records

        @self._one(f"One {noun}; null if there is none, or the caller may not see it ({noun.label}).")
        @described(id=f"Its node id; callers with all communities may pass the platform's number ({noun.label}标识).")
        def resolve(info: Info, id: strawberry.ID) -> Load[RecordKey, Any] | None:
            node = resolve_node_id(info.context.principal, info.context.ids, id, records.type_name)
            return node and info.context.loaders.record(records, node.identifier, node.community_code)

        return resolve

    def _one(self, description: str) -> Callable[[Any], Any]:
        return resolved(self.node | None, self.records.scope, cost=ONE_CALL, description=description)

    def events_field(self) -> Any:
        """What happens to the records of communities, as a field of the root of subscriptions."""
        noun = self.records.noun

        @subscribed(
            self._event_type(),
            self.records.scope,
            description=f"Events of the {noun}s of communities: {self.changes}. Communities that the caller may "
            f"not see are left out; ends at once if none is left ({noun.label}事件).",
        )
        def resolve(
            info: Info,
            community_code: record.OptionalCommunityCode = None,
            community_codes: record.SeveralCodes = None,
            after: record.After = None,
        ) -> Happenings:
            named, of_lists = community_code or community_codes, info.context.event_streams.of_lists
            visible = record.get_communities(info, community_code, community_codes)

            async def stream(cursor: Cursor | None) -> Happenings:
                codes = visible if named else frozenset(await record.community_codes(info))
                async with aclosing(of_lists(self.records, codes or (), cursor)) as happenings:
                    async for happened in happenings:
                        yield happened

            return record.noticed(info, after, stream)

        return resolve

    def _event_type(self) -> type:
        """The type of the events: `ShenheEvent`."""
        noun = self.records.noun

        @self._one(f"The {noun} in its current state; {record.NULL_RECORD} ({noun.label}).")
        def changed(root: Happened, info: Info) -> Load[RecordKey, Any] | None:
            if root.record_id is None:
                return None
            return info.context.loaders.record(self.records, root.record_id, root.community_code)

        kind = derived(
            ChangeKind,
            f"What happened; also CHANGED if `{self.name}` is null (变动类型).",
            lambda root: ChangeKind(root.kind or ChangeKind.CHANGED),
        )
        cls = type(f"{self.node.__name__}Event", (record.Event,), {"kind": kind, self.name: changed})
        return record_type(Happened, f"What happened to a {noun} ({noun.label}事件).")(cls)


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


def _wrong_of_several(part: Window) -> Iterator[Violation]:
    """What one community's list may have, and that of several may not."""
    if part.is_page:
        yield Violation(("page",), InputWording.PAGE_OF_ONE(field="page", other="communityCode"))
    elif part.offset:
        yield from foreign_cursor().violations


def _asked(declared: Field, value: Any) -> Any:
    """The value of a filter, as it is looked for. Raises UserInputError (quirks 103, 151)."""
    argument = f"filter.{declared.path}"
    if isinstance(value, WireEnum):
        return record.recognized(value, argument)
    if not isinstance(value, str):
        return value
    if not value.strip():
        raise UserInputError(argument, InputWording.EMPTY_FILTER(field=argument))
    if declared.pii is PiiKind.PHONE:
        return mobile_number(value.strip())
    if declared.pii is PiiKind.ID_CARD:
        value = document_number(value)
        if problem := id_card_problem(value):
            raise UserInputError(argument, problem(field=argument))
    return value.strip() if declared.kind is IDENTIFIER else value  # the platform compares every character
