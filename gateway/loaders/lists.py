"""Lists of a community's records: what one is, and parts of it, of one community or of several merged."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import merge
from itertools import chain, islice
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from gateway.auth.principal import Scope
from gateway.errors import GatewayError
from gateway.execution.load import IncompleteError, fetch, only_values
from gateway.loaders.loader import ComposedLoader, Lookup
from gateway.loaders.paging import UP, Direction, Failure, Identified, PageKey, Places, Slice, Stream, Stretch
from gateway.loaders.stream import PageLoader, StreamReader
from gateway.normalise.records import Page, Record, personal_attributes
from gateway.normalise.table import Rows
from gateway.normalise.vocabulary import ChangeKind, WireEnum
from gateway.platforms.call import Call
from gateway.platforms.endpoint import Endpoint
from gateway.platforms.wjdh import Wjdh, query_form
from gateway.wording.wording import Noun

RowT = TypeVar("RowT", bound=Identified)

NO_COMMUNITY = "0"
"""A code that no community has."""


@dataclass(frozen=True, slots=True)
class Watched(Generic[RowT]):
    """That changes of a list can be subscribed to, under this topic of the journal's events.

    `state` is what makes a record another one than before; `ends` what has happened to one that does not wait any more,
    by its status. A change puts the answers of the endpoints in `others` out of date, too, which do not show the list.
    """

    topic: str
    state: Callable[[RowT], Hashable]
    ends: Mapping[WireEnum, ChangeKind]
    others: tuple[str, ...] = ()

    def kind(self, before: str, after: str) -> ChangeKind:
        """What has happened to a record that a write gave another status."""
        ends: Mapping[Any, ChangeKind] = self.ends
        return ends.get(after) or (ChangeKind.REOPENED if before in ends else ChangeKind.CHANGED)


@dataclass(frozen=True, eq=False, kw_only=True)
class RecordList(Generic[RowT]):
    """A list of a community's records at wjdh.

    `noun` is what texts call a record, `query` the record class of the filters; `waiting` asks for what somebody has to
    deal with, by its status at least. `endpoint` gives the pages of the community that is sent as `community_key`,
    `record_endpoint` one record; `rows` is how both are read. `cached_as` is their name in `GATEWAY_CACHE`.

    `statuses`: the platform lists records of one status at a time, so the whole list is made of these, in order.
    `page_size`: the platform cuts pages of this size, and documents no parameter for it (quirk 134). `direction`: where
    the numbers of the rows go, by example (quirk 142).
    """

    type_name: str
    noun: Noun
    scope: Scope
    query: type[Record]
    waiting: Any
    endpoint: Endpoint
    record_endpoint: Endpoint | None = None
    rows: Rows[Any]
    community_key: str = "xiaoqu"
    cached_as: str
    statuses: tuple[WireEnum, ...] = ()
    page_size: int | None = None
    direction: Direction = UP
    watched: Watched[RowT] | None = None

    def read_page(
        self, wjdh: Wjdh, community_code: str, query: Any, page: int = 1, per_page: int = 20
    ) -> Call[Page[RowT]]:
        """A page of a community's list, from 1. Raises ValueError below: wjdh would give another page."""
        if page < 1:
            raise ValueError(f"page {page} of a list")
        form = {self.community_key: community_code, **query_form(query), "page": page}
        if self.page_size is None:  # always said, for the default is 20 here and 15 there (quirk 135)
            form["per_page"] = per_page
        return Call(wjdh, self.endpoint, form, wjdh.read_page, self.rows, community_code, page)

    def read_record(self, wjdh: Wjdh, platform_id: int, community_code: str | None = None) -> Call[RowT | None]:
        """One record. Raises LookupError for a list whose platform gives none."""
        form = {"id": platform_id}
        return Call(wjdh, self.single.endpoint, form, wjdh.read_record, self.rows, platform_id, community_code)

    @cached_property
    def pages(self) -> "Lookup[PageKey, Page[RowT]]":
        """A page of the list. Filters may be personal data: numbers, names and phones to look for."""
        nothing = PageKey(NO_COMMUNITY, self.queries(self.everything)[0], 1, 1)
        is_personal = (lambda key: key.query != self.everything) if self.personal_filters else None
        return self._lookup(self.endpoint, self.read_page, nothing, page_size=self.page_size, is_personal=is_personal)

    @cached_property
    def single(self) -> "Lookup[RecordKey, RowT | None]":
        """One record by its number. Raises LookupError as `read_record` does."""
        if self.record_endpoint is None:
            raise LookupError(f"the platform gives no single {self.type_name}")
        return self._lookup(self.record_endpoint, self.read_record, RecordKey(0, None))

    def _lookup(
        self, endpoint: Endpoint, read: Callable[..., Call[Any]], nothing: Any, **more: Any
    ) -> Lookup[Any, Any]:
        return Lookup(
            endpoint=endpoint,
            scope=self.scope,
            read=lambda client, key: read(client, *key),
            nothing=nothing,
            cached_as=self.cached_as,
            community=attrgetter("community_code"),
            **more,
        )

    @property
    def lookups(self) -> tuple[Lookup[Any, Any], ...]:
        return (self.pages,) if self.record_endpoint is None else (self.pages, self.single)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(lookup.endpoint.name for lookup in self.lookups)

    @property
    def shown_by(self) -> tuple[str, ...]:
        """The endpoints whose answers show something else when a record changes."""
        return self.endpoints if self.watched is None else self.endpoints + self.watched.others

    @cached_property
    def everything(self) -> Any:
        """The query without a filter."""
        return self.query()

    @cached_property
    def personal_filters(self) -> tuple[str, ...]:
        return personal_attributes(self.query)

    def names_someone(self, query: Any) -> bool:
        """Whether it asks for somebody's records."""
        return any(getattr(query, name) is not None for name in self.personal_filters)

    def queries(self, query: Any) -> tuple[Any, ...]:
        """Those to ask the platform, one after the other, for what this one means."""
        if not self.statuses or query.status is not None:
            return (query,)
        return tuple(msgspec.structs.replace(query, status=status) for status in self.statuses)


class RecordKey(NamedTuple):
    """One record. `community_code` is None where only the platform's bare number is known (quirk 175)."""

    platform_id: int
    community_code: str | None


class SliceKey(NamedTuple):
    """`first` items of the lists of these communities: after the `places`, or of one community from an offset."""

    community_codes: tuple[str, ...]
    query: Any
    offset: int
    first: int
    places: Places | None = None


@dataclass(eq=False, repr=False)
class SliceLoader(ComposedLoader[SliceKey, Slice[RowT]]):
    """A list that is made of several streams has those of one query after those of the one before (open repairs, then
    resolved ones); streams of one query, of several communities, are merged by the age of their rows.
    """

    _pages: PageLoader[RowT]
    _records: RecordList[RowT]

    async def compose(self, key: SliceKey) -> Slice[RowT]:
        """Raises GatewayError where the one community that is asked for cannot be read, and IncompleteError where it
        cannot be read to the end. Of several, those that fail are left out: their places stay where they are.
        """
        queries, codes, places = self._records.queries(key.query), key.community_codes, key.places
        if len(queries) > 1 or len(codes) > 1:
            found = await self._merge(key, queries)
        else:
            stream, going = Stream(0, codes[0]), self._records.direction
            place = dict(places).get(stream) if places else None
            read = await StreamReader(self._pages, stream, queries[0], place, going).read(key.offset, key.first)
            found = Slice(
                read.items,
                key.offset or read.offset,
                key.first,
                read.total,
                read.has_more or read.error is not None,
                (self._records.type_name, key.query),
                parts=(read,),
                failures=() if read.error is None else (Failure(codes[0], read.error),),
            )
        if found.failures and len(codes) == 1:
            raise IncompleteError(found, found.failures[0].error)
        return found

    async def _merge(self, key: SliceKey, queries: Sequence[Any]) -> Slice[RowT]:
        codes, places, going = key.community_codes, dict(key.places or ()), self._records.direction
        streams = [Stream(at, code) for at in range(len(queries)) for code in codes]
        readers = [StreamReader(self._pages, each, queries[each.query], places.get(each), going) for each in streams]
        # How many there are of the first query decides where the others begin.
        outcomes = await fetch([each.read(0 if each.stream.query else key.offset, key.first) for each in readers])
        if len(codes) == 1:
            only_values(outcomes)
        failed = _failures(streams, outcomes)
        read: list[Stretch[RowT]] = [
            Stretch(stream, (), 0, 0, going, places.get(stream)) if stream.community_code in failed else outcome
            for stream, outcome in zip(streams, outcomes, strict=True)
        ]
        rest = key.offset  # of one community: what the first queries do not have of it is skipped in the next
        for at, reader in enumerate(readers if rest else ()):
            if at and rest:
                read[at] = await reader.read(rest, key.first)
            rest = max(0, rest - read[at].total)
        read = _readable(read)
        taken = [*islice(self._in_order(read), key.first)]
        origins = [origin for origin, _ in taken]
        lost = [
            Failure(each.stream.community_code, each.error)
            for at, each in enumerate(read)
            if each.error is not None and origins.count(at) == len(each.items)
        ]
        failures = (*failed.values(), *lost)
        return Slice(
            tuple([item for _, item in taken]),
            key.offset or sum(each.offset for each in read),
            key.first,
            sum(each.total for each in read),
            bool(failures) or any(each.has_more for each in read) or sum(len(each.items) for each in read) > len(taken),
            (self._records.type_name, key.query),
            parts=tuple(read),
            origins=tuple(origins),
            failures=failures,
        )

    def _in_order(self, read: Sequence[Stretch[RowT]]) -> Iterator[tuple[int, RowT]]:
        """The rows, each after the position of its stretch. Those of one stream stay as the platform lists them."""
        going = self._records.direction
        by_query: dict[int, list[list[tuple[int, RowT]]]] = {}
        for at, stretch in enumerate(read):
            by_query.setdefault(stretch.stream.query, []).append([(at, item) for item in stretch.items])
        # Numbers count over all communities.
        return chain.from_iterable(
            merge(*rows, key=lambda row: going * row[1].platform_id) for rows in by_query.values()
        )


def _failures(streams: Sequence[Stream], outcomes: Sequence[Any]) -> dict[str, Failure]:
    """The first error of each community. Raises what is no failure of a platform's."""
    failures: dict[str, Failure] = {}
    for stream, outcome in zip(streams, outcomes, strict=True):
        if isinstance(outcome, GatewayError):
            failures.setdefault(stream.community_code, Failure(stream.community_code, outcome))
        elif isinstance(outcome, BaseException):
            raise outcome
    return failures


def _readable(read: Sequence[Stretch[RowT]]) -> list[Stretch[RowT]]:
    """The rows that can be shown in their order: none of a community that come after some that could not be read."""
    ends: dict[str, int] = {}
    for each in read:
        if each.error is not None:
            ends.setdefault(each.stream.community_code, each.stream.query)
    return [
        each
        if each.stream.query <= ends.get(each.stream.community_code, each.stream.query)
        else msgspec.structs.replace(each, items=(), error=None)
        for each in read
    ]
