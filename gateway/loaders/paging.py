"""Any slice of a list.

Platforms cut their lists into pages of a size they choose (quirks 134 to 143); callers ask for `first` items from an
offset, or after a place. A slice is put together from as few pages as hold it (`gateway.loaders.stream`).
"""

from base64 import urlsafe_b64decode
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


class RowPlace(msgspec.Struct, frozen=True):
    """A row of the journal, by its key, and its offset when the list was first read."""

    offset: Annotated[int, msgspec.Meta(ge=0, lt=LAST_OFFSET)]
    key: Annotated[str, msgspec.Meta(max_length=80)]


class Slice(Record, Generic[ItemT], frozen=True, gc=False):
    """`items` from `offset` on, of a list that has `total`, or as many as that counts, where it is asked for. Offsets
    are of the moment: lists may shift (quirk 142). `has_more` also where a community could not be read: its items may
    follow. `asked` is of which list: its cursors have a hash of it.

    Of a list of the journal, `keys` are those of its items in the order of the list: what comes after a key is the same
    whatever has been written since.

    `parts` are the streams of platforms that it was read from, and `origins` which of them each item is of, empty where
    there is one. `failures` are the communities that could not be read: neither their items nor their totals are here.
    Or not to the end: then their totals are here, and the items as far as they were read.
    """

    items: tuple[ItemT, ...]
    offset: int
    first: int
    total: int | Load[Any, int]
    has_more: bool = False
    asked: tuple[object, ...] = ()
    keys: tuple[str, ...] = ()
    parts: tuple[Stretch[ItemT], ...] = ()
    origins: tuple[int, ...] = ()
    failures: tuple[Failure, ...] = ()

    def count(self, derive: Callable[[int], ValueT]) -> ValueT | Load[Any, ValueT]:
        """What follows from how many there are: of those of the journal, at least as many as are here."""
        if isinstance(self.total, int):
            return derive(self.total)
        least = self.offset + len(self.items) if self.items else 0
        return Load(self.total.loader, self.total.key, lambda total: derive(max(total, least)))

    def cursor(self, position: int) -> str:
        """The cursor of the item at this position."""
        if self.keys:
            return write_cursor(RowPlace(self.offset + position, self.keys[position]))
        return write_cursor(places_after(self, position + 1))


def places_after(part: Slice[Any], count: int) -> Places:
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


_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")

_DECODER = msgspec.msgpack.Decoder(RowPlace | Places)
_ENCODER = msgspec.msgpack.Encoder()


class InvalidCursorError(ValueError):
    """Not a cursor that this gateway made."""


def write_cursor(cursor: RowPlace | Places) -> str:
    """A row, or places, as text."""
    return b2a_base64(_ENCODER.encode(cursor), newline=False).translate(_TO_URL_SAFE, b"=").decode()


def read_cursor(cursor: str) -> RowPlace | Places:
    """What a cursor was made of. Raises InvalidCursorError."""
    try:
        content = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        found: RowPlace | Places = _DECODER.decode(content)
    except (ValueError, msgspec.MsgspecError):
        raise InvalidCursorError from None
    if write_cursor(found) != cursor or (isinstance(found, tuple) and len(dict(found)) != len(found)):
        raise InvalidCursorError
    return found
