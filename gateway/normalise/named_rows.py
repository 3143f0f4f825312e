"""Answers whose `data` has the rows of a list under a name, and `pages` beside them (document 4.1.3)."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from gateway.normalise.generated import generated
from gateway.normalise.records import Page, Record
from gateway.normalise.shapes import (
    PageInfo,
    ShapeError,
    documented_body,
    identified,
    one_row,
    read_page,
    row_list,
    unwrap,
)
from gateway.normalise.table import Table

RecordT = TypeVar("RecordT", bound=Record)


class NamedRows(Generic[RecordT]):
    """What reads the records of one table from such lists, and from answers with one of them.

    `decode` takes the body of a list that came as documented; it raises msgspec.DecodeError for any other. `in_list`
    and `alone` are passed to the reader of rows, beside the community.
    """

    def __init__(
        self, table: Table[RecordT], name: str, *, in_list: tuple[object, ...] = (), alone: tuple[object, ...] = ()
    ) -> None:
        self._table = table
        self._name = name
        self._in_list = in_list
        self._alone = alone
        generated(self._generate)
        self.decode = documented_body(lambda: self._data)

    def _generate(self) -> None:
        rows: Any = list[self._table.documented]  # type: ignore[name-defined] # made of the declarations
        self._data = msgspec.defstruct("NamedRows", [(self._name, rows), ("pages", PageInfo | None, None)], gc=False)

    def parse_page(self, body: Mapping[str, object], community_code: str, page: int) -> Page[RecordT]:
        """The whole body of a list, asked for this community and page. Raises ShapeError.

        `data` may be empty, but is always there, and has the total that would show lost rows.
        """
        if "data" not in body:
            raise ShapeError("expected data")
        data = unwrap(body["data"])
        if isinstance(data, self._data):
            data = msgspec.structs.asdict(data)
        if data is None or data == []:
            data = {self._name: []}
        if not isinstance(data, dict) or self._name not in data:
            raise ShapeError(f"expected an object with {self._name}")
        rows = row_list(data[self._name])
        return read_page(self._table, rows, page, data.get("pages"), community_code, *self._in_list)

    def parse_one(self, data: object, community_code: str | None) -> RecordT | None:
        """The `data` of a single record; None when it is empty (quirk 31). Raises ShapeError, also without an id."""
        row = one_row(data)
        return None if row is None else identified(self._table.read(row, [], community_code, *self._alone))
