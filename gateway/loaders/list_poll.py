"""Compares the list of what waits in a community with what it was."""

from collections.abc import Hashable
from typing import Any, NamedTuple

from gateway.journal.records import NewEvent
from gateway.loaders.record_list import RecordList, Watched
from gateway.normalise.states import ChangeKind
from gateway.platforms.wjdh import Wjdh

PER_PAGE = 100
MOST_CHECKED = 20
"""Records gone from a list that one poll reads one by one; the next poll goes on."""

MOST_GONE = 5000
"""Records that are remembered as gone, so that one that comes again is known to be reopened."""


class Found(NamedTuple):
    """What a poll has seen. `is_whole`: that was all of the list."""

    changes: tuple[NewEvent, ...]
    seen: dict[int, Hashable]
    gone: tuple[int, ...]
    is_whole: bool


class ListPoll:
    """Of a list of more than two pages, it sees the first and the last one.

    `poll` compares with what was adopted last: until that is done, the next poll finds the same again. `written` are
    the statuses that writes gave since the last one, whose events are noted.
    """

    def __init__(self, wjdh: Wjdh, records: RecordList[Any], watched: Watched[Any], community_code: str) -> None:
        self._wjdh = wjdh
        self._records = records
        self._watched = watched
        self._community_code = community_code
        self._known: dict[int, Hashable] | None = None
        self._newest = 0
        self._gone: dict[int, None] = {}
        self.written: dict[int, str | None] = {}
        self.is_whole = True

    @property
    def has_begun(self) -> bool:
        """Whether there is something to compare with."""
        return self._known is not None

    async def poll(self) -> Found:
        """The first time, nothing has changed. Raises PlatformError."""
        if self._known is not None:  # what a write has taken out of the list, and is in it, waits again
            for number, status in self.written.items():
                if status != self._records.waiting.status.value and self._known.pop(number, None) is not None:
                    self._gone[number] = None
        self.written.clear()
        rows, is_whole = await self._read()
        seen = {row.platform_id: self._watched.state(row) for row in rows}
        if self._known is None:
            return Found((), seen, (), is_whole)
        changes = [self._event(row, kind, is_whole) for row in rows if (kind := self._kind(row, is_whole))]
        missing = [number for number in self._known if number not in seen]
        gone = []
        for number in missing[:MOST_CHECKED]:
            row = await self._read_record(number)
            if row is not None and row.status is not self._records.waiting.status:
                gone.append(number)
                changes.append(self._event(row, self._kind_of_end(row), is_whole))
            elif row is not None and is_whole:  # it slipped through while the pages were read
                seen[number] = self._known[number]
        seen |= {number: self._known[number] for number in missing[MOST_CHECKED:]}
        return Found(tuple(changes), seen, tuple(gone), is_whole)

    def adopt(self, found: Found) -> None:
        """What the next poll compares with."""
        self._known = found.seen
        self._newest = max(self._newest, *found.seen, 0)
        self.is_whole = found.is_whole
        for number in self._gone.keys() & found.seen.keys():
            del self._gone[number]
        self._gone |= dict.fromkeys(found.gone)
        while len(self._gone) > MOST_GONE:
            del self._gone[next(iter(self._gone))]

    def forget(self) -> None:
        """Begin anew."""
        self._known = None

    async def _read(self) -> tuple[tuple[Any, ...], bool]:
        """What is seen of the list, and whether that is all of it. New rows come last (quirk 142) or first."""
        first = await self._read_page(1)
        last_page = first.last_page or 1
        if last_page == 1:
            return first.items, True
        last = await self._read_page(last_page)
        return tuple({row.platform_id: row for row in (*first.items, *last.items)}.values()), last_page == 2

    async def _read_page(self, number: int) -> Any:
        records = self._records
        return await records.read_page(self._wjdh, self._community_code, records.waiting, number, PER_PAGE)

    async def _read_record(self, number: int) -> Any:
        return await self._records.read_record(self._wjdh, number, self._community_code)

    def _kind(self, row: Any, is_whole: bool) -> ChangeKind | None:
        """What happened to a row that is seen; None: nothing.

        An unknown row of a list that is not seen whole is no news: rows move up from where nobody looks, the newest
        apart.
        """
        number, known = row.platform_id, self._known or {}
        if number in known:
            return ChangeKind.CHANGED if known[number] != self._watched.state(row) else None
        if number in self._gone:
            return ChangeKind.REOPENED
        if number > self._newest:
            return ChangeKind.APPEARED
        return ChangeKind.REOPENED if is_whole else None

    def _kind_of_end(self, row: Any) -> ChangeKind:
        return self._watched.ends.get(row.status, ChangeKind.CHANGED)  # unknown is never decided

    def _event(self, row: Any, kind: ChangeKind, is_whole: bool) -> NewEvent:
        return NewEvent(
            topic=self._watched.topic,
            community_code=self._community_code,
            record_id=str(row.platform_id),
            kind=kind,
            status=row.status.value,
            missed=not is_whole,
        )
