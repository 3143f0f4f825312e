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
    """What was seen under one key of a record: in how many rows it stood, and of them with which types, forms and
    words. `samples` are words of the vocabulary, which are of no person, under a key that is not declared.

    `field` is what is declared there, if anything is; `known_words` are the spellings of the closed list that its
    values are of, None of free words; `known_types` what they may have beside null, empty where any will do.
    """

    field: Field | None = None
    known_words: frozenset[str] | None = None
    known_types: frozenset[str] = frozenset()
    present: int = 0
    types: Counter[str] = msgspec.field(default_factory=Counter)
    forms: Counter[str] = msgspec.field(default_factory=Counter)
    words: Counter[str] = msgspec.field(default_factory=Counter)
    samples: set[str] = msgspec.field(default_factory=set)

    @property
    def unknown_types(self) -> Counter[str]:
        """Those under a declared key that are not documented."""
        known = self.known_types
        found = Counter({each: count for each, count in self.types.items() if known and each not in (*known, NULL)})
        if "string" in found:
            found["string"] -= self.forms[EMPTY]
        return +found


class RecordSeen:
    """What was seen of the rows of one record, by key: of those that are declared, by a profile as well, and of others.
    `unread` keys are documented; `known` ones are that, or seen before by the profile.
    """

    def __init__(self, wire: Wire, rows: Rows[Any], renamed: Mapping[str, str]) -> None:
        """`renamed` are keys that stand in the place of declared ones."""
        table = wire.table(rows)
        seen = wire.profile.seen.get(rows.record.__name__, {})
        fields = table.fields | {key: table.fields[declared_key] for key, declared_key in renamed.items()}
        self.keys = {key: _declared(wire, field, seen.get(key, ())) for key, field in fields.items()}
        self.parts = table.parts
        self.unread = rows.unread
        self.known = {*rows.unread, *(key for key, types in seen.items() if types)}
        self.rows = 0

    @property
    def missing_keys(self) -> list[str]:
        """Declared keys that no row has, of fields that have none of their keys."""
        there = {seen.field.attribute for seen in self.keys.values() if seen.present and seen.field}
        return [key for key, seen in self.keys.items() if seen.field and seen.field.attribute not in there]

    @property
    def unknown_keys(self) -> list[str]:
        """Keys of rows that are not declared."""
        return [key for key, seen in self.keys.items() if not seen.field and key not in (*self.unread, OTHER_KEYS)]


def _declared(wire: Wire, field: Field, seen: Collection[str]) -> KeySeen:
    kind = field.kind or Kind()
    parts = get_args(kind.wire) if get_origin(kind.wire) in (Union, UnionType) else (kind.wire,)
    bare = [get_args(part)[0] if get_origin(part) is Annotated else part for part in parts]
    types = frozenset(_TYPES[part] for part in bare if part in _TYPES)
    types |= {"integer"} if "number" in types else types
    words = frozenset(str(word) for word in wire.words[kind.words] if word is not None) if kind.words else None
    return KeySeen(field, words, types and types.union(seen))


class Undocumented(NamedTuple):
    """What neither the document nor the profile has, in so many `rows`. `found` are its types; none of a word, which
    may be of a person.
    """

    record: str
    key: str
    what: Literal["key", "word", "type"]
    found: tuple[str, ...]
    rows: int


class Observer:
    """Looks at rows, and keeps what they look like, by record."""

    def __init__(self, wire: Wire, renamed: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """`renamed`: by record, keys that stand in the place of declared ones."""
        self.records = {name: RecordSeen(wire, rows, (renamed or {}).get(name, {})) for name, rows in ROWS.items()}
        enums = [words for words in CLOSED_LISTS.values() if not isinstance(words, Switch)]
        self._vocabulary = {word for enum in enums for word in enum.by_wire if word and isinstance(word, str)}
        self._personal: set[str] = set()

    @property
    def seen(self) -> dict[str, RecordSeen]:
        """The records that had rows."""
        return {record: seen for record, seen in self.records.items() if seen.rows}

    def rows(self, record: str, rows: Iterable[object]) -> None:
        """Look at the rows of a record, and at the records within them."""
        for row in rows:
            if isinstance(row, Mapping):
                self._row(self.records[record], row)

    def _row(self, seen: RecordSeen, row: Mapping[Any, Any]) -> None:
        seen.rows += 1
        for sent, value in row.items():
            key = key_name(str(sent))
            under = seen.keys.get(key) or seen.keys.setdefault(key, KeySeen())
            under.present += 1
            under.types[json_type(value)] += 1
            if not isinstance(value, dict | list):
                under.forms[get_form(value)] += 1
            if under.known_words is not None:
                _count_word(under.words, value)
            elif isinstance(value, str | int) and (under.field is None or under.field.is_personal):
                text = str(value).strip()
                if not text.isdecimal() or len(text) > LONGEST_NUMBER_OF_WORDS:
                    self._personal.add(text)
            if under.field is None and isinstance(value, str) and value in self._vocabulary:
                under.samples.add(value)
            if part := seen.parts.get(key):
                with suppress(NotJsonError):
                    inner = read_json(value) if isinstance(value, str) else value
                    self.rows(part.record.__name__, inner if isinstance(inner, list) else [inner])

    def rows_in(self, record: str, data: object) -> list[Any]:
        """The rows of a record in the `data` of an answer: a list, which may stand under a name, or one record, which
        has one of its keys. PHP makes objects of lists with gaps.
        """
        keys, value = self.records[record].keys, data
        try:
            value = unwrap(data)
            is_row = isinstance(value, dict) and any(seen.field and key in value for key, seen in keys.items())
            return [value] if is_row else [*row_list(value)]
        except ShapeError:
            lists = [rows for rows in value.values() if isinstance(rows, list)] if isinstance(value, dict) else []
            return lists[0] if lists else []

    def words(self, seen: KeySeen) -> Counter[str]:
        """The words under a key, without those that may be of a person: values of personal fields elsewhere, what
        looks like a name, and what is too much for a closed list.
        """
        unknown = seen.words.keys() - (seen.known_words or ())
        words: Counter[str] = Counter()
        for word, count in seen.words.items():
            is_withheld = word in unknown and (
                len(unknown) > MOST_UNKNOWN_WORDS or word in self._personal or NAME.fullmatch(word) is not None
            )
            words[WITHHELD if is_withheld else word] += count
        return words

    def unknown_words(self, seen: KeySeen) -> Counter[str]:
        """Those that the vocabulary does not have."""
        return Counter(
            {word: count for word, count in self.words(seen).items() if word not in (seen.known_words or ())}
        )

    def words_to_fill_in(self) -> dict[str, dict[str, list[str]]]:
        """Words that the vocabulary does not have: where each stood, by their list in a profile and by word."""
        found: dict[str, dict[str, list[str]]] = {}
        for record, seen in self.seen.items():
            for key, under in seen.keys.items():
                kind = Kind() if under.field is None else under.field.kind or Kind()
                for word, count in self.unknown_words(under).items():
                    words = found.setdefault(kind.words.__name__, {})
                    words.setdefault(word, []).append(f"{record}.{key} ×{count}")  # times
        return found

    def undocumented(self) -> Iterator[Undocumented]:
        """All that is, but for words of another list: in the wrong place, as in the document's own example (quirk 92),
        they have their data issue.
        """
        for record, seen in self.seen.items():
            for key, under in seen.keys.items():
                for found, count in under.unknown_types.items():
                    yield Undocumented(record, key, "type", (found,), count)
                words = self.unknown_words(under)
                if new := sum(words[word] for word in words if word not in self._vocabulary or word.isdecimal()):
                    yield Undocumented(record, key, "word", (), new)
                if under.field is None and key not in seen.known:
                    types = tuple(sorted(each for each in under.types if each != NULL)) or (NULL,)
                    yield Undocumented(record, key, "key", types, under.present)


def _count_word(words: Counter[str], value: object) -> None:
    value = int(value) if isinstance(value, bool) else value
    word = str(value).strip() if isinstance(value, str | int) else ""
    if word:
        is_odd = len(word) > LONGEST_WORD or _LONG_NUMBER.search(word) or len(words) >= MOST_WORDS
        words[WITHHELD if is_odd else word] += 1


def key_name(key: str) -> str:
    """The key, if it looks like one; people write what they like under keys of their own (quirk 111)."""
    return key if _KEY.fullmatch(key) else OTHER_KEYS
