"""What rows look like: keys, types, forms, and words of closed lists, and which of these neither the document nor the
deployment's profile has.

Rows go in as JSON has them; what comes out are counts. Words are kept of closed lists, keys where they look like keys,
and nothing that stood in a personal field of the same rows.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from gateway.normalise.records import Field, Kind, is_blank
from gateway.normalise.shapes import NotJsonError, ShapeError, read_json, row_list, unwrap
from gateway.normalise.table import ROWS, Rows
from gateway.normalise.vocabulary import CLOSED_LISTS, Switch
from gateway.normalise.wire import Wire

EIGHT_DIGITS = "eight digits, a date"
EPOCH = "epoch seconds"

EMPTY = "empty"
NULL = "null"
_TYPES: Mapping[Any, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): NULL,
}
TYPES = tuple(_TYPES.values())
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
    """By JSON's names."""
    return _TYPES.get(type(value), "object")


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

_KEY = re.compile(r"[A-Za-z][A-Za-z_]{0,40}[0-9]{0,2}")
_LONG_NUMBER = re.compile(r"[0-9]{5}")


class KeySeen(msgspec.Struct):
    """What was seen under one key: in how many rows it stood, and of them with which types, forms and words."""

    present: int = 0
    types: Counter[str] = msgspec.field(default_factory=Counter)
    forms: Counter[str] = msgspec.field(default_factory=Counter)
    words: Counter[str] = msgspec.field(default_factory=Counter)


class RecordSeen(msgspec.Struct):
    """What was seen of the rows of one record. `samples` are words of the vocabulary, which are of no person, by the
    undeclared keys that they stood under.
    """

    rows: int = 0
    keys: dict[str, KeySeen] = msgspec.field(default_factory=dict)
    samples: dict[str, set[str]] = msgspec.field(default_factory=dict)


class Undocumented(NamedTuple):
    """What neither the document nor the profile has, in so many `rows`. `found` are its types; none of a word, which
    may be of a person.
    """

    record: str
    key: str
    what: Literal["key", "word", "type"]
    found: tuple[str, ...]
    rows: int


class DeclaredKey(NamedTuple):
    """What is declared of the values under a key: `words` are the spellings of the closed list that they are of, None
    of free words; `types` are what values may have beside null, empty where any will do.
    """

    field: Field
    words: frozenset[str] | None
    types: frozenset[str]


class Declared:
    """What is declared of the rows of a record, by key, those of a profile included. `known` are other keys that are
    documented, or seen before by the profile.
    """

    def __init__(self, wire: Wire, rows: Rows[Any], renamed: Mapping[str, str]) -> None:
        """`renamed` are keys that stand in the place of declared ones."""
        table = wire.table(rows)
        seen = {key: types for (record, key), types in wire.profile.seen.items() if record == rows.record.__name__}
        fields = table.fields | {key: table.fields[declared_key] for key, declared_key in renamed.items()}
        self.keys = {key: _declared(wire, field, seen.get(key, frozenset())) for key, field in fields.items()}
        self.parts = table.parts
        self.unread = rows.unread
        self.known = {*rows.unread, *(key for key, types in seen.items() if types)}


def _declared(wire: Wire, declared: Field, seen: frozenset[str]) -> DeclaredKey:
    kind = declared.kind or Kind()
    parts = get_args(kind.wire) if get_origin(kind.wire) in (Union, UnionType) else (kind.wire,)
    bare = [get_args(part)[0] if get_origin(part) is Annotated else part for part in parts]
    types = frozenset(_TYPES[part] for part in bare if part in _TYPES)
    types |= {"integer"} if "number" in types else types
    words = frozenset(str(word) for word in wire.words[kind.words] if word is not None) if kind.words else None
    return DeclaredKey(declared, words, types and types | seen)


class Observer:
    """Looks at rows, and keeps what they look like."""

    def __init__(self, wire: Wire, renamed: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """`renamed`: by record, keys that stand in the place of declared ones."""
        self.records: dict[str, RecordSeen] = {}
        self.declared = {name: Declared(wire, rows, (renamed or {}).get(name, {})) for name, rows in ROWS.items()}
        enums = [words for words in CLOSED_LISTS.values() if not isinstance(words, Switch)]
        self._vocabulary = {word for enum in enums for word in enum.by_wire if word and isinstance(word, str)}
        self._personal: set[str] = set()

    def forget(self) -> None:
        """Forget what was seen."""
        self.records.clear()
        self._personal.clear()

    def answer(self, record: str, data: object, most: int) -> None:
        """Look at the first rows in the `data` of an answer."""
        self.rows(record, rows_in(self.declared[record].keys, data)[:most])

    def rows(self, record: str, rows: Iterable[object]) -> None:
        """Look at the rows of a record, and at the records within them."""
        for row in rows:
            if isinstance(row, Mapping):
                self._row(record, row)

    def _row(self, record: str, row: Mapping[Any, Any]) -> None:
        seen = self.records.setdefault(record, RecordSeen())
        seen.rows += 1
        declared = self.declared[record]
        for sent, value in row.items():
            key = key_name(str(sent))
            under = seen.keys.setdefault(key, KeySeen())
            under.present += 1
            under.types[json_type(value)] += 1
            if not isinstance(value, dict | list):
                under.forms[get_form(value)] += 1
            known = declared.keys.get(key)
            if known is not None and known.words is not None:
                _count_word(under.words, value)
            elif isinstance(value, str | int) and (known is None or known.field.is_personal):
                text = str(value).strip()
                if not text.isdecimal() or len(text) > LONGEST_NUMBER_OF_WORDS:
                    self._personal.add(text)
            if known is None and isinstance(value, str) and value in self._vocabulary:
                seen.samples.setdefault(key, set()).add(value)
            if part := declared.parts.get(key):
                with suppress(NotJsonError):
                    inner = read_json(value) if isinstance(value, str) else value
                    self.rows(part.record.__name__, inner if isinstance(inner, list) else [inner])

    def words(self, record: str, key: str) -> Counter[str]:
        """The words under a key, without those that may be of a person: values of personal fields elsewhere, what
        looks like a name, and what is too much for a closed list.
        """
        seen = self.records.get(record, RecordSeen()).keys.get(key, KeySeen())
        unknown = seen.words.keys() - self._known(record, key)
        words: Counter[str] = Counter()
        for word, count in seen.words.items():
            is_withheld = word in unknown and (
                len(unknown) > MOST_UNKNOWN_WORDS or word in self._personal or NAME.fullmatch(word) is not None
            )
            words[WITHHELD if is_withheld else word] += count
        return words

    def _known(self, record: str, key: str) -> frozenset[str]:
        declared = self.declared[record].keys.get(key)
        return frozenset() if declared is None else declared.words or frozenset()

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
                    kind = self.declared[record].keys[key].field.kind or Kind()
                    words = found.setdefault(kind.words.__name__, {})
                    words.setdefault(word, []).append(f"{key} of {record}, {count} times")
        return found

    def unknown_types(self, record: str, key: str) -> Counter[str]:
        """Types under a declared key that are not documented."""
        under, types = self.records[record].keys[key], self.declared[record].keys[key].types
        found = Counter({each: count for each, count in under.types.items() if types and each not in (*types, NULL)})
        if "string" in found:
            found["string"] -= under.forms[EMPTY]
        return +found

    def undocumented(self) -> Iterator[Undocumented]:
        """All that is, but for words of another list: in the wrong place, as in the document's own example (quirk 92),
        they have their data issue.
        """
        for record, seen in self.records.items():
            declared = self.declared[record]
            for key, under in seen.keys.items():
                if key in declared.keys:
                    for found, count in self.unknown_types(record, key).items():
                        yield Undocumented(record, key, "type", (found,), count)
                    words = self.unknown_words(record, key)
                    if new := sum(words[word] for word in words if word not in self._vocabulary or word.isdecimal()):
                        yield Undocumented(record, key, "word", (), new)
                elif key not in declared.known:
                    types = tuple(sorted(each for each in under.types if each != NULL)) or (NULL,)
                    yield Undocumented(record, key, "key", types, under.present)

    def missing_keys(self, record: str) -> list[str]:
        """Declared keys that no row has, of fields that have none of their keys."""
        seen, declared = self.records.get(record, RecordSeen()).keys, self.declared[record].keys
        there = {declared[key].field.attribute for key in seen if key in declared}
        return [key for key, each in declared.items() if each.field.attribute not in there and key not in seen]

    def unknown_keys(self, record: str) -> list[str]:
        """Keys of rows that are not declared."""
        seen, declared = self.records.get(record, RecordSeen()).keys, self.declared[record]
        return [key for key in seen if key not in (*declared.keys, *declared.unread, OTHER_KEYS)]


def _count_word(words: Counter[str], value: object) -> None:
    value = int(value) if isinstance(value, bool) else value
    word = str(value).strip() if isinstance(value, str | int) else ""
    if word:
        is_odd = len(word) > LONGEST_WORD or _LONG_NUMBER.search(word) or len(words) >= MOST_WORDS
        words[WITHHELD if is_odd else word] += 1


def key_name(key: str) -> str:
    """The key, if it looks like one; people write what they like under keys of their own (quirk 111)."""
    return key if _KEY.fullmatch(key) else OTHER_KEYS


def rows_in(keys: Collection[str], data: object) -> list[Any]:
    """The rows in the `data` of an answer: a list, which may stand under a name, or one record, which has one of these
    keys. PHP makes objects of lists with gaps.
    """
    value: object = None
    try:
        value = unwrap(data)
        is_row = isinstance(value, dict) and not value.keys().isdisjoint(keys)
        return [value] if is_row else [*row_list(value)]
    except ShapeError:
        return next((rows for rows in value.values() if isinstance(rows, list)), []) if isinstance(value, dict) else []
