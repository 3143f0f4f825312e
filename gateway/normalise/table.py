"""From the declarations of a record's fields to what reads its rows: a wire struct for msgspec, and two readers.

Rows that msgspec has decoded into the struct of documented values are read by a function that is generated, with each
value in line where it is as expected, such as `if not reply: reply = None`. Any other row is read by a loop over the
declarations. That alone would do; a list of orders took a fifth longer.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import compress, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Required, TypeAlias, TypeVar

import msgspec
from msgspec.structs import astuple

from gateway.normalise.records import (
    Field,
    Issues,
    Kind,
    Money,
    Page,
    Plain,
    Record,
    declared_fields,
    is_blank,
    personal_paths,
)
from gateway.normalise.shapes import (
    MOST_ROWS,
    FirstPageError,
    PageInfo,
    ShapeError,
    documented_body,
    documented_object,
    one_row,
    row_list,
    unwrap,
)
from gateway.normalise.values import LARGEST_IN_FEN, PRINTED_AMOUNT, row_id
from gateway.normalise.vocabulary import DataProblem, PlatformName, Switch

if TYPE_CHECKING:
    from gateway.normalise.wire import Wire

RecordT = TypeVar("RecordT", bound=Record)

ROWS: dict[str, "Rows[Any]"] = {}
"""All that are declared, by the names of their records."""

Decode: TypeAlias = Callable[[bytes], Mapping[str, Any]]


@dataclass(eq=False)
class Rows(Generic[RecordT]):
    """That a platform sends rows of this record class. `key` makes the key of these rows from the declared one.

    A list of them is the `data` of an answer, or stands there `within` a name; `info` names what is beside it, and says
    which page it is. `alone` is passed to the reader of a single row. These are rows of `also` as well, which are
    `shared` then.

    `parts` are the records within a row that no field declares, by key. Of the declared keys, those `elsewhere` stand
    in another part; `unread` ones are documented, and no field.
    """

    record: type[RecordT]
    platform: PlatformName
    key: Callable[[str], str] = lambda key: key
    info: str = "pages"
    within: str | None = None
    alone: tuple[object, ...] = ()
    also: "Rows[Any] | None" = None
    shared: bool = False
    parts: Mapping[str, "Rows[Any]"] = field(default_factory=dict)
    elsewhere: Collection[str] = ()
    unread: Collection[str] = ()

    def __post_init__(self) -> None:
        ROWS[self.record.__name__] = self

    def __call__(self, wire: "Wire") -> "Table[RecordT]":
        return Table(wire, self)

    def decode_list(self, wire: "Wire") -> Decode:
        """What decodes the body of a list that came as documented; it raises msgspec.DecodeError for any other."""
        rows = {self.within or "data": Required[wire.table(self).listed], self.info: PageInfo | None}
        return documented_body(rows if self.within is None else {"data": Required[documented_object(rows)]})

    def decode_one(self, wire: "Wire") -> Decode:
        """As `decode_list`, of an answer with one row."""
        return documented_body({"data": Required[wire.table(self).documented]})


class Step(NamedTuple):
    """How an attribute is read by its kind: of what is sent under `keys`, by the name of each as an attribute of a
    documented row; where the first has no value, of `more`, whose keys the profile adds.
    """

    attribute: str
    path: str
    kind: Kind
    read: Callable[..., Any]
    keys: Mapping[str, str]
    more: Mapping[str, str]


class Table(Generic[RecordT]):
    """What reads rows.

    `read(row, *passed)` makes the record of a row as decoded, of whichever type; None for what is no object, or has no
    identifier. `passed` are the attributes that have no kind, and what else their kinds use, in order.

    `documented` is what msgspec makes of a row whose values are all of documented types, `listed` a list of them.
    `fields` has what is declared by each key, and `parts` the records within a row.
    """

    def __init__(self, wire: "Wire", rows: Rows[RecordT]) -> None:
        self.wire = wire
        self.rows = rows
        declared = declared_fields(rows.record)
        self.pii = personal_paths(rows.record)
        self.of_any_community = frozenset(field.path for field in declared.values() if field.of_any_community)
        base = None if rows.also is None else wire.table(rows.also)
        self.fields: dict[str, Field] = {} if base is None else dict(base.fields)
        self.parts = dict(rows.parts)
        self._own = {field.name: field.default for field in msgspec.structs.fields(rows.record)}
        self._issues = "own_issues" if "own_issues" in self._own else "data_issues"
        self._passed: list[str] = []
        self._steps: list[Step] = []
        self._members: list[tuple[str, str, Any, Any]] = []
        for attribute in declared:
            self._add(attribute, declared)
        name = f"{rows.record.__name__}Row"
        members = [(name, sent, absent) for name, _, sent, absent in self._members]
        keys = {name: key for name, key, *_ in self._members}
        bases = (msgspec.Struct if base is None else base.documented,)
        self.documented: Any = msgspec.defstruct(name, members, bases=bases, rename=keys, kw_only=True, gc=False)
        documented: Any = self.documented
        self.listed: Any = list[documented]
        self.read: Callable[..., RecordT | None] = self._compile()

    def _add(self, attribute: str, fields: Mapping[str, Field]) -> None:
        """Add what reads an attribute after those that its kind uses; one without a kind is passed."""
        declared = fields.get(attribute)
        kind = None if declared is None else declared.kind
        if attribute in self._passed or any(step.attribute == attribute for step in self._steps):
            return
        if declared is None or kind is None:
            self._passed.append(attribute)
            return
        for used in (*kind.used, *([kind.required] if isinstance(kind.required, str) else ())):
            self._add(used, fields)
        keys = [self.rows.key(key) for key in declared.keys]
        more = self.wire.profile.more_keys(self.rows.record, declared)
        for key in (*keys, *more):
            if key not in self.rows.elsewhere:
                self.fields[key] = declared
            if kind.rows is not None:
                self.parts[key] = kind.rows
        read: Any = _promised(kind, len(keys)) if kind.required and not kind.identifies else kind.read
        sent = kind.wire
        if kind.rows is not None:
            sent = self.wire.table(kind.rows).listed
        elif kind.plain is Plain.WORD:
            sent = self.wire.word_type(kind.words, required=bool(kind.required))
        named = {f"{attribute}_{at}" if at else attribute: key for at, key in enumerate(keys)}
        others = {f"{attribute}_more_{at}": key for at, key in enumerate(more)}
        optional = sent if sent is msgspec.Raw else sent | None
        for name, key in {**named, **others}.items():
            if name == attribute and kind.absent is not None and not more:
                self._members.append((name, key, sent, kind.absent))
            else:
                self._members.append((name, key, optional if name == attribute or name in others else Any, None))
        self._steps.append(Step(attribute, declared.path, kind, read, named, others))

    def _read_any(self, row: object, *passed: object) -> RecordT | None:
        """The record of a row with values of any type."""
        if not isinstance(row, dict):
            return None
        issues = Issues(self)
        values: dict[str, Any] = dict(zip(self._passed, passed, strict=True))
        for attribute, path, kind, read, keys, more in self._steps:
            sent = [row.get(key) for key in keys.values()]
            for key in more.values():
                sent[0] = row.get(key) if sent[0] is None else sent[0]
            value = None
            if (
                not sent
                or sent.count(None) < len(sent)
                or (values[kind.required] if isinstance(kind.required, str) else kind.required)
            ):
                value = read(*sent, path, issues, *[values[used] for used in kind.used])
            if value is None and kind.identifies:
                return None
            values[attribute] = value
        values |= {"source": self, self._issues: issues.found}
        return self.rows.record(**{name: values[name] for name in values if name in self._own})

    def one(self, data: object, *passed: object) -> RecordT | None:
        """The `data` of a single record; None when it is empty (quirk 31). Raises ShapeError, also without an id."""
        row = data if isinstance(data, msgspec.Struct) else one_row(data)
        if row is None:
            return None
        record = self.read(row, *passed, *self.rows.alone)
        if record is None:
            raise ShapeError("expected an id")
        return record

    def page(self, body: Mapping[str, object], community_code: str, page: int) -> Page[RecordT]:
        """The whole body of a list, asked for this community and page. Raises ShapeError, also for rows without a total
        or of another page, and for none on a page that has some by its own total. Rows without an identifier are
        dropped and counted.
        """
        data, info = body.get("data"), body.get(self.rows.info)
        if self.rows.within is not None:
            data, info = self._within(body, self.rows.within)
        elif data is None and "code" not in body:
            raise ShapeError("expected data or a code")
        rows = data if isinstance(data, list) else row_list(data)
        if len(rows) > MOST_ROWS:
            raise ShapeError(f"expected {MOST_ROWS} rows on a page at most")
        read = self.read
        records = [record for row in rows if (record := read(row, community_code)) is not None]
        issues = [*map(attrgetter(self._issues), records)]
        known: Mapping[str, object] = info if isinstance(info, dict) else {}
        total = 0 if known.get("total") in (0, "0") else row_id(known.get("total"))
        per_page, last_page = row_id(known.get("per_page")), row_id(known.get("last_page"))
        if rows:
            if total is None:
                raise ShapeError("expected a total beside rows")
            current = known.get("current_page")
            if current != page and (current := row_id(current) or page) != page:
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
            flawed=tuple(compress(zip(records, repeat(community_code), issues), issues)) if any(issues) else (),
        )

    def _within(self, body: Mapping[str, object], name: str) -> tuple[object, object]:
        """The rows that stand within `data` by this name, and which page they are; `data` may be empty."""
        if "data" not in body:
            raise ShapeError("expected data")
        data = unwrap(body["data"])
        if data is None or data == []:
            return None, None
        if not isinstance(data, dict) or name not in data:
            raise ShapeError(f"expected an object with {name}")
        return data[name], data.get(self.rows.info)

    def _compile(self) -> Callable[..., RecordT | None]:
        """What reads a documented row, and hands any other to `_read_any`."""
        names: dict[str, Any] = {"type_of": type, "values_of": astuple, "Row": self.documented, "Issues": Issues}
        names |= {"Money": Money, "printed_amount": PRINTED_AMOUNT, "LARGEST_IN_FEN": LARGEST_IN_FEN}
        members = self.documented.__struct_fields__
        cut = f"[:{len(members)}]" if self.rows.shared else ""
        names |= {"read_any": self._read_any, "record": self.rows.record, "table": self}
        parameters = ["row"]
        for name in self._passed:
            default = self._own.get(name, msgspec.NODEFAULT)
            names[f"default_{name}"] = default
            parameters.append(name if default is msgspec.NODEFAULT else f"{name}=default_{name}")
        given = {self._issues: "() if issues is None else issues.found", "source": "table"}
        given |= {name: name for name in (*self._passed, *(step.attribute for step in self._steps))}
        lines = [
            f"if not isinstance(row, Row): return read_any({', '.join(['row', *self._passed])})",
            f"{', '.join(members)}, = values_of(row){cut}" if members else "",
            "issues = None",
            *(line for step in self._steps for line in self._lines(step, names)),
            f"return record({', '.join([given[name] for name in self._own if name in given])})",
        ]
        self.code = "\n    ".join([f"def read({', '.join(parameters)}):", *lines])
        exec(compile(self.code, f"<reader of {self.rows.record.__name__}>", "exec"), names)  # noqa: S102 # of declarations alone
        read: Callable[..., RecordT | None] = names["read"]
        return read

    def _lines(self, step: Step, names: dict[str, Any]) -> Iterator[str]:
        """What makes an attribute of documented values, by a call of what reads any where it must be looked at."""
        x, kind, sent = step.attribute, step.kind, [*step.keys]
        names |= {f"read_{x}": step.read, f"plain_{x}": kind.plain}
        if kind.words is not None:
            names |= {
                f"words_{x}": self.wire.words[kind.words],
                f"word_{x}": bool if isinstance(kind.words, Switch) else kind.words,
            }
        read = f"read_{x}({', '.join([*sent, repr(step.path), 'issues := issues or Issues(table)', *kind.used])})"
        if kind.plain in (Plain.TEXT, Plain.TRIMMED) and not kind.required and len(sent) == 1:
            read = "None"
        elif sent and kind.required is not True:
            promised = f" and not {kind.required}" if kind.required else ""
            read = f"None if {' is '.join(sent)} is None{promised} else {read}"
        odd = [f"{other} is not None" for other in sent[1:]]
        fits = [f"{other} is None" for other in sent[1:]]
        yield from (f"if {x} is None: {x} = {name}" for name in step.more)
        match kind.plain:
            case None:
                yield f"{x} = {read}"
            case Plain.AS_SENT:
                odd += [f"{x} is None"] if kind.required and kind.absent is None else []
            case Plain.TEXT:
                odd.append(f"not {x}")
            case Plain.WORD:
                odd.append(f"type_of({x}) is not word_{x}")
                if getattr(kind.words, "boolean", False):  # msgspec decodes no Boolean to a word
                    read = f"words_{x}.get({x}) or ({read})"
            case Plain.TRIMMED:
                yield f"{x} = {' and '.join([*fits, x, f'{x}.strip()'])} or ({read})"
            case Plain.AMOUNT:
                text = f"(printed := printed_amount({x})) and Money(yuan := printed[1], int(yuan.replace('.', '')))"
                number = f"(fen := int({x} * 100 + 0.5)) / 100 == {x} and Money(f'{{{x}:.2f}}', fen)"
                fits.append(f"({text} if type_of({x}) is str else 0 < ({x} or 0) < LARGEST_IN_FEN and {number})")
                yield f"{x} = {' and '.join(fits)} or ({read})"
            case Plain.LOOKED_UP:
                yield f"{x} = words_{x}.get({kind.used[0]}.strip()) or word_{x}.fallback"
            case _:
                fits += [] if kind.required is True else [f"{x} is not None"]
                yield f"{x} = {' and '.join([*fits, f'plain_{x}({x})'])} or ({read})"
        if odd and kind.plain in (Plain.AS_SENT, Plain.TEXT, Plain.WORD):
            yield f"if {' or '.join(odd)}: {x} = {read}"
        if kind.identifies and (kind.absent is None or len(sent) > 1):
            yield f"if {x} is None: return None"


def _promised(kind: Kind, keys: int) -> Callable[..., Any]:
    """What reads a value that the document promises: what is absent is the fallback, and has an issue."""

    def read(*arguments: Any) -> Any:
        found = kind.read(*arguments)  # type: ignore[misc] # it has one
        if found is None:
            sent, (path, issues) = arguments[:keys], arguments[keys : keys + 2]
            if all(map(is_blank, sent)):
                issues.add(path, sent[0], DataProblem.MISSING)
            return kind.fallback
        return found

    return read
