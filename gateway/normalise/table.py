"""From the declarations of a record's fields to what reads its rows: a wire struct for msgspec, and two readers.

Rows that msgspec has decoded into the struct of documented values are read by a function that is generated, with each
value in line where it is as expected. Its lines for the `reply` of a repair:

    v = row.reply
    reply = v or None

Any other row is read by a loop over the declarations. That alone would do; a list of orders took a fifth longer.
"""

import builtins
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec

from gateway.normalise.field import DeclaredField, declared_fields, personal_paths
from gateway.normalise.records import DataIssue, Flawed, Issues, IssueSource, Page, Record
from gateway.normalise.shapes import (
    MOST_ROWS,
    FirstPageError,
    PageInfo,
    ShapeError,
    documented_body,
    get_data,
    one_row,
    page_info,
    row_list,
    unwrap,
)
from gateway.normalise.values import row_id
from gateway.normalise.vocabulary import PlatformName
from gateway.normalise.wire_enum import WireEnum

if TYPE_CHECKING:
    from gateway.normalise.wire import Wire

RecordT = TypeVar("RecordT", bound=Record)

ROWS: list["Rows[Any]"] = []
"""All that are declared."""

Decode: TypeAlias = Callable[[bytes], Mapping[str, Any]]


@dataclass(eq=False)
class Rows(Generic[RecordT]):
    """That a platform sends rows of this record class. `key` makes the key of these rows from the declared one.

    A list of them is the `data` of an answer, or stands there `within` a name; `info` names what is beside it, and says
    which page it is. `in_list` and `alone` are passed to the reader of rows, after the community.
    """

    record: type[RecordT]
    platform: PlatformName
    key: Callable[[str], str] = lambda key: key
    info: str = "pages"
    within: str | None = None
    in_list: tuple[object, ...] = ()
    alone: tuple[object, ...] = ()

    def __post_init__(self) -> None:
        ROWS.append(self)

    def fields(self) -> Iterator[tuple[tuple[str, ...], type[Record], DeclaredField]]:
        """Every field that a row has keys for: the keys, and the record it is of, which may be one of the same row."""
        for declared in declared_fields(self.record).values():
            kind = declared.field.kind
            if kind is not None and kind.same_row is not None:
                yield from kind.same_row.fields()
            elif declared.field.keys:
                yield tuple(map(self.key, declared.field.keys)), self.record, declared

    def decode_list(self, wire: "Wire") -> Decode:
        """What decodes the body of a list that came as documented; it raises msgspec.DecodeError for any other."""
        table = wire.table(self)
        return documented_body(table.listed, self.info) if self.within is None else documented_body(table.named)

    def decode_one(self, wire: "Wire") -> Decode:
        """As `decode_list`, of an answer with one row."""
        return documented_body(wire.table(self).documented)


class Table(Generic[RecordT]):
    """What reads rows.

    `documented` is the struct that msgspec decodes a row into whose values are all of documented types, `listed` a list
    of them, `named` one within a name. `gathered` gets the issues that are found; `passed` are the attributes that have
    no kind, and what else their kinds use, in order.
    """

    def __init__(self, wire: "Wire", rows: Rows[RecordT]) -> None:
        self.rows = rows
        fields = declared_fields(rows.record)
        of_any_community = frozenset(field.path for field in fields.values() if field.field.of_any_community)
        self.source = IssueSource(wire, rows.platform, personal_paths(rows.record), of_any_community)
        self._steps = [_step(wire, rows, *each) for each in _in_order(fields)]
        self.slots: list[_Slot] = [slot for step in self._steps for slot in (*step.slots, *step.more)]
        keys = {slot.name: slot.key for slot in self.slots}
        members = [(slot.name, slot.wire, slot.absent) for slot in self.slots]
        name = f"{rows.record.__name__}Row"
        self.documented: Any = msgspec.defstruct(name, members, rename=keys, kw_only=True, gc=False)
        documented: Any = self.documented
        self.listed: Any = list[documented]
        info = (rows.info, PageInfo | None, None)
        self.named = msgspec.defstruct("NamedRows", [(rows.within or "rows", self.listed), info], gc=False)
        self._read_documented = self._generate()

    def read(self, row: object, gathered: list[DataIssue], *passed: object) -> RecordT | None:
        """The record of a row as decoded, of whichever type; None for what is no object, or has no identifier."""
        record: RecordT | None = None
        if type(row) is self.documented:
            records, _ = self._read_documented([row], gathered, *passed)
            record = records[0] if records else None
        elif isinstance(row, dict):
            record = self._read_any(row, gathered, passed)
        return record

    def _read_any(self, row: Mapping[str, object], gathered: list[DataIssue], passed: Sequence[object]) -> Any:
        """The record of a row with values of any type."""
        issues = Issues(self.source, gathered)
        others = iter(passed)
        values: dict[str, Any] = {}
        for attribute, kind, path, slots, more, inner in self._steps:
            if inner is not None:
                value: Any = inner.read(row, gathered)
            elif kind is None:
                value = next(others)
            else:
                sent = [row.get(slot.key) for slot in slots]
                for slot in more:
                    sent[0] = row.get(slot.key) if sent[0] is None else sent[0]
                if sent and not kind.required and all(each is None for each in sent):
                    value = None
                else:
                    value = kind.read(*sent, path, issues, *[values[used] for used in kind.used])
            if value is None and kind is not None and kind.identifies:
                return None
            values[attribute] = value
        own = self.rows.record.__struct_fields__
        given = {**values, "source": self.source, "data_issues": issues.found, "own_issues": issues.found}
        return self.rows.record(**{name: value for name, value in given.items() if name in own})

    def read_all(
        self, rows: Sequence[object], gathered: list[DataIssue], *passed: object
    ) -> tuple[list[RecordT], list[Flawed[RecordT]]]:
        """The records of a list, without what `read` gives None for, and those of them that have issues."""
        if rows and type(rows[0]) is self.documented:  # and so are the others: msgspec has decoded the list
            read: tuple[list[RecordT], list[Flawed[RecordT]]] = self._read_documented(rows, gathered, *passed)
            return read
        records: list[RecordT] = []
        flawed: list[Flawed[RecordT]] = []
        for row in rows:
            count = len(gathered)
            record = self.read(row, gathered, *passed)
            if record is not None:
                records.append(record)
                if len(gathered) > count:
                    flawed.append((record, tuple(gathered[count:])))
        return records, flawed

    def one(self, data: object, *passed: object) -> RecordT | None:
        """The `data` of a single record; None when it is empty (quirk 31). Raises ShapeError, also without an id."""
        row = one_row(data)
        if row is None:
            return None
        record = self.read(row, [], *passed, *self.rows.alone)
        if record is None:
            raise ShapeError("expected an id")
        return record

    def page(self, body: Mapping[str, object], community_code: str, page: int) -> Page[RecordT]:
        """The whole body of a list, asked for this community and page. Raises ShapeError.

        Rows without an identifier are dropped and counted. Refused are rows without a total, or of another page, and no
        rows on a page that has some by its own total: they would pass for a list of none, or for rows they are not.
        """
        rows, info = self._listed(body)
        if len(rows) > MOST_ROWS:
            raise ShapeError(f"expected {MOST_ROWS} rows on a page at most")
        issues: list[DataIssue] = []
        records, flawed = self.read_all(rows, issues, community_code, *self.rows.in_list)
        info = page_info(info)
        total = 0 if info.total in (0, "0") else row_id(info.total)
        per_page, last_page = row_id(info.per_page), row_id(info.last_page)
        if rows:
            if total is None:
                raise ShapeError("expected a total beside rows")
            if info.current_page != page and (current := row_id(info.current_page) or page) != page:
                raise (FirstPageError if current == 1 else ShapeError)("expected the page that was asked for")
            last_page = last_page or -(-total // len(rows))  # `per_page` may be what was asked for (quirk 136)
        elif total and page <= (last_page or 1) and (page - 1) * (per_page or 0) < total:
            raise ShapeError("expected rows beside a total")
        return Page(
            items=tuple(records),
            per_page=per_page,
            last_page=last_page,
            total=total,
            dropped=len(rows) - len(records),
            issues=tuple(issues),
            flawed=tuple(flawed),
        )

    def _listed(self, body: Mapping[str, object]) -> tuple[Sequence[object], object]:
        """The rows of a list, and which page they are.

        `data` may be absent (2.1.2.3), and what says the page is null when nothing is found (quirk 138); where the rows
        have a name, `data` may be empty, but is always there.
        """
        within, info = self.rows.within, self.rows.info
        if within is None:
            return row_list(get_data(body)), body.get(info)
        if "data" not in body:
            raise ShapeError("expected data")
        data = unwrap(body["data"])
        if isinstance(data, self.named):
            data = msgspec.structs.asdict(data)
        if data is None or data == []:
            data = {within: []}
        if not isinstance(data, dict) or within not in data:
            raise ShapeError(f"expected an object with {within}")
        return row_list(data[within]), data.get(info)

    def _generate(self) -> Callable[..., Any]:
        """What reads documented rows, all of a list at once: a call for each would take a fifth of the time."""
        names: dict[str, Any] = {"Record": self.rows.record, "Issues": Issues, "source": self.source}
        passed, lines = [], ["issues = None", "count = len(gathered)"]
        for attribute, kind, path, slots, more, inner in self._steps:
            local, read = _local(attribute), f"read_{attribute}"
            if inner is not None:
                names[read] = inner._read_documented  # of the same class
                lines += [f"{local}, _ = {read}([row], gathered)", f"{local} = {local}[0] if {local} else None"]
            elif kind is None:
                passed.append(local)
                continue
            else:
                values = ["v", "v2"][: len(slots)]
                lines += [f"{value} = row.{slot.name}" for value, slot in zip(values, slots, strict=True)]
                lines += [f"if v is None: v = row.{slot.name}" for slot in more]
                arguments = [*values, repr(path), "issues := issues or Issues(source, gathered)"]
                call = f"{read}({', '.join([*arguments, *map(_local, kind.used)])})"
                if values and not kind.required:
                    call = f"None if {' is '.join(values)} is None else {call}"
                inline = kind.inline.replace("OTHERWISE", call).replace("WORDS", f"words_{attribute}")
                lines.append(f"{local} = {inline}")
                words = self.source.wire.words.get(kind.words)
                names |= {**kind.names, read: kind.read, f"words_{attribute}": words}
            if kind is not None and kind.identifies:
                lines.append(f"if {local} is None: continue")
        lines.append(f"records.append(Record({', '.join(self._arguments())}))")
        lines.append("if len(gathered) > count: flawed.append((records[-1], tuple(gathered[count:])))")
        loop = "\n        ".join(["for row in rows:", *lines])
        head = f"def read({', '.join(['rows', 'gathered', *passed])}):"
        code = "\n    ".join([head, "records, flawed = [], []", loop, "return records, flawed"])
        exec(compile(code, f"<reader of {self.rows.record.__name__}>", "exec"), names)  # noqa: S102 # of declarations alone
        function: Callable[..., Any] = names["read"]
        return function

    def _arguments(self) -> Iterator[str]:
        """By position as far as the declared fields come one after the other: for a call with more than 15 keywords
        CPython builds a dictionary.
        """
        found = "() if issues is None else issues.found"
        given = {"data_issues": found, "own_issues": found, "source": "source"}
        given |= {step.attribute: _local(step.attribute) for step in self._steps}
        by_position = True
        for attribute in self.rows.record.__struct_fields__:
            if attribute in given:
                yield given[attribute] if by_position else f"{attribute}={given[attribute]}"
            else:
                by_position = False


class _Slot(NamedTuple):
    """A key of a row, and its attribute of the wire struct."""

    name: str
    key: str
    wire: Any
    absent: Any


class _Step(NamedTuple):
    """How an attribute is read: by its kind from the slots, where the first has no value from one of `more`, whose keys
    the profile adds; or by `inner`, whose record is made of the same row. With neither, it is passed.
    """

    attribute: str
    kind: Any = None
    path: str = ""
    slots: Sequence[_Slot] = ()
    more: Sequence[_Slot] = ()
    inner: Table[Any] | None = None


def _step(wire: "Wire", rows: Rows[Any], attribute: str, declared: DeclaredField | None) -> _Step:
    kind = None if declared is None else declared.field.kind
    if declared is None or kind is None:
        return _Step(attribute)
    if kind.same_row is not None:
        inner = wire.table(kind.same_row)
        return _Step(attribute, kind, slots=inner.slots, inner=inner)
    first = kind.wire
    if kind.rows is not None:
        first = wire.table(kind.rows).listed
    elif isinstance(kind.words, type) and issubclass(kind.words, WireEnum) and not kind.words.numbered:
        first = wire.word_type(kind.words, required=kind.required) | int
    more = wire.profile.keys.get((rows.record.__name__, attribute), ())

    def slot(name: str, key: str, type_: Any, absent: Any = None) -> _Slot:
        return _Slot(name, key, type_ | None if absent is None else type_, absent)

    slots = [slot(attribute, rows.key(key), first, None if more else kind.absent) for key in declared.field.keys[:1]]
    slots += [slot(f"{attribute}_2", rows.key(key), Any) for key in declared.field.keys[1:]]
    added = [slot(f"{attribute}_more_{number}", key, first) for number, key in enumerate(more)]
    return _Step(attribute, kind, declared.path, slots, added)


def _in_order(fields: Mapping[str, DeclaredField]) -> list[tuple[str, DeclaredField | None]]:
    """Each attribute after those that its kind uses; None for what is used and no field."""
    ordered: dict[str, DeclaredField | None] = {}

    def add(attribute: str) -> None:
        declared = fields.get(attribute)
        for used in () if declared is None or declared.field.kind is None else declared.field.kind.used:
            add(used)
        ordered.setdefault(attribute, declared)

    for attribute in fields:
        add(attribute)
    return [*ordered.items()]


def _local(attribute: str) -> str:
    """The name of an attribute in the reader, where a `type` must not hide Python's."""
    return f"{attribute}_" if hasattr(builtins, attribute) else attribute
