"""What all records share: their base, pages of them, what several of them hold, and the issues found in reading them.

A record is what the readers make of a platform's row: frozen, slotted, its attributes are the plain fields of a GraphQL
type, with its names in snake case and its values unmasked. What a platform did not send, or sent unreadably, is None
(or the enum's UNRECOGNIZED) and has a `DataIssue` beside it. What there is to say of a field is declared once:

    class Repair(Record, frozen=True, gc=False):
        reply: Annotated[str | None, Field("The property manager's reply (答复).", "reply", TEXT)] = None

From it follow the wire structs and readers (`gateway.normalise.table`), the field of the GraphQL type, what is masked,
what a reviewer may correct, and what a verification compares.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, Generic, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET
from msgspec.structs import force_setattr

from gateway.normalise.vocabulary import DataProblem, PiiKind, PlatformName, Severity
from gateway.wording.wording import Problem

if TYPE_CHECKING:
    from gateway.normalise.table import Table


class Plain(Enum):
    """What becomes of a documented value without a call; any other, `Kind.read` must look at all the same."""

    AS_SENT = "any value is as it should be"
    TEXT = "text that is not empty"
    TRIMMED = "text, without the blanks around it, that is not empty"
    WORD = "what msgspec makes of a spelling in the closed list: a member, or a boolean (`Wire.word_type`)"
    AMOUNT = "yuan with two decimals and 元 behind them, as the document prints amounts, or a number of whole fen"
    LOOKED_UP = "what the closed list has for it; without a key, for the text that it uses, or the fallback"


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """How a value is read from the wire.

    `read(*sent, path, issues, *used)` makes the value, of whatever was sent under each key of the field, and never
    raises. None is None without a call, unless the field is `required`, or the attribute with that name says so; then
    it is the `fallback`, with an issue if nothing was sent. `used` names attributes that are read before this one.

    `wire` is the type of a documented value under the first key, for msgspec; under the others any will do. `absent`
    stands for a value that is not there. A documented value that stands alone is read as `plain` says, or by calling
    it; what this gives None for, `read` looks at. A row that has no value for a field that `identifies` is no record.

    `words` is the closed list that it is of, an enum or a switch; `rows` are those in a list. `write(corrected,
    submitted)` gives the wire form of a corrected value.
    """

    read: Callable[..., Any] | None = None
    wire: Any = Any
    absent: Any = None
    plain: Plain | Callable[..., Any] | None = None
    required: bool | str = False
    fallback: Any = None
    identifies: bool = False
    used: tuple[str, ...] = ()
    words: Any = None
    rows: Any = None
    write: Callable[[Any, object], object] | None = None


class Correction(msgspec.Struct, frozen=True):
    """That a reviewer may correct the field. `problem(value)`, of a date `problem(day, today)`, says what is wrong with
    a value that cannot be right. `description` is that of the input field, and `section` the part of the content that
    has the key, where they are not the field's own.
    """

    problem: Callable[..., Problem | None] = lambda *_: None
    description: str | None = None
    section: str | None = None


class Field(msgspec.Struct, frozen=True):
    """A field of a record.

    `description` is the schema's; without one the GraphQL type declares the field itself. `key` is the key on the wire,
    or both keys of a field that has two. Without a `kind` the value is passed to the reader. `compared`: what a
    difference weighs in a verification. `path` is the public one in issues: camelCase names from the record, with dots
    between them. `attribute` and `type` are those in the record class.

    `pii`: it is personal data of this kind. `free_text`: people wrote it, and the numbers of persons in it are masked.
    `identifier`: it is an ID of the schema. `of_any_community`: its value may speak of other communities.
    """

    description: str = ""
    key: str | tuple[str, ...] = ""
    kind: Kind | None = None
    compared: Severity | None = None
    correction: Correction | None = None
    path: str = ""
    pii: PiiKind | None = None
    free_text: bool = False
    identifier: bool = False
    of_any_community: bool = False
    attribute: str = ""
    type: Any = None

    @property
    def name(self) -> str:
        """The name of the field in its type: the attribute's, or as the path ends."""
        return self.attribute if self.path == public_name(self.attribute) else self.path.rpartition(".")[2]

    @property
    def keys(self) -> tuple[str, ...]:
        return self.key if isinstance(self.key, tuple) else (self.key,) if self.key else ()

    @property
    def is_personal(self) -> bool:
        return self.pii is not None or self.free_text


def public_name(attribute: str) -> str:
    """The name of an attribute in the schema: `birth_date` is `birthDate`."""
    first, *others = attribute.split("_")
    return first + "".join(map(str.capitalize, others))


@cache
def declared_fields(record: type) -> Mapping[str, Field]:
    """The fields of a record class that have a `Field`, by attribute, in order, inherited ones included; each knows its
    attribute and its type there.
    """
    fields: dict[str, Field] = {}
    for attribute, annotation in get_type_hints(record, include_extras=True).items():
        if get_origin(annotation) is Annotated:
            type_, *notes = get_args(annotation)
            for note in notes:
                if isinstance(note, Field):
                    path = note.path or public_name(attribute)
                    fields[attribute] = msgspec.structs.replace(note, attribute=attribute, type=type_, path=path)
    return fields


def personal_attributes(record: type) -> tuple[str, ...]:
    """The attributes of a record class that are personal data."""
    return tuple(name for name, field in declared_fields(record).items() if field.pii is not None)


def personal_paths(record: type) -> dict[str, PiiKind]:
    """The fields of a record class that are personal data, by their public path."""
    return {field.path: field.pii for field in declared_fields(record).values() if field.pii is not None}


RecordT = TypeVar("RecordT")
ValueT = TypeVar("ValueT")

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
"""The bounds of GraphQL's Int."""

Int32 = Annotated[int, msgspec.Meta(ge=INT32_MIN, le=INT32_MAX)]

PlatformId = Annotated[int, msgspec.Meta(gt=0, le=INT32_MAX)]
"""A platform's number of a row."""

ListedCommunityCode = Annotated[
    str | None,
    Field("Code of its community; null if it was requested by the platform's number (小区标识).", identifier=True),
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
        self._get: Callable[[Record], Any] = attrgetter(self._slot)

    def __get__(self, record: Record, _owner: type) -> ValueT:
        value: ValueT = self._get(record)
        if value is UNSET:
            value = self._read(record)
            force_setattr(record, self._slot, value)
        return value


class DataIssue(Record, frozen=True, gc=False):
    """One value that did not arrive as documented.

    `field` is the dotted path of public field names from the record that carries the issue. `raw` is the upstream text,
    unmasked here; it is masked like the field, by `pii`. `of_any_community`: only who sees all of them is shown it.
    """

    field: str
    raw: str | None
    problem: DataProblem
    platform: PlatformName
    pii: PiiKind | None = None
    of_any_community: bool = False


class Page(Record, Generic[RecordT], frozen=True, gc=False):
    """One page of a platform's list, as the platform cut it.

    `total` is None where the platform gave no page information (quirks 138, 139). `per_page` and `last_page` are the
    platform's own, or follow from rows and total. `dropped` counts rows that had no identifier. `flawed` are the
    records that have issues, each with its community and with all issues of it and of the records inside.
    """

    items: tuple[RecordT, ...]
    per_page: int | None = None
    last_page: int | None = None
    total: int | None = None
    dropped: int = 0
    flawed: tuple[tuple[RecordT, str | None, tuple[DataIssue, ...]], ...] = ()


class WholeList(Record, Generic[RecordT], frozen=True, gc=False):
    """All pages of a platform's list, as far as they were read, with each record once.

    `dropped` counts rows that had no identifier, `missing` those that the platform counts besides. `whole`: these are
    exactly the rows of the list, which did not change meanwhile. `read_at` is when the oldest page was asked for.
    """

    items: tuple[RecordT, ...]
    dropped: int
    missing: int
    whole: bool
    read_at: datetime


class Community(Record, frozen=True, gc=False):
    """A community: all that is known of it is its code."""

    code: str


class HouseKey(NamedTuple):
    """The full address of a house: what the owner look-up needs and what a node id carries."""

    community_code: str
    building: int
    unit: int
    floor: int
    room: int


class Money(Record, frozen=True, gc=False):
    """An amount. `yuan` is the exact number as it is written out, "0.01"; `fen` is None beyond 32 bits or below one
    fen.
    """

    yuan: str
    fen: Int32 | None

    @property
    def text(self) -> str:
        """For display: "¥0.01"."""
        return f"-¥{self.yuan[1:]}" if self.yuan[0] == "-" else f"¥{self.yuan}"


ReviewKey = tuple[str | None, int]
"""Which review: the community whose list was asked, None where that is not known (quirk 175), and the row's number."""


class Issues:
    """The issues of one record while it is read, of rows that `source` reads."""

    __slots__ = ("found", "source")

    def __init__(self, source: "Table[Any]") -> None:
        self.source = source
        self.found: tuple[DataIssue, ...] = ()

    def add(self, path: str, value: object, problem: DataProblem) -> None:
        """Note what the platform sent as `value` for the field with this public path."""
        rows, pii, of_any = self.source.rows, self.source.pii.get(path), path in self.source.of_any_community
        self.found += (DataIssue(path, raw_text(value), problem, rows.platform, pii, of_any),)


def raw_text(value: object) -> str | None:
    """A decoded JSON value as text: strings as they are, None for null, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    return msgspec.json.encode(value).decode()


def is_blank(value: object) -> bool:
    """Whether this is how platforms leave a value out: null, or text without a visible character."""
    return value is None or (isinstance(value, str) and not value.strip())
