"""What rows look like: keys, types, forms, and words of closed lists, and which of these neither the document nor the
deployment's profile has. Pure, and without any value of a person.

A row goes in as JSON has it; what comes out are counts. Words are kept for fields that the document gives a closed list
for, keys where they look like keys. Whatever is kept is no value that stood in a personal field of the same rows.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from gateway.normalise.field import DeclaredField
from gateway.normalise.shapes import NotJsonError, read_json
from gateway.normalise.table import ROWS
from gateway.normalise.values import is_blank
from gateway.normalise.vocabulary import CLOSED_LISTS, ENUMS
from gateway.normalise.wire import Wire

EIGHT_DIGITS = "eight digits, a date"
EPOCH = "epoch seconds"

EMPTY = "empty"
NULL = "null"
TYPES = ("boolean", "integer", "number", "string", "array", "object", NULL)
"""By JSON's names, numbers apart by whether they have a fraction."""

_DATE = re.compile(r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")

_FORMS: tuple[tuple[str, Callable[[str], object]], ...] = (
    ("2020年11月18日11:01:46", re.compile(r"[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日\s*[0-9:]+").fullmatch),
    ("2020-11-18 11:01:46", re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:]+.*").fullmatch),
    ("2020-11-18", re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch),
    (EIGHT_DIGITS, _DATE.fullmatch),
    ("0.01元", re.compile(r"[¥￥]?-?[0-9][0-9,]*(\.[0-9]+)?元").fullmatch),
    ("decimal text", re.compile(r"-?[0-9][0-9,]*\.[0-9]+").fullmatch),
    ("20 digits", re.compile(r"[0-9]{20}").fullmatch),
    ("18 digits, or 17 and X", re.compile(r"[0-9]{17}[0-9Xx]").fullmatch),
    ("mobile number", re.compile(r"1[0-9]{10}").fullmatch),
    (EPOCH, re.compile(r"-?[0-9]{9,10}").fullmatch),
    ("digits", re.compile(r"-?[0-9]+").fullmatch),
    ("URL", re.compile(r"https?://.*", re.DOTALL).fullmatch),
    ("JSON text", re.compile(r'\s*[\[{]\s*("|\}|\]|\{).*', re.DOTALL).fullmatch),
    ("text in braces that is no JSON", re.compile(r"\s*\{.*\}\s*", re.DOTALL).fullmatch),
    ("text in ASCII", str.isascii),
)

LONGEST_EPOCH = 11
EARLIEST_EPOCH = 10**8


def json_type(value: object) -> str:
    """By JSON's names, numbers apart by whether they have a fraction."""
    match value:
        case None:
            return NULL
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def get_form(value: object) -> str:
    """The form of a scalar."""
    if isinstance(value, str):
        if is_blank(value):
            return EMPTY
        return next((name for name, fits in _FORMS if fits(value.strip())), "text")
    if type(value) is int:
        if _DATE.fullmatch(str(value)):
            return EIGHT_DIGITS
        return EPOCH if EARLIEST_EPOCH <= abs(value) < 10**LONGEST_EPOCH else "small number"
    return json_type(value)


VOCABULARY = frozenset(word for enum in ENUMS.values() for word in enum.by_wire if word and isinstance(word, str))

LONGEST_WORD = 12
LONGEST_NUMBER_OF_WORDS = 3
"""Digits of a number that stands for a word, in the old numbering."""

MOST_WORDS = 50
MOST_UNKNOWN_WORDS = 10
"""Under one key: a closed list that the document has forgotten is no longer than that."""

NAME = re.compile(
    "[王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许邓冯韩曹曾彭萧肖蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢傅钟姜崔谭廖范汪"
    "陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严欧司诸上官尉迟]"
    "[\\u3400-\\u9fff\\U00020000-\\U0003ffff]{1,2}(·?[\\u3400-\\u9fff]{1,3})?"
)
"""A surname of the hundred most frequent, or the first half of a double one, and up to five characters."""

OTHER_KEYS = "(other keys)"
WITHHELD = "(withheld)"

PARTS: Mapping[tuple[str, str], str] = {
    ("Shenhe", "shenhe_content"): "ShenheContent",
    ("ShenheContent", "people"): "ShenhePeople",
    ("ShenheContent", "house"): "ShenheHouse",
    ("People", "houses"): "Residency",
    ("Residency", "members"): "Member",
}
"""The records within records: by record and key."""

UNREAD_KEYS: Mapping[str, frozenset[str]] = {
    "ShenheContent": frozenset({"people", "house", "job", "company"}),
    "ShenheHouse": frozenset({"id"}),
    "Module": frozenset({"id"}),
}
"""Keys that the document has, and no record."""

_TYPE_NAMES: Mapping[Any, tuple[str, ...]] = {
    int: ("integer",),
    float: ("integer", "number"),
    str: ("string",),
    bool: ("boolean",),
    list: ("array",),
    dict: ("object",),
}

_KEY = re.compile(r"[A-Za-z][A-Za-z_]{0,40}[0-9]{0,2}")
_LONG_NUMBER = re.compile(r"[0-9]{5}")


class KeySeen(msgspec.Struct):
    """What was seen under one key: in how many rows it stood, and of them with which types, forms and words."""

    present: int = 0
    types: Counter[str] = msgspec.field(default_factory=Counter)
    forms: Counter[str] = msgspec.field(default_factory=Counter)
    words: Counter[str] = msgspec.field(default_factory=Counter)


class RecordSeen(msgspec.Struct):
    """What was seen of the rows of one record.

    `samples` are known words of any closed list that stood under keys which are not declared: a word of the vocabulary
    is no value of a person.
    """

    rows: int = 0
    keys: dict[str, KeySeen] = msgspec.field(default_factory=dict)
    samples: dict[str, set[str]] = msgspec.field(default_factory=dict)


class Undocumented(NamedTuple):
    """Something that neither the document nor the profile has, in `rows` rows: a key, a word of a closed list, or a
    type of value. `found` are its types by JSON's names; none of a word, which may be of a person.
    """

    record: str
    key: str
    what: Literal["key", "word", "type"]
    found: tuple[str, ...]
    rows: int


class DeclaredKeys:
    """What is declared of a record: its fields by their keys on the wire, those of a profile included."""

    def __init__(self, wire: Wire, name: str, renamed: Mapping[str, str] = MappingProxyType({})) -> None:
        """`renamed` are keys that stand in the place of declared ones."""
        self.name = name
        self.fields: dict[str, DeclaredField] = {}
        for rows in (rows for rows in ROWS if rows.record.__name__ == name):
            for keys, record, declared in rows.fields():
                more = wire.profile.keys.get((record.__name__, declared.attribute), ())
                self.fields.update(dict.fromkeys([*keys, *more], declared))
        if name == "ShenhePeople":  # they stand in parts of their own
            self.fields = {key: field for key, field in self.fields.items() if key not in ("job_name", "company_name")}
        self.fields |= {key: self.fields[declared_key] for key, declared_key in renamed.items()}
        self._seen = {key: types for (record_name, key), types in wire.profile.seen.items() if record_name == name}
        self._types: dict[str, frozenset[str]] = {}

    def words(self, key: str) -> Any:
        """The closed list of the words under a key, an enum or a switch."""
        declared = self.fields.get(key)
        return None if declared is None or declared.field.kind is None else declared.field.kind.words

    def list_name(self, key: str) -> str:
        """The name in a profile of the closed list that the words under a key are of."""
        return next((name for name, words in CLOSED_LISTS.items() if words is self.words(key)), "")

    def is_personal(self, key: str) -> bool:
        declared = self.fields.get(key)
        return declared is None or declared.field.pii is not None or declared.field.free_text

    def types(self, key: str) -> frozenset[str]:
        """The types that values under a declared key may have, beside null; empty where any will do."""
        if key not in self._types:
            documented = documented_types(self.fields[key])
            self._types[key] = documented and documented | self._seen.get(key, frozenset())
        return self._types[key]

    def is_known(self, key: str) -> bool:
        """Whether a key that is not declared is documented, or seen before by the profile."""
        return key in UNREAD_KEYS.get(self.name, ()) or bool(self._seen.get(key))


def documented_types(field: DeclaredField) -> frozenset[str]:
    """JSON's names of the types that a field is documented to have, beside null; empty where any will do."""
    wire = None if field.field.kind is None else field.field.kind.wire
    parts = get_args(wire) if get_origin(wire) in (Union, UnionType) else (wire,)
    bare = [get_args(part)[0] if get_origin(part) is Annotated else part for part in parts]
    return frozenset(name for part in bare for name in _TYPE_NAMES.get(part, ()))


class Observer:
    """Looks at rows, and keeps what they look like."""

    def __init__(self, wire: Wire, renamed: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """`renamed`: by record, keys that stand in the place of declared ones."""
        self._wire = wire
        self._renamed = renamed or {}
        self.records: dict[str, RecordSeen] = {}
        self._declared: dict[str, DeclaredKeys] = {}
        self._personal: set[str] = set()

    def declared(self, record: str) -> DeclaredKeys:
        if record not in self._declared:
            self._declared[record] = DeclaredKeys(self._wire, record, self._renamed.get(record, {}))
        return self._declared[record]

    def forget(self) -> None:
        """Forget what was seen."""
        self.records.clear()
        self._personal.clear()

    def answer(self, record: str, data: object, most: int | None = None) -> list[Any]:
        """Look at the first rows in the `data` of an answer, and return them."""
        rows = rows_in(self.declared(record).fields, data)[:most]
        self.rows(record, rows)
        return rows

    def rows(self, record: str, rows: Iterable[object]) -> None:
        """Look at the rows of a record, and at the records within them."""
        for row in rows:
            if isinstance(row, Mapping):
                self._row(record, row)

    def _row(self, record: str, row: Mapping[Any, Any]) -> None:
        seen = self.records.setdefault(record, RecordSeen())
        seen.rows += 1
        declared = self.declared(record)
        for sent, value in row.items():
            key = key_name(str(sent))
            under = seen.keys.setdefault(key, KeySeen())
            under.present += 1
            under.types[json_type(value)] += 1
            if not isinstance(value, dict | list):
                under.forms[get_form(value)] += 1
            if declared.words(key) is not None:
                self._word(under, value)
            elif isinstance(value, str | int) and declared.is_personal(key):
                self._note_personal(str(value).strip())
            if key not in declared.fields and isinstance(value, str) and value in VOCABULARY:
                seen.samples.setdefault(key, set()).add(value)
            if part := PARTS.get((record, key)):
                self._part(part, value)

    def _note_personal(self, value: str) -> None:
        if not value.isdecimal() or len(value) > LONGEST_NUMBER_OF_WORDS:
            self._personal.add(value)

    def _part(self, record: str, value: object) -> None:
        if isinstance(value, str):
            try:
                value = read_json(value)
            except NotJsonError:
                return
        self.rows(record, value if isinstance(value, list) else [value])

    def _word(self, under: KeySeen, value: object) -> None:
        value = int(value) if isinstance(value, bool) else value
        word = str(value).strip() if isinstance(value, str | int) else ""
        if not word:
            return
        if len(word) > LONGEST_WORD or _LONG_NUMBER.search(word) or len(under.words) >= MOST_WORDS:
            word = WITHHELD
        under.words[word] += 1

    def words(self, record: str, key: str) -> Counter[str]:
        """The words under a key, without those that may be of a person: values of personal fields elsewhere, what
        looks like a name, and what is too much for a closed list.
        """
        seen = self.records.get(record, RecordSeen()).keys.get(key, KeySeen())
        known = self._known(record, key)
        unknown = [word for word in seen.words if word not in known]
        words: Counter[str] = Counter()
        for word, count in seen.words.items():
            is_withheld = word not in known and (
                len(unknown) > MOST_UNKNOWN_WORDS or word in self._personal or NAME.fullmatch(word) is not None
            )
            words[WITHHELD if is_withheld else word] += count
        return words

    def _known(self, record: str, key: str) -> Collection[object]:
        words = self.declared(record).words(key)
        return set() if words is None else {str(word) for word in self._wire.words[words] if word is not None}

    def unknown_words(self, record: str, key: str) -> Counter[str]:
        """Those that the vocabulary does not have."""
        known = self._known(record, key)
        return Counter({word: count for word, count in self.words(record, key).items() if word not in known})

    def words_to_fill_in(self) -> dict[str, dict[str, list[str]]]:
        """Words that the vocabulary does not have: where each stood, by their list in a profile and by word."""
        found: dict[str, dict[str, list[str]]] = {}
        for record, seen in self.records.items():
            for key in seen.keys:
                for word, count in self.unknown_words(record, key).items():
                    words = found.setdefault(self.declared(record).list_name(key), {})
                    words.setdefault(word, []).append(f"{key} of {record}, {count} times")
        return found

    def unknown_types(self, record: str, key: str) -> Counter[str]:
        """Types under a declared key that are not documented."""
        under, types = self.records[record].keys[key], self.declared(record).types(key)
        found = Counter({each: count for each, count in under.types.items() if types and each not in (*types, NULL)})
        if "string" in found:
            found["string"] -= under.forms[EMPTY]
        return +found

    def undocumented(self) -> Iterator[Undocumented]:
        """All that is, but for words of another list: in the wrong place, as in the document's own example (quirk 92),
        they have their data issue.
        """
        for record, seen in self.records.items():
            declared = self.declared(record)
            for key, under in seen.keys.items():
                if key in declared.fields:
                    for found, count in self.unknown_types(record, key).items():
                        yield Undocumented(record, key, "type", (found,), count)
                    words = self.unknown_words(record, key)
                    if new := sum(words[word] for word in words if word not in VOCABULARY or word.isdecimal()):
                        yield Undocumented(record, key, "word", (), new)
                elif not declared.is_known(key):
                    yield Undocumented(record, key, "key", _without_null(under.types), under.present)

    def missing_keys(self, record: str) -> list[str]:
        """Declared keys that no row has, of fields that have none of their keys."""
        seen, declared = self.records.get(record, RecordSeen()).keys, self.declared(record).fields
        there = {declared[key].attribute for key in seen if key in declared}
        return [key for key, field in declared.items() if field.attribute not in there and key not in seen]

    def unknown_keys(self, record: str) -> list[str]:
        """Keys of rows that are not declared."""
        seen, declared = self.records.get(record, RecordSeen()).keys, self.declared(record).fields
        return [
            key for key in seen if key not in declared and key not in UNREAD_KEYS.get(record, ()) and key != OTHER_KEYS
        ]


def _without_null(types: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(each for each in types if each != NULL)) or (NULL,)


def key_name(key: str) -> str:
    """The key, if it looks like one; people write what they like under keys of their own (quirk 111)."""
    return key if _KEY.fullmatch(key) else OTHER_KEYS


def rows_in(keys: Collection[str], data: object) -> list[Any]:
    """The rows in the `data` of an answer: a list, which may stand under a name, or one record, which has one of these
    keys. PHP makes objects of lists with gaps.
    """
    if isinstance(data, str):
        try:
            data = read_json(data)
        except NotJsonError:
            return []
    if not isinstance(data, dict):
        return data if isinstance(data, list) else []
    if not data.keys().isdisjoint(keys):
        return [data]
    if all(str(key).isdecimal() for key in data):
        return list(data.values())
    return next((value for value in data.values() if isinstance(value, list)), [])
