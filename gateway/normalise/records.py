"""What all records share: their base, pages of them, what several of them hold, and the issues found in reading them.

A record is what the readers make of a platform's row: frozen, slotted, its attributes are the plain fields of a GraphQL
type. An attribute has the name of its field in snake case, its value is what the field shows unmasked. What a platform
did not send, or sent unreadably, is None (or the enum's UNRECOGNIZED) and has a `DataIssue` beside it. The records of
each entity stand in the module of its name, where each field is declared once (`gateway.normalise.field`).
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec

from gateway.normalise.field import Field
from gateway.normalise.vocabulary import DataProblem, PiiKind, PlatformName

if TYPE_CHECKING:
    from gateway.normalise.wire import Wire

RecordT = TypeVar("RecordT")
ValueT = TypeVar("ValueT")

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
"""The bounds of GraphQL's Int."""

Int32 = Annotated[int, msgspec.Meta(ge=INT32_MIN, le=INT32_MAX)]

PlatformId = Annotated[int, msgspec.Meta(gt=0, le=INT32_MAX)]
"""A platform's number of a row."""

ListedCommunityCode = Annotated[
    str | None,
    Field(
        "Code of the community whose list showed it; null when reached by the bare number (小区标识).", identifier=True
    ),
]
"""For records that wjdh gives by a bare number as well (quirk 175)."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """Base of all records."""


class ReadOnce(Generic[ValueT]):
    """An attribute that is read when it is asked for first, and kept under its name with `_read` behind it: callers
    share records.
    """

    def __init__(self, read: Callable[[Any], ValueT]) -> None:
        self._read = read
        self._slot = f"{read.__name__}_read"

    def __get__(self, record: Record, _owner: type) -> ValueT:
        value: ValueT = getattr(record, self._slot)
        if value is msgspec.UNSET:
            value = self._read(record)
            msgspec.structs.force_setattr(record, self._slot, value)
        return value


class DataIssue(Record, frozen=True, gc=False):
    """One value that did not arrive as documented.

    `field` is the dotted path of public (camelCase) field names from the record that carries the issue. `raw` is the
    upstream text, unmasked here; `pii` is the kind of personal data it holds, so that it is masked like the field.
    `of_any_community`: it may speak of any community, so only who sees all of them is shown it.
    """

    field: str
    raw: str | None
    problem: DataProblem
    platform: PlatformName
    pii: PiiKind | None = None
    of_any_community: bool = False


Flawed: TypeAlias = tuple[RecordT, tuple[DataIssue, ...]]
"""A record with its issues and those of the records inside it."""


class Page(Record, Generic[RecordT], frozen=True, gc=False):
    """One page of a platform's list, as the platform cut it.

    `total` is None where the platform gave no page information (nothing found, or a page beyond the end: quirks 138
    and 139). `per_page` and `last_page` are the platform's own; where it gives no last page, rows and total do.
    `dropped` counts rows that had no identifier. `issues` are those of all rows, `flawed` the records that have some.
    """

    items: tuple[RecordT, ...]
    per_page: int | None = None
    last_page: int | None = None
    total: int | None = None
    dropped: int = 0
    issues: tuple[DataIssue, ...] = ()
    flawed: tuple[Flawed[RecordT], ...] = ()


class WholeList(Record, Generic[RecordT], frozen=True, gc=False):
    """All pages of a platform's list, as far as they were read.

    `items` has each record once. `dropped` counts rows that had no identifier, `missing` how many more rows the
    platform says there are. `whole`: these are exactly the rows of the list, which did not change while it was read.
    `read_at` is when the oldest page was asked for.
    """

    items: tuple[RecordT, ...]
    dropped: int
    missing: int
    whole: bool
    read_at: datetime


class HouseKey(NamedTuple):
    """The full address of a house: what the owner look-up needs and what a node id carries."""

    community_code: str
    building: int
    unit: int
    floor: int
    room: int


class Money(Record, frozen=True, gc=False):
    """An amount. `yuan` is the exact number as it is written out, "0.01"; `fen` is None beyond 32 bits or below one
    fen; `text` is for display: "¥0.01".
    """

    yuan: str
    fen: Int32 | None
    text: str


ReviewKey = tuple[str | None, int]
"""Which review: the community whose list was asked, None where that is not known (quirk 175), and the row's number."""


class IssueSource(NamedTuple):
    """Whose rows are read, and by which readers: the platform, the kinds of personal data by public path, and the paths
    whose values may speak of any community, not only of that of the record.
    """

    wire: "Wire"
    platform: PlatformName
    pii: Mapping[str, PiiKind] = MappingProxyType({})
    of_any_community: Collection[str] = ()


class Issues:
    """The issues of one record while it is read. `gathered` gets them as well, for the whole answer."""

    __slots__ = ("found", "gathered", "source")

    def __init__(self, source: IssueSource, gathered: list[DataIssue]) -> None:
        self.source = source
        self.gathered = gathered
        self.found: tuple[DataIssue, ...] = ()

    def add(self, path: str, value: object, problem: DataProblem) -> None:
        """Note what the platform sent as `value` for the field with this public path."""
        raw = value if isinstance(value, str) else raw_text(value)
        _, platform, pii, of_any_community = self.source
        issue = DataIssue(path, raw, problem, platform, pii.get(path), path in of_any_community)
        self.found += (issue,)
        self.gathered.append(issue)


def raw_text(value: object) -> str | None:
    """A decoded JSON value as text: strings as they are, None for null, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    return msgspec.json.encode(value).decode()
