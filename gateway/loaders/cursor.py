"""Cursors of lists: text that clients hand back as it is.

Of the announcements: the offset of an item. Of another list of the journal: the key of a row, so that what has been
written since shifts nothing, and its offset. Of a list of platforms: the place in each of the streams that it is read
from, by the number of the last row there, so that it is found again when rows before it have left. Such a list takes
cursors of the first kind too: they were its own once, and clients may hold them.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import b2a_base64

import msgspec

from gateway.loaders.paging import LAST_OFFSET, Places, RowPlace

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
