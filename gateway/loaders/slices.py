"""Parts of a list of records: of one community, or of several merged."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from heapq import merge
from itertools import chain, islice
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from gateway.errors import GatewayError
from gateway.execution.load import fetch, only_values
from gateway.execution.response import IncompleteError
from gateway.loaders.loader import ComposedLoader, Source
from gateway.loaders.paging import Direction, Failure, Identified, Part, Place, Places, Slice, Stream
from gateway.loaders.record_list import ByIdLoader, PageLoader, RecordList
from gateway.loaders.stream import StreamReader, Stretch

RowT = TypeVar("RowT", bound=Identified)


class SliceKey(NamedTuple):
    """`first` items of the lists of these communities: after the `places`, or of one community from an offset."""

    community_codes: tuple[str, ...]
    query: Any
    offset: int
    first: int
    places: Places | None = None
    tag: str = ""


class SliceLoader(ComposedLoader[SliceKey, Slice[RowT]]):
    """A list that is made of several streams has those of one query after those of the one before (open repairs, then
    resolved ones); streams of one query, of several communities, are merged by the age of their rows.
    """

    def __init__(self, records: RecordList[RowT], pages: PageLoader[RowT]) -> None:
        super().__init__()
        self._records = records
        self._reader = StreamReader(pages)

    async def compose(self, key: SliceKey) -> Slice[RowT]:
        """Raises IncompleteError for a part of one community that could not be read to its end; of several, the part
        says so itself.
        """
        queries = self._records.queries(key.query)
        if key.places is not None or len(key.community_codes) != 1:
            return await self._merge(key, queries)
        [code] = key.community_codes
        if len(queries) == 1:
            part = await self._reader.read(code, queries[0], key.offset, key.first)
            source = self._part(Stream(0, code), part.offset, part.total)
            failures = () if part.error is None else (Failure(code, part.error),)
            found = Slice(
                part.items, part.offset, key.first, part.total, (source,), (), failures, part.has_more, key.tag
            )
            return _whole(found)
        return await self._chain(key, code, queries)

    async def _chain(self, key: SliceKey, code: str, queries: Sequence[Any]) -> Slice[RowT]:
        """One query after the other, from an offset. Raises GatewayError."""
        # The later ones from their start: how many there are counts in any case.
        reads = [self._reader.read(code, query, 0 if at else key.offset, key.first) for at, query in enumerate(queries)]
        items: tuple[RowT, ...] = ()
        parts: list[Part] = []
        origins: list[int] = []
        failures: tuple[Failure, ...] = ()
        total, follows = 0, False
        for at, part in enumerate(only_values(await fetch(reads))):
            missing, offset = 0 if failures else key.first - len(items), max(0, key.offset - total)
            if at and missing and offset:
                part = await self._reader.read(code, queries[at], offset, missing)  # noqa: PLW2901 # what was read was the start
            taken = part.items[:missing]
            parts.append(self._part(Stream(at, code), min(offset, part.total), part.total))
            origins += [at] * len(taken)
            items, total = (*items, *taken), total + part.total
            follows = follows or part.has_more or len(part.items) > len(taken)
            if part.error is not None and len(taken) < missing:
                failures = (Failure(code, part.error),)
        return _whole(
            Slice(items, key.offset, key.first, total, tuple(parts), tuple(origins), failures, follows, key.tag)
        )

    async def _merge(self, key: SliceKey, queries: Sequence[Any]) -> Slice[RowT]:
        """Each stream after its place. Raises GatewayError for one community; of several, those that fail are left out:
        their places stay where they are.
        """
        places = dict(key.places or ())
        streams = [Stream(at, code) for at in range(len(queries)) for code in key.community_codes]
        outcomes = await fetch([self._read_on(stream, places.get(stream), queries, key.first) for stream in streams])
        if len(key.community_codes) == 1:
            only_values(outcomes)
        failures = _failures(streams, outcomes)
        failed = {failure.community_code for failure in failures}
        stretches = _readable(
            streams,
            [
                Stretch((), 0, 0) if stream.community_code in failed else outcome
                for stream, outcome in zip(streams, outcomes, strict=True)
            ],
        )
        parts = [
            self._part(stream, stretch.offset, stretch.total, place, stretch.direction)
            if stream.community_code not in failed
            else Part(stream, 0, 0, self._records.direction, place)
            for stream, stretch, place in zip(streams, stretches, map(places.get, streams), strict=True)
        ]
        taken = [*islice(self._in_order(streams, stretches, len(queries)), key.first)]
        shown = Counter(origin for origin, _ in taken)
        failures += tuple(
            Failure(stream.community_code, stretch.error)
            for at, (stream, stretch) in enumerate(zip(streams, stretches, strict=True))
            if stretch.error is not None and shown[at] == len(stretch.items)
        )
        found = Slice(
            tuple([item for _, item in taken]),
            sum(stretch.offset for stretch in stretches),
            key.first,
            sum(stretch.total for stretch in stretches),
            tuple(parts),
            tuple([origin for origin, _ in taken]),
            failures,
            any(stretch.has_more for stretch in stretches) or sum(len(each.items) for each in stretches) > len(taken),
            key.tag,
        )
        return found if len(key.community_codes) > 1 else _whole(found)

    async def _read_on(self, stream: Stream, place: Place | None, queries: Sequence[Any], first: int) -> Stretch[RowT]:
        query = queries[stream.query]
        if place is None:
            return await self._reader.read(stream.community_code, query, 0, first)
        return await self._reader.resume(stream.community_code, query, place, first)

    def _part(
        self, stream: Stream, offset: int, total: int, place: Place | None = None, going: Direction | None = None
    ) -> Part:
        """Of rows that begin at an offset, after this place if there is one. `going`: the direction that was seen."""
        going = self._records.direction if going is None else going
        start = Place(place.last if place else 0, offset, total, going) if offset or place else None
        return Part(stream, offset, total, going, start)

    def _in_order(
        self, streams: Sequence[Stream], stretches: Sequence[Stretch[RowT]], queries: int
    ) -> Iterator[tuple[int, RowT]]:
        """The rows, each after the position of its stream. Those of one stream stay as the platform lists them."""
        going = self._records.direction

        def age(row: tuple[int, RowT]) -> int:
            return going * row[1].platform_id  # numbers count over all communities

        return chain.from_iterable(
            merge(
                *[
                    [(at, item) for item in stretch.items]
                    for at, (stream, stretch) in enumerate(zip(streams, stretches, strict=True))
                    if stream.query == query
                ],
                key=age,
            )
            for query in range(queries)
        )


def _whole(found: Slice[RowT]) -> Slice[RowT]:
    """The part of one community. Raises IncompleteError."""
    if found.failures:
        raise IncompleteError(found, found.failures[0].error)
    return found


def _readable(streams: Sequence[Stream], stretches: Sequence[Stretch[RowT]]) -> list[Stretch[RowT]]:
    """The rows that can be shown in their order: none of a community that come after some that could not be read."""
    ends: dict[str, int] = {}
    for stream, stretch in zip(streams, stretches, strict=True):
        if stretch.error is not None:
            ends.setdefault(stream.community_code, stream.query)
    return [
        stretch
        if stream.query <= ends.get(stream.community_code, stream.query)
        else msgspec.structs.replace(stretch, items=(), error=None)
        for stream, stretch in zip(streams, stretches, strict=True)
    ]


def _failures(streams: Sequence[Stream], outcomes: Sequence[Any]) -> tuple[Failure, ...]:
    """The first error of each community. Raises what is no failure of a platform's."""
    failures: dict[str, Failure] = {}
    for stream, outcome in zip(streams, outcomes, strict=True):
        if isinstance(outcome, GatewayError):
            failures.setdefault(stream.community_code, Failure(stream.community_code, outcome))
        elif isinstance(outcome, BaseException):
            raise outcome
    return tuple(failures.values())


class ListLoaders(Generic[RowT]):
    """The loaders of one list, for one request."""

    def __init__(self, source: Source, records: RecordList[RowT]) -> None:
        self._source = source
        self._records = records
        self.pages = PageLoader(source, records)
        self.slices = SliceLoader(records, self.pages)

    @cached_property
    def by_id(self) -> ByIdLoader[RowT]:
        return ByIdLoader(self._source, self._records)
