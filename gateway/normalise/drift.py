"""What is new in the rows of answers, beyond the document and the deployment's profile. Pure, and no value of a person.

    watch = DriftWatch()
    watch.look("repair/list", rows)
    sightings, rows = watch.take()

Rows come as JSON has them. Known is what the declarations say, those of a profile included. By far the most rows have
nothing new: a key costs two look-ups. Only where an unknown word stands is the whole answer handed to an `Observer`,
whose rules say whether the word may be kept (`gateway.normalise.observation`).
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from gateway.normalise.field import DeclaredField, public_name
from gateway.normalise.generated import Lazy
from gateway.normalise.observation import (
    MOST_UNKNOWN_WORDS,
    OTHER_KEYS,
    PARTS,
    RECORD_OF,
    TOO_MANY,
    UNREAD_KEYS,
    VOCABULARY,
    WITHHELD,
    DeclaredKeys,
    Observer,
    key_name,
)
from gateway.normalise.profile import seen_types
from gateway.normalise.shapes import NotJsonError, read_json
from gateway.normalise.value_forms import ABSENT, NULL, json_type
from gateway.normalise.values import is_blank
from gateway.normalise.vocabulary import SWITCHES, DriftKind
from gateway.normalise.wire_enum import WireEnum

VANISHED_AFTER = 100
"""Rows in succession that lack a field which the document promises."""

MOST_KEYS = 20
"""Of one record that are not documented and kept by their names: people write keys of their own (quirk 111)."""

MOST_WORDS = 500
"""Verdicts on words that are remembered."""

NOT_PROMISED = frozenset({("Order", "extra")})
"""Fields by record and attribute that are read without an issue where they are absent."""

LEFT_OUT = frozenset({("repair/list", "reported_at")})
"""Promised fields that an endpoint leaves out: by endpoint and attribute."""

_TYPE_NAMES: Mapping[type, tuple[str, ...]] = {
    msgspec.inspect.IntType: ("integer",),
    msgspec.inspect.FloatType: ("integer", "number"),
    msgspec.inspect.StrType: ("string",),
    msgspec.inspect.EnumType: ("string",),
    msgspec.inspect.BoolType: ("boolean",),
    msgspec.inspect.NoneType: (),
    msgspec.inspect.ListType: ("array",),
    msgspec.inspect.StructType: ("object",),
    msgspec.inspect.DictType: ("object",),
}


class Sighting(NamedTuple):
    """What was seen that is new. `key` is that on the wire; of a field that is missing, all that it may come under.

    `found` is the word, `WITHHELD` for one that may be of a person, or the type by JSON's name; "" of what is missing.
    """

    endpoint: str
    record: str
    key: str
    kind: DriftKind
    found: str = ""


class _Key:
    """What is known of a key."""

    __slots__ = ("attribute", "enum", "switch", "types")

    def __init__(self, declared: DeclaredKeys, key: str, field: DeclaredField) -> None:
        self.attribute = field.attribute
        self.enum: type[WireEnum] | None = declared.enum(key)
        switch = declared.switch(key)
        self.switch: Collection[object] | None = None if switch is None else SWITCHES[switch]
        documented = documented_types(field)
        self.types = documented and documented | seen_types(declared.name, key)


class _Known:
    """What is known of a record."""

    def __init__(self, record: str) -> None:
        declared = DeclaredKeys(record, {})
        self.keys = {key: _Key(declared, key, field) for key, field in declared.fields.items()}
        self.unread = UNREAD_KEYS.get(record, frozenset())
        self.promised = {
            field.attribute: field_keys(declared, field)
            for field in declared.fields.values()
            if is_promised(record, field)
        }


def documented_types(field: DeclaredField) -> frozenset[str]:
    """JSON's names of the types that a field is documented to have, beside null; empty where any will do."""
    kind = field.field.kind
    wire = None if kind is None else kind.wire
    wire = wire.make() if isinstance(wire, Lazy) else wire
    if wire is None or wire is Any:
        return frozenset()
    info = msgspec.inspect.type_info(wire)
    parts = info.types if isinstance(info, msgspec.inspect.UnionType) else (info,)
    return frozenset(name for part in parts for name in _TYPE_NAMES[type(_bare(part))])


def _bare(info: msgspec.inspect.Type) -> msgspec.inspect.Type:
    return info.type if isinstance(info, msgspec.inspect.Metadata) else info


def is_promised(record: str, field: DeclaredField) -> bool:
    """Whether the document says that every row of this record has the field."""
    kind = field.field.kind
    if kind is None or not kind.required or (record, field.attribute) in NOT_PROMISED:
        return False
    return bool(field.keys)


def field_keys(declared: DeclaredKeys, field: DeclaredField) -> str:
    """All keys that a field may come under."""
    return " / ".join(key for key, other in declared.fields.items() if other is field)


class Seen(Protocol):
    """As a `Sighting`."""

    @property
    def record(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def kind(self) -> DriftKind: ...
    @property
    def found(self) -> str: ...


def is_known(sighting: Seen) -> bool:
    """Whether the declarations, with the profile that is used now, have what was new when it was seen."""
    declared = DeclaredKeys(sighting.record, {})
    seen = seen_types(sighting.record, sighting.key)
    if sighting.kind is DriftKind.NEW_KEY:
        return sighting.key in declared.fields or sighting.key in UNREAD_KEYS.get(sighting.record, ()) or bool(seen)
    if sighting.kind is DriftKind.MISSING_FIELD:
        fields = declared.fields.values()
        now = {field_keys(declared, field) for field in fields if is_promised(sighting.record, field)}
        return sighting.key not in now or any(
            ABSENT in seen_types(sighting.record, key) for key in sighting.key.split(" / ")
        )
    field = declared.fields.get(sighting.key)
    if field is None:
        return True
    if sighting.kind is DriftKind.CHANGED_TYPE:
        return sighting.found in documented_types(field) | seen
    known = _Key(declared, sighting.key, field)
    return _is_known_word(known, sighting.found)


def field_path(record: str, key: str) -> str:
    """The public path of the field under a key, the key itself where there is none."""
    field = DeclaredKeys(record, {}).fields.get(key.partition(" / ")[0])
    return public_name(key) if field is None else field.path


def propose(found: Iterable[Seen]) -> str:
    """Lines for a profile with what was found (docs/profile.md). What a word means is to be filled in."""
    words: dict[str, list[str]] = {}
    seen: dict[str, dict[str, set[str]]] = {}
    for each in found:
        if each.kind is DriftKind.NEW_WORD:
            if each.found not in (WITHHELD, TOO_MANY):
                name = list_name(DeclaredKeys(each.record, {}), each.key)
                words.setdefault(name, []).append(f"# ? = [{_text(each.found)}]  # {each.key} of {each.record}")
        elif each.key != OTHER_KEYS:
            types = ABSENT if each.kind is DriftKind.MISSING_FIELD else each.found
            for key in each.key.split(" / "):
                seen.setdefault(each.record, {}).setdefault(key, set()).add(types)
    lines = ["# What is new in answers. Fill in what a word means, and add the lines to the profile."]
    for name, spellings in words.items():
        lines += ["", f"[words.{name}]", *dict.fromkeys(spellings)]
    for record, keys in seen.items():
        lines += ["", f"[seen.{record}]"]
        lines += [f"{_text(key)} = [{', '.join(map(_text, sorted(types)))}]" for key, types in keys.items()]
    return "\n".join(lines) + "\n"


def list_name(declared: DeclaredKeys, key: str) -> str:
    """The name in a profile of the closed list that the words under a key are of."""
    enum = declared.enum(key)
    return enum.__name__ if enum is not None else declared.switch(key) or ""


def _text(word: str) -> str:
    return json.dumps(word, ensure_ascii=False)


class DriftWatch:
    """Looks at rows, and counts what is new. Use a profile before one is made."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._absent: Counter[tuple[str, str, str]] = Counter()
        self._verdicts: dict[tuple[str, str, str], str] = {}
        self._words: dict[tuple[str, str], set[str]] = {}
        self._keys: dict[str, dict[str, str]] = {}
        self._sightings: Counter[Sighting] = Counter()
        self._rows: Counter[tuple[str, str]] = Counter()

    def take(self) -> tuple[Counter[Sighting], Counter[tuple[str, str]]]:
        """In how many rows what was seen since this was called last, and how many rows of each endpoint and record
        were looked at.
        """
        taken = self._sightings, self._rows
        self._sightings, self._rows = Counter(), Counter()
        return taken

    def look(self, endpoint: str, rows: Sequence[object], answer: Sequence[object] = ()) -> bool:
        """Look at rows of one answer, of which `answer` are all. Whether anything is new in them."""
        unknown = len(self._sightings), self._sightings.total()
        record = RECORD_OF[endpoint]
        words: list[tuple[str, str, str]] = []
        self._look(endpoint, record, rows, words)
        if words:
            self._judge(endpoint, record, answer or rows, words)
        return unknown != (len(self._sightings), self._sightings.total())

    def _look(self, endpoint: str, record: str, rows: Sequence[object], words: list[tuple[str, str, str]]) -> None:
        known = self._known.get(record)
        if known is None:
            known = self._known[record] = _Known(record)
        present: set[str] = set()
        looked_at = 0
        for row in rows:
            if not isinstance(row, Mapping):
                continue
            looked_at += 1
            for key, value in row.items():
                if value is None or value == "":
                    if key not in known.keys and key not in known.unread:
                        self._note_key(endpoint, record, str(key), value)
                    continue
                declared = known.keys.get(key)
                if declared is not None:
                    self._value(endpoint, record, key, declared, value, words)
                    present.add(declared.attribute)
                elif key not in known.unread:
                    self._note_key(endpoint, record, str(key), value)
                if (part := PARTS.get((record, key))) is not None:
                    self._look(endpoint, part, _rows_within(value), words)
        if looked_at:
            self._rows[endpoint, record] += looked_at
            self._note_absent(endpoint, record, known, present, looked_at)

    def _value(
        self, endpoint: str, record: str, key: str, known: _Key, value: object, words: list[tuple[str, str, str]]
    ) -> None:
        if known.types and json_type(value) not in known.types and not is_blank(value):
            self._sightings[Sighting(endpoint, record, key, DriftKind.CHANGED_TYPE, json_type(value))] += 1
        elif (known.enum is not None or known.switch is not None) and isinstance(value, str | int):
            word = value.strip() if isinstance(value, str) else value
            if word != "" and not _is_known_word(known, word):
                words.append((record, key, str(int(word) if isinstance(word, bool) else word)))

    def _note_key(self, endpoint: str, record: str, key: str, value: object) -> None:
        if seen_types(record, key):
            return
        kept = self._keys.setdefault(record, {})
        key = key_name(key)
        if key not in kept and len(kept) >= MOST_KEYS:
            key = OTHER_KEYS
        if kept.get(key, NULL) == NULL:
            kept[key] = json_type(None if is_blank(value) else value)
        self._sightings[Sighting(endpoint, record, key, DriftKind.NEW_KEY, kept[key])] += 1

    def _note_absent(self, endpoint: str, record: str, known: _Known, present: set[str], rows: int) -> None:
        for attribute, keys in known.promised.items():
            absent = endpoint, record, attribute
            if attribute in present or (endpoint, attribute) in LEFT_OUT:
                self._absent.pop(absent, None)
                continue
            self._absent[absent] += rows
            is_expected = any(ABSENT in seen_types(record, key) for key in keys.split(" / "))
            if self._absent[absent] >= VANISHED_AFTER and not is_expected:
                self._sightings[Sighting(endpoint, record, keys, DriftKind.MISSING_FIELD)] += rows

    def _judge(self, endpoint: str, record: str, rows: Sequence[object], words: list[tuple[str, str, str]]) -> None:
        """Keep unknown words as far as they can be no value of a person."""
        if not all(word in self._verdicts for word in words):
            observer = Observer()
            observer.rows(record, rows)
            if len(self._verdicts) > MOST_WORDS:
                self._verdicts.clear()
            for word in words:
                unknown = observer.unknown_words(*word[:2])
                self._verdicts.setdefault(word, word[2] if word[2] in unknown else WITHHELD)
        for word in words:
            of, key, _ = word
            found = self._verdicts[word]
            kept = self._words.setdefault((of, key), set())
            if found not in kept and len(kept) >= MOST_UNKNOWN_WORDS:
                found = WITHHELD
            kept.add(found)
            self._sightings[Sighting(endpoint, of, key, DriftKind.NEW_WORD, found)] += 1


def _is_known_word(known: _Key, word: object) -> bool:
    """A word of another list of the document is in the wrong place, as in its own example (quirk 92), and not new."""
    if known.enum is not None:
        text = str(int(word) if isinstance(word, bool) else word)
        return text in known.enum.by_wire or (text in VOCABULARY and not text.isdecimal())
    return known.switch is not None and word in known.switch


def _rows_within(value: object) -> Sequence[object]:
    if isinstance(value, str):
        try:
            value = read_json(value)
        except NotJsonError:
            return ()
    return value if isinstance(value, list) else (value,)
