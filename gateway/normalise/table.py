"""From the declarations of a record's fields to what reads its rows: a wire struct for msgspec, and two readers.

Rows that msgspec has decoded into the struct of documented values are read by a function that is generated, with each
value in line where it is as expected. Its lines for the `reply` of a repair:

    v = row.reply
    reply = v or None

Any other row is read by a loop over the declarations. That alone would do; a list of orders took a fifth longer.
"""

import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from gateway.normalise.field import DeclaredField, Kind, declared_fields, personal_paths
from gateway.normalise.generated import Lazy, generated
from gateway.normalise.issues import Issues, IssueSource
from gateway.normalise.records import DataIssue, Flawed, Record
from gateway.normalise.vocabulary import PlatformName

RecordT = TypeVar("RecordT", bound=Record)

TABLES: list["Table[Any]"] = []
"""Every table there is."""

_NEW_ISSUES = "issues := issues or Issues(source, gathered)"


class Rows(NamedTuple, Generic[RecordT]):
    """The records of a list, and those of them that have issues."""

    records: list[RecordT]
    flawed: list[Flawed[RecordT]]


class Table(Generic[RecordT]):
    """The rows of one record class on the wire.

    `documented` is the struct that msgspec decodes a row into whose values are all of documented types.
    `read_documented(row, gathered, *passed)` makes the record of one, or None where the row has no identifier.
    `gathered` gets the issues that are found; `passed` are the attributes that have no kind, and what else their kinds
    use, in order.
    """

    def __init__(
        self, record: type[RecordT], platform: PlatformName, key: Callable[[str], str] = lambda key: key
    ) -> None:
        """`key` makes the key of this table from the declared one."""
        self.record: type[Record] = record
        self._platform = platform
        self.key = key
        generated(self._generate)
        TABLES.append(self)

    def _generate(self) -> None:
        record = self.record
        fields = declared_fields(record)
        self.slots = tuple(_slots(fields, self.key))
        keys = {slot.name: slot.key for slot in self.slots}
        documented = [(slot.name, slot.wire, slot.absent) for slot in self.slots]
        self.documented: Any = _struct(f"{record.__name__}Row", documented, keys)
        of_any_community = [field.path for field in fields.values() if field.field.of_any_community]
        self._source = IssueSource(self._platform, personal_paths(record), frozenset(of_any_community))
        self._fields = _in_order(fields)
        reader = _Reader(record, self._fields, self._source)
        self.read_documented: Callable[..., Any] = reader.function()
        self._read_all_documented: Callable[..., Rows[Any]] = reader.function(all_rows=True)

    def read(self, row: object, gathered: list[DataIssue], *passed: object) -> RecordT | None:
        """The record of a row as decoded, of whichever type; None for what is no object, or has no identifier."""
        record: RecordT | None = None
        if type(row) is self.documented:
            record = self.read_documented(row, gathered, *passed)
        elif isinstance(row, dict):
            record = self._read_any(row, gathered, passed)
        return record

    def _read_any(self, row: Mapping[str, object], gathered: list[DataIssue], passed: Sequence[object]) -> Any:
        """The record of a row with values of any type."""
        issues = Issues(self._source, gathered)
        values: dict[str, Any] = {}
        others = iter(passed)
        for attribute, declared in self._fields.items():
            kind = None if declared is None else declared.field.kind
            if declared is None or kind is None:
                values[attribute] = next(others)
                continue
            if kind.table is not None:
                value = kind.table.read(row, gathered)
            else:
                sent = [row.get(self.key(key)) for key in declared.field.keys]
                for key in declared.more_keys:
                    sent[0] = row.get(key) if sent[0] is None else sent[0]
                is_absent = bool(sent) and not kind.required and all(each is None for each in sent)
                used = [values[other] for other in kind.used]
                value = None if is_absent or kind.read is None else kind.read(*sent, declared.path, issues, *used)
            if value is None and kind.identifies:
                return None
            values[attribute] = value
        arguments = {name: value for name, value in values.items() if name in self.record.__struct_fields__}
        return self.record(**arguments, data_issues=issues.found)

    def read_all(self, rows: Sequence[object], gathered: list[DataIssue], *passed: object) -> Rows[RecordT]:
        """The rows of one list, without what `read` gives None for."""
        if rows and type(rows[0]) is self.documented:  # and so are the others: msgspec has decoded the list
            return self._read_all_documented(rows, gathered, *passed)
        records: list[RecordT] = []
        flawed: list[Flawed[RecordT]] = []
        for row in rows:
            count = len(gathered)
            record = self.read(row, gathered, *passed)
            if record is not None:
                records.append(record)
                if len(gathered) > count:
                    flawed.append((record, tuple(gathered[count:])))
        return Rows(records, flawed)


class _Slot(NamedTuple):
    """An attribute of a wire struct: `name` and, for the second key of a field, `name_2`; `name_3` and so on for those
    that the profile adds.
    """

    name: str
    key: str
    wire: Any
    absent: Any


def _slots(fields: Mapping[str, DeclaredField], own_key: Callable[[str], str]) -> Iterator[_Slot]:
    for attribute, declared in fields.items():
        kind = declared.field.kind
        if kind is None:
            continue
        if kind.table is not None:
            yield from kind.table.slots
        wire = kind.wire.make() if isinstance(kind.wire, Lazy) else kind.wire
        wires = wire, wire if kind.other is msgspec.UNSET else kind.other
        absences = None if declared.more_keys else kind.absent, None
        keys = map(own_key, declared.field.keys)
        for name, key, type_, absent in zip(_slot_names(attribute), keys, wires, absences, strict=False):
            yield _slot(name, key, type_, absent)
        for name, key in zip(_more_slot_names(declared), declared.more_keys, strict=True):
            yield _slot(name, key, wire, None)


def _slot(name: str, key: str, wire: Any, absent: Any) -> _Slot:
    return _Slot(name, key, wire | None if wire is not None and absent is None else wire, absent)


def _slot_names(attribute: str) -> tuple[str, str]:
    return attribute, f"{attribute}_2"


def _more_slot_names(declared: DeclaredField) -> list[str]:
    return [f"{declared.attribute}_{number}" for number, _ in enumerate(declared.more_keys, 3)]


def _struct(name: str, members: Iterable[tuple[str, Any, Any]], keys: Mapping[str, str]) -> type[msgspec.Struct]:
    return msgspec.defstruct(name, members, rename=keys, kw_only=True, gc=False)


def _in_order(fields: Mapping[str, DeclaredField]) -> dict[str, DeclaredField | None]:
    """Each attribute after those that its kind uses; None for what is used and no field."""
    ordered: dict[str, DeclaredField | None] = {}

    def add(attribute: str) -> None:
        declared = fields.get(attribute)
        for used in () if declared is None or declared.field.kind is None else declared.field.kind.used:
            add(used)
        ordered.setdefault(attribute, declared)

    for attribute in fields:
        add(attribute)
    return ordered


class _Reader:
    """Writes the functions that make records of one class, of documented rows."""

    def __init__(self, record: type[Record], fields: Mapping[str, DeclaredField | None], source: IssueSource) -> None:
        self._record = record
        self._fields = fields
        self._names: dict[str, Any] = {"Record": record, "Rows": Rows, "Issues": Issues, "source": source}

    def function(self, *, all_rows: bool = False) -> Callable[..., Any]:
        """Of one row; or of all rows of a list, which saves a call for each: a fifth of the time for orders."""
        without_identifier = "continue" if all_rows else "return None"
        passed, lines = [], ["issues = None"]
        for attribute, declared in self._fields.items():
            kind = None if declared is None else declared.field.kind
            if declared is None or kind is None:
                passed.append(attribute)
                continue
            slots = dict(zip(("v", "v2"), _slot_names(attribute)[: len(declared.field.keys)], strict=False))
            lines += [f"{value} = row.{slot}" for value, slot in slots.items()]
            lines += [f"if v is None: v = row.{slot}" for slot in _more_slot_names(declared)]
            lines.append(f"{_local(attribute)} = {self._expression(declared, kind, tuple(slots))}")
            if kind.identifies:
                lines.append(f"if {_local(attribute)} is None: {without_identifier}")
        made = f"Record({', '.join(self._arguments())})"
        if all_rows:
            lines = ["count = len(gathered)", *lines, f"records.append({made})"]
            lines.append("if len(gathered) > count: flawed.append((records[-1], tuple(gathered[count:])))")
            loop = "\n        ".join(["for row in rows:", *lines])
            body = [f"def read(rows, gathered, {', '.join(passed)}):", "records, flawed = [], []", loop]
            body.append("return Rows(records, flawed)")
        else:
            body = [f"def read(row, gathered, {', '.join(passed)}):", *lines, f"return {made}"]
        code = "\n    ".join(body)
        names = dict(self._names)
        exec(compile(code, f"<reader of {self._record.__name__}>", "exec"), names)  # noqa: S102 # of declarations alone
        function: Callable[..., Any] = names["read"]
        return function

    def _expression(self, declared: DeclaredField, kind: Kind, values: tuple[str, ...]) -> str:
        read = f"read_{declared.attribute}"
        if kind.table is not None:
            self._names[read] = kind.table.read_documented
            return f"{read}(row, gathered)"
        self._names |= {**kind.names, read: kind.read}
        arguments = [*values, repr(declared.path), _NEW_ISSUES, *map(_local, kind.used)]
        otherwise = f"{read}({', '.join(arguments)})"
        if values and not kind.required:
            otherwise = f"None if {' is '.join(values)} is None else {otherwise}"
        return kind.inline.replace("OTHERWISE", otherwise)

    def _arguments(self) -> Iterator[str]:
        """By position as far as the declared fields come one after the other: for a call with more than 15 keywords
        CPython builds a dictionary.
        """
        by_position = True
        for attribute in self._record.__struct_fields__:
            value = "() if issues is None else issues.found" if attribute == "data_issues" else _local(attribute)
            if attribute in self._fields or attribute == "data_issues":
                yield value if by_position else f"{attribute}={value}"
            else:
                by_position = False


def _local(attribute: str) -> str:
    """The name of an attribute in the reader, where a `type` must not hide Python's."""
    return f"{attribute}_" if hasattr(builtins, attribute) else attribute
