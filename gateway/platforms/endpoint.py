"""The endpoints of a platform as static facts: the table that drives retries (quirk 53)."""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any

import msgspec

from gateway.normalise.wire import Wire


class Kind(Enum):
    """What a call does, which its HTTP method does not show: every read is a POST.

    A call that was not sent may always be sent again, and one that met a dead token was not executed (quirk 45). Beyond
    that only reads are repeated: an update may overwrite what somebody else wrote meanwhile (quirk 155), and order/new
    and announcement/new have nothing by which the platform could know a repetition (quirk 154).
    """

    LOGIN = auto()
    READ = auto()
    REPEATABLE_WRITE = auto()
    UNREPEATABLE_WRITE = auto()

    @property
    def is_write(self) -> bool:
        return self in (Kind.REPEATABLE_WRITE, Kind.UNREPEATABLE_WRITE)


class Endpoint(msgspec.Struct, frozen=True):
    """One documented call. `path` is under the platform's base; "" where the settings must give it and do not.

    `shows_why`: whether the `msg` of a refusal is fit to be shown (not so for order/list, quirk 17). `decode(wire)`
    takes a success that came as documented in one step, and raises msgspec.DecodeError for every other answer. `record`
    is what each row in its answers is.
    """

    name: str
    method: str
    path: str
    kind: Kind
    shows_why: bool = True
    decode: Callable[[Wire], Callable[[bytes], Mapping[str, Any]]] | None = None
    record: type | None = None
