"""A part of the journal that fails, as on a full disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gateway.errors import JournalError
from gateway.wording.faults import FaultWording


@contextmanager
def broken(part: Any, method: str, times: int | None = None, *, after: bool = False) -> Iterator[None]:
    """`with broken(gateway.parts.journal.audit, "add")`: each call fails, or the first `times`.

    `after`: it fails when it has done its work, as where the answer of a database is lost.
    """
    work, calls = getattr(part, method), 0

    async def fail(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        is_broken = times is None or calls <= times
        done = await work(*given, **named) if after or not is_broken else None
        if is_broken:
            raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))
        return done

    setattr(part, method, fail)
    try:
        yield
    finally:
        setattr(part, method, work)
