"""Any slice of a list.

Platforms cut their lists into pages of a size they choose (quirks 134 to 143); callers ask for `first` items from an
offset, or after a place. A slice is put together from as few pages as hold it (`gateway.loaders.stream`).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Annotated, Any, Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

import msgspec

from gateway.errors import GatewayError
from gateway.execution.load import Load
from gateway.normalise.records import Record


class Identified(Protocol):
    """A record of a platform's row."""

    @property
    def platform_id(self) -> int: ...


LAST_OFFSET = 2**31 - 1

Offset = Annotated[int, msgspec.Meta(ge=0, le=LAST_OFFSET)]
Direction: TypeAlias = Literal[1, -1, 0]

UP: Literal[1] = 1
DOWN: Literal[-1] = -1
NEITHER: Literal[0] = 0
"""Where the numbers of a stream's rows go. They are given as rows are made: where they go up, the oldest come first."""

ItemT = TypeVar("ItemT")
ValueT = TypeVar("ValueT")


class PageKey(NamedTuple):
    community_code: str
    query: Any
    page: int
    per_page: int


class Stream(NamedTuple):
    """What a platform lists in one go: a community's records, those of one status where it lists one at a time. `query`
    is the position of its query among those that the list is made of.
    """

    query: Offset
    community_code: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class Place(NamedTuple):
    """Where a reader has come to in a stream: behind the row with the number `last`, `offset` rows from the start, when
    there were `total`. `last` is 0 where no row is known there; `offset` is 0 also behind a row, once all rows up to it
    have left. `direction` is that of the numbers, as it was seen.
    """

    last: Offset
    offset: Offset
    total: Offset
    direction: Direction


def direction(numbers: Sequence[int], known: Direction) -> Direction:
    """Where numbers go, after what is known of those before."""
    if known == NEITHER or len(set(numbers)) < 2:
        return known
    if all(one <= other for one, other in pairwise(numbers)):
        return UP
    return DOWN if all(one >= other for one, other in pairwise(numbers)) else NEITHER


Places: TypeAlias = tuple[tuple[Stream, Place], ...]
"""Of a list that is made of several streams. Those that are missing have not been read yet."""


class Stretch(Record, Generic[ItemT], frozen=True, gc=False):
    """Rows of one stream from `offset` on, of `total`. `direction` is what is known of the numbers, `start` where the
    reader stood before. `has_more`: rows follow. `error`: why those could not be read, if more were wanted.
    """

    stream: Stream
    items: tuple[ItemT, ...]
    offset: int
    total: int
    direction: Direction
    start: Place | None = None
    has_more: bool = False
    error: GatewayError | None = None


class Failure(NamedTuple):
    """Why rows of a community are missing in a slice."""

    community_code: str
    error: Exception


class Slice(Record, Generic[ItemT], frozen=True, gc=False):
    """`items` from `offset` on, of a list of `total`. Offsets are of the moment: lists may shift (quirk 142).
    `follows`: whether items follow, None where their count says so. `asked` is of which list: its cursors have a hash
    of it.

    `parts` are the streams of platforms that it was read from, and `origins` which of them each item is of, empty where
    there is one. `failures` are the communities that could not be read: neither their items nor their totals are here.
    Or not to the end: then their totals are here, and the items as far as they were read.
    """

    items: tuple[ItemT, ...]
    offset: int
    first: int
    total: int
    parts: tuple[Stretch[ItemT], ...] = ()
    origins: tuple[int, ...] = ()
    failures: tuple[Failure, ...] = ()
    follows: bool | None = None
    asked: tuple[object, ...] = ()

    @property
    def has_more(self) -> bool:
        """Also where a community could not be read: its items may follow."""
        follows = self.offset + self.first < self.total if self.follows is None else self.follows
        return follows or bool(self.failures)

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
    asked: tuple[object, ...]
    failures: tuple[Failure, ...] = ()

    def count(self, derive: Callable[[int], ValueT]) -> ValueT | Load[Any, ValueT]:
        """What follows from how many there are, and at least as many as are here."""
        least = self.offset + len(self.items) if self.items else 0
        return Load(self.total.loader, self.total.key, lambda total: derive(max(total, least)))


def places_after(part: Slice[Identified], count: int) -> Places:
    """Where a reader stands who has read so many items of the slice."""
    if count and not part.origins:
        [source] = part.parts
        return ((source.stream, _place(source, part.items[0].platform_id, part.items[count - 1].platform_id, count)),)
    places = {each.stream: each.start for each in part.parts if each.start is not None}
    numbers: list[list[int]] = [[] for _ in part.parts]
    for item, origin in zip(part.items[:count], part.origins, strict=False):
        numbers[origin].append(item.platform_id)
    for source, read in zip(part.parts, numbers, strict=True):
        if read:
            places[source.stream] = _place(source, read[0], read[-1], len(read))
    return tuple(places.items())


def _place(part: Stretch[Any], first: int, last: int, count: int) -> Place:
    """Behind so many rows of a part, the first and the last of which have these numbers."""
    going = part.direction
    if going != NEITHER and first != last:
        going = UP if first < last else DOWN
    return Place(last, part.offset + count, part.total, going)


LONGEST_KEY = 80

_OFFSET = b"offset:"
_ROW = b"row:"
_PLACES = b"\x01"
_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")

_DECODER = msgspec.msgpack.Decoder(Places)
_ENCODER = msgspec.msgpack.Encoder()


class InvalidCursorError(ValueError):
    """Not a cursor that this gateway made."""


def offset_cursor(offset: int) -> str:
    return urlsafe_b64encode(_OFFSET + str(offset).encode()).decode()


def places_cursor(places: Places) -> str:
    encoded = b2a_base64(_PLACES + _ENCODER.encode(places), newline=False)
    return encoded.translate(_TO_URL_SAFE, b"=").decode()


def row_cursor(place: RowPlace) -> str:
    return urlsafe_b64encode(_ROW + f"{place.offset}:{place.key}".encode()).decode()


def read_cursor(cursor: str) -> int | RowPlace | Places:
    """The offset, the row, or the places that a cursor is made of. Raises InvalidCursorError."""
    try:
        content = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        if content.startswith(_ROW):
            offset_text, _, key = content.removeprefix(_ROW).decode("ascii").partition(":")
            row = RowPlace(int(offset_text), key)
            if 0 <= row.offset < LAST_OFFSET and len(key) <= LONGEST_KEY and row_cursor(row) == cursor:
                return row
        elif not content.startswith(_PLACES):
            offset = int(content.removeprefix(_OFFSET))
            if 0 <= offset < LAST_OFFSET and offset_cursor(offset) == cursor:
                return offset
        else:
            places = _DECODER.decode(content[len(_PLACES) :])
            if len(dict(places)) == len(places) and places_cursor(places) == cursor:
                return places
    except (ValueError, msgspec.MsgspecError):
        pass
    raise InvalidCursorError
