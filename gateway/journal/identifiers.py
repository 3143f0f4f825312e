"""Identifiers of journal rows: UUID version 7 (RFC 9562, chapter 5.7), random and sorted by time."""

import secrets
from datetime import datetime
from uuid import UUID

_VERSION_7 = 7 << 76
_VARIANT = 2 << 62


def first_id(at: datetime) -> str:
    """The least identifier of this moment: those of earlier ones are below it. None is of a moment before 1970."""
    return str(UUID(int=max(0, int(at.timestamp() * 1000)) << 80))


def new_id(now: datetime) -> str:
    """A fresh identifier of 36 characters whose first 48 bits are the milliseconds of `now`."""
    milliseconds = int(now.timestamp() * 1000)
    return str(UUID(int=milliseconds << 80 | _VERSION_7 | secrets.randbits(12) << 64 | _VARIANT | secrets.randbits(62)))


def next_id(identifier: str) -> str:
    """The one after it."""
    return str(UUID(int=UUID(identifier).int + 1))
