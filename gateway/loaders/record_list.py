"""Lists of a community's records: what is declared of one, and the loaders that read it."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from gateway.auth.principal import Scope
from gateway.cache import Read, ReadKey
from gateway.execution.fetch import fetch
from gateway.execution.level_loader import only_values
from gateway.loaders.loader import ComposedLoader, ReadLoader, Source
from gateway.loaders.paging import Identified, Slice
from gateway.normalise.field import personal_attributes
from gateway.normalise.records import Page, Record
from gateway.normalise.wire_enum import WireEnum
from gateway.settings import Settings

RowT = TypeVar("RowT", bound=Identified)


@dataclass(frozen=True, slots=True)
class Watched(Generic[RowT]):
    """That changes of a list can be subscribed to, under this topic of `gateway.events`.

    `state` is what makes a record another one than before. A change puts the answers of the endpoints in `others` out
    of date, too, which do not show the list.
    """

    topic: str
    state: Callable[[RowT], Hashable]
    others: tuple[str, ...] = ()


def _no_record(*_key: object) -> Read:
    raise LookupError("the platform gives no single record of this list")


@dataclass(frozen=True, eq=False, kw_only=True)
class RecordList(Generic[RowT]):
    """A list of a community's records at wjdh.

    `query` is the record class of its filters; `waiting` asks for what somebody has to deal with, by its status at
    least. `endpoint` gives the pages, by `read_page(wjdh, community_code, query, page, per_page)`; `record_endpoint`
    one record, by `read_record(wjdh, platform_id, community_code)`. Their answers are cached for `lifetime` seconds.

    `statuses`: the platform lists records of one status at a time, so the whole list is made of these, in order.
    `page_size`: the platform cuts pages of this size, whatever it is asked for.
    """

    type_name: str
    scope: Scope
    query: type[Record]
    waiting: Any
    endpoint: str
    read_page: Callable[..., Any]
    record_endpoint: str = ""
    read_record: Callable[..., Any] = _no_record
    lifetime: Callable[[Settings], float]
    statuses: tuple[WireEnum, ...] = ()
    page_size: int | None = None
    watched: Watched[RowT] | None = None

    @property
    def endpoints(self) -> tuple[str, ...]:
        return (self.record_endpoint, self.endpoint) if self.record_endpoint else (self.endpoint,)

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


class PageKey(NamedTuple):
    community_code: str
    query: Any
    page: int
    per_page: int


class SliceKey(NamedTuple):
    community_code: str
    query: Any
    offset: int
    first: int


class RecordKey(NamedTuple):
    """One record. `community_code` is None where only the platform's bare number is known (quirk 175)."""

    platform_id: int
    community_code: str | None


class PageLoader(ReadLoader[PageKey, Page[RowT]]):
    def __init__(self, source: Source, records: RecordList[RowT]) -> None:
        self.endpoint = records.endpoint
        super().__init__(source)
        self._records = records

    def identify(self, key: PageKey) -> ReadKey:
        records = self._records
        what: Hashable = key[1:]
        # Filters of such a list may be personal data: numbers, names and phones to look for.
        if records.personal_filters and key.query != records.everything:
            what = self.source.shared.conceal(what)
        return key.community_code, what, self.source.view

    def read(self, key: PageKey) -> Read:
        read: Read = self._records.read_page(self.source.platforms.wjdh, *key)
        return read


class SliceLoader(ComposedLoader[SliceKey, Slice[RowT]]):
    def __init__(self, records: RecordList[RowT], pages: PageLoader[RowT]) -> None:
        super().__init__()
        self._records = records
        self._pages = pages

    async def compose(self, key: SliceKey) -> Slice[RowT]:
        queries = self._records.queries(key.query)
        if len(queries) == 1:
            return await self._read(key, queries[0], key.offset, key.first)
        # The later ones from their start: how many there are counts in any case.
        slices = [self._read(key, query, 0 if at else key.offset, key.first) for at, query in enumerate(queries)]
        first, *later = only_values(await fetch(slices))
        items, total = first.items, first.total
        for query, part in zip(queries[1:], later, strict=True):
            missing, offset = key.first - len(items), max(0, key.offset - total)
            if missing and offset:
                part = await self._read(key, query, offset, missing)  # noqa: PLW2901 # what was read was the start
            items, total = (*items, *part.items[:missing]), total + part.total
        return Slice(items, key.offset, key.first, total)

    async def _read(self, key: SliceKey, query: Any, offset: int, first: int) -> Slice[RowT]:
        """Items `offset` to `offset + first` of what one query finds. Raises GatewayError.

        The size of a page in the answer counts: where it is not the one that was expected, the slice is cut by it. One
        page is read first, then the others, side by side.
        """
        code, expected_size = key.community_code, self._records.page_size or key.first
        number = offset // expected_size + 1
        [page] = [counted] = await self._pages.load_all([PageKey(code, query, number, expected_size)])
        if counted.total is None and number > 1:  # beyond the end no page has the total: the first has (quirk 139)
            [counted] = await self._pages.load_all([PageKey(code, query, 1, expected_size)])
        size, total = counted.per_page or expected_size, counted.total or 0
        if size != expected_size and offset // size + 1 != number:
            number = offset // size + 1
            [page] = await self._pages.load_all([PageKey(code, query, number, expected_size)])
        last_wanted = (min(offset + first, total) - 1) // size + 1
        items = page.items
        if last_wanted > number:
            later = [PageKey(code, query, wanted, expected_size) for wanted in range(number + 1, last_wanted + 1)]
            items = _distinct([page, *await self._pages.load_all(later)])
        skip = offset - (number - 1) * size
        items = items[skip : skip + first]
        return Slice(items, offset, first, max(total, offset + len(items)) if items else total)


def _distinct(pages: list[Page[RowT]]) -> tuple[RowT, ...]:
    """Rows that shifted onto the next page meanwhile would come twice (quirk 142)."""
    return tuple({item.platform_id: item for page in pages for item in page.items}.values())


class ByIdLoader(ReadLoader[RecordKey, RowT | None]):
    def __init__(self, source: Source, records: RecordList[RowT]) -> None:
        self.endpoint = records.record_endpoint
        super().__init__(source)
        self._records = records

    def identify(self, key: RecordKey) -> ReadKey:
        return key.community_code, key.platform_id, self.source.view

    def read(self, key: RecordKey) -> Read:
        read: Read = self._records.read_record(self.source.platforms.wjdh, *key)
        return read


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
