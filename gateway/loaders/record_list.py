"""Lists of a community's records: what is declared of one, and the loaders that read it."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from gateway.auth.principal import Scope
from gateway.in_flight import Read, ReadKey
from gateway.loaders.loader import ReadLoader, Source
from gateway.loaders.paging import UP, Direction, Identified
from gateway.normalise.field import personal_attributes
from gateway.normalise.profile import AS_DECLARED
from gateway.normalise.records import Page, Record
from gateway.normalise.states import ChangeKind
from gateway.normalise.wire_enum import WireEnum

RowT = TypeVar("RowT", bound=Identified)


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


def _no_record(*_key: object) -> Read:
    raise LookupError("the platform gives no single record of this list")


@dataclass(frozen=True, eq=False, kw_only=True)
class RecordList(Generic[RowT]):
    """A list of a community's records at wjdh.

    `query` is the record class of its filters; `waiting` asks for what somebody has to deal with, by its status at
    least. `endpoint` gives the pages, by `read_page(wjdh, community_code, query, page, per_page)`; `record_endpoint`
    one record, by `read_record(wjdh, platform_id, community_code)`. `cached_as` is their name in `GATEWAY_CACHE`.

    `statuses`: the platform lists records of one status at a time, so the whole list is made of these, in order.
    `page_size`: the platform cuts pages of this size, whatever it is asked for. `direction`: where the numbers of the
    rows go, by example (quirk 142).
    """

    type_name: str
    scope: Scope
    query: type[Record]
    waiting: Any
    endpoint: str
    read_page: Callable[..., Any]
    record_endpoint: str = ""
    read_record: Callable[..., Any] = _no_record
    cached_as: str
    statuses: tuple[WireEnum, ...] = ()
    page_size: int | None = None
    direction: Direction = UP
    watched: Watched[RowT] | None = None

    @property
    def has_own_pages(self) -> bool:
        """Whether the platform chooses their size, and documents no parameter for pages (quirk 134)."""
        return self.page_size is not None

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


class RecordKey(NamedTuple):
    """One record. `community_code` is None where only the platform's bare number is known (quirk 175)."""

    platform_id: int
    community_code: str | None


class PageLoader(ReadLoader[PageKey, Page[RowT]]):
    """Pages of a list, as the deployment's profile has it, else as declared.

    `page_size`: rows of a page, where the platform cuts all alike. `turns_pages`: it gives the page that it is asked
    for, and not always the first.
    """

    def __init__(self, source: Source, records: RecordList[RowT]) -> None:
        self.endpoint = records.endpoint
        super().__init__(source)
        self._records = records
        profile = source.platforms.profile.lists.get(records.endpoint, AS_DECLARED)
        self.page_size = profile.page_size or records.page_size
        self.turns_pages = profile.pages

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
