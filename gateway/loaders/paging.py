"""Any slice of a list.

Platforms cut their lists into pages of a size they choose (quirks 134 to 143); callers ask for `first` items from an
offset, or after a place. A slice is put together from as few pages as hold it (`gateway.loaders.stream`).
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from gateway.execution.load import Load
from gateway.normalise.records import Record


class Identified(Protocol):
    """A record of a platform's row."""

    @property
    def platform_id(self) -> int: ...


ItemT = TypeVar("ItemT")
ValueT = TypeVar("ValueT")


class Stream(NamedTuple):
    """What a platform lists in one go: a community's records, those of one status where it lists one at a time.

    `query` is the position of its query among those that the list is made of.
    """

    query: int
    community_code: str


class Place(NamedTuple):
    """Where a reader has come to in a stream: behind the row with the number `last`, `offset` rows from the start, when
    there were `total`. `last` is 0 where no row is known there. `direction` is that of the numbers, as it was seen.
    """

    last: int
    offset: int
    total: int
    direction: int = 1


UP, DOWN, NEITHER = 1, -1, 0
"""Where the numbers of a stream's rows go. They are given as rows are made: where they go up, the oldest come first."""


def direction(numbers: Sequence[int], known: int) -> int:
    """Where numbers go, after what is known of those before."""
    if known == NEITHER or len(set(numbers)) < 2:
        return known
    if all(one <= other for one, other in pairwise(numbers)):
        return UP
    return DOWN if all(one >= other for one, other in pairwise(numbers)) else NEITHER


Places: TypeAlias = tuple[tuple[Stream, Place], ...]
"""Of a list that is made of several streams. Those that are missing have not been read yet."""


class Part(Record, frozen=True, gc=False):
    """What one stream gave to a slice: rows from `offset` on, of `total`. `start` is where its reader stood before,
    `direction` what was known of the numbers then.
    """

    stream: Stream
    offset: int
    total: int
    direction: int
    start: Place | None = None


class Failure(NamedTuple):
    """Why a community's rows are missing in a slice."""

    community_code: str
    error: Exception


class Slice(Record, Generic[ItemT], frozen=True, gc=False):
    """`items` from `offset` on, of a list of `total`. Offsets are of the moment: lists may shift (quirk 142).

    `parts` are the streams of platforms that it was read from, and `origins` which of them each item is of, empty where
    there is one. `failures` are the communities that could not be read: neither their items nor their totals are here.
    """

    items: tuple[ItemT, ...]
    offset: int
    first: int
    total: int
    parts: tuple[Part, ...] = ()
    origins: tuple[int, ...] = ()
    failures: tuple[Failure, ...] = ()

    @property
    def has_more(self) -> bool:
        """Also where a community could not be read: its items may follow."""
        return self.offset + self.first < self.total or bool(self.failures)

    def count(self, derive: Callable[[int], ValueT]) -> ValueT | Load[Any, ValueT]:
        """What follows from how many there are."""
        return derive(self.total)


class RowPlace(NamedTuple):
    """A row of the journal, by its key, and its offset when the list was first read."""

    offset: int
    key: str


class KeyedSlice(Record, Generic[ItemT], frozen=True, gc=False):
    """A part of a list of the journal. `keys` are those of its items in the order of the list: what comes after a key
    is the same whatever has been written since. How many there are is counted by `total`, where somebody asks.
    """

    items: tuple[ItemT, ...]
    keys: tuple[str, ...]
    offset: int
    first: int
    has_more: bool
    total: Load[Any, int]
    failures: tuple[Failure, ...] = ()

    def count(self, derive: Callable[[int], ValueT]) -> ValueT | Load[Any, ValueT]:
        """What follows from how many there are, and at least as many as are here."""
        least = self.offset + len(self.items) if self.items else 0
        return Load(self.total.loader, self.total.key, lambda total: derive(max(total, least)))


def places_after(part: Slice[Identified], count: int) -> Places:
    """Where a reader stands who has read so many items of the slice."""
    places = {each.stream: each.start for each in part.parts if each.start is not None}
    numbers: list[list[int]] = [[] for _ in part.parts]
    for item, origin in zip(part.items[:count], part.origins or (0,) * count, strict=False):
        numbers[origin].append(item.platform_id)
    for source, read in zip(part.parts, numbers, strict=True):
        if read:
            going = direction(read, source.direction)
            places[source.stream] = Place(read[-1], source.offset + len(read), source.total, going)
    return tuple(places.items())
