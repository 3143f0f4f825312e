"""The three shapes of paging (quirk 133). Their URLs name the authors' machines, as the document's do (quirk 57)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.sandbox.dialects.dialect import Row

RecordT = TypeVar("RecordT")


@dataclass(frozen=True, slots=True)
class Page(Generic[RecordT]):
    """One page cut from a list, as Laravel's paginator does it."""

    rows: Sequence[RecordT]
    number: int
    per_page: int
    total: int

    @classmethod
    def cut(cls, rows: Sequence[RecordT], number: int, per_page: int) -> "Page[RecordT]":
        start = (number - 1) * per_page
        return cls(rows[start : start + per_page], number, per_page, len(rows))

    @property
    def last(self) -> int:
        return max(1, -(-self.total // self.per_page))

    @property
    def span(self) -> tuple[int | None, int | None]:
        """Numbers of the first and the last row, or nulls for an empty page (quirk 138)."""
        if not self.rows:
            return None, None
        first = (self.number - 1) * self.per_page + 1
        return first, first + len(self.rows) - 1

    @property
    def previous(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        return self.number + 1 if self.number < self.last else None


def links(page: Page[RecordT], path: str) -> Row:
    """`links` of shenheList."""
    return {
        "first": f"{path}?page=1",
        "last": f"{path}?page={page.last}",
        "prev": _url(path, page.previous),
        "next": _url(path, page.next),
    }


def meta(page: Page[RecordT], path: str, per_page: object) -> Row:
    """`meta` of shenheList; `per_page` comes back as it was sent (quirk 136)."""
    first, last = page.span
    return {
        "current_page": page.number,
        "from": first,
        "last_page": page.last,
        "path": path,
        "per_page": per_page,
        "to": last,
        "total": page.total,
    }


def pages(page: Page[RecordT], path: str, per_page: object) -> Row:
    """`pages` of order/list and repair/list."""
    first, last = page.span
    return {
        "current_page": page.number,
        "first_page_url": f"{path}?page=1",
        "from": first,
        "last_page": page.last,
        "last_page_url": f"{path}?page={page.last}",
        "next_page_url": _url(path, page.next),
        "path": path,
        "per_page": per_page,
        "prev_page_url": _url(path, page.previous),
        "to": last,
        "total": page.total,
    }


def _url(path: str, number: int | None) -> str | None:
    return None if number is None else f"{path}?page={number}"
