"""What a deployment's platforms do beyond their document: read from one file, and added to the declarations.

`parse_profile` makes a `Profile` of the file's content; `use_profile` adds its words and keys to the vocabulary and the
tables, from which all readers are generated again. One process has one profile.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

import msgspec

from gateway.normalise import house, module, order, people, repair, shenhe, shenhe_content, vocabulary
from gateway.normalise.field import declared_fields, set_more_keys
from gateway.normalise.generated import generate_again
from gateway.normalise.table import TABLES
from gateway.normalise.value_forms import ABSENT, TYPES
from gateway.normalise.vocabulary import DECLARED_SWITCHES, SWITCHES, respell_switch
from gateway.normalise.wire_enum import WireEnum

RECORD_MODULES = (house, module, order, people, repair, shenhe, shenhe_content)
"""Imported so that every table is there."""

LISTS = ("shenheList", "order/list", "repair/list")
UNDOCUMENTED_PAGING = "order/list"
"""The list that documents no parameter for pages (quirk 134)."""

LARGEST_PAGE = 1000
LONGEST_WORD = 100
LONGEST_LIFETIME = 2_000_000

ENUMS: Mapping[str, type[WireEnum]] = MappingProxyType(
    {
        name: kind
        for name, kind in vars(vocabulary).items()
        if isinstance(kind, type) and issubclass(kind, WireEnum) and kind is not WireEnum
    }
)


class ProfileError(ValueError):
    """The profile cannot be used: a sentence for each mistake, which begins with its place in the file."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__(*mistakes)
        self.mistakes = mistakes


class ListPaging(msgspec.Struct, frozen=True):
    """How a list pages. `page_size`: it cuts pages of this size, whatever it is asked for. Without `pages` it gives its
    first page, whichever is asked for.
    """

    page_size: int | None = None
    pages: bool = True


AS_DECLARED = ListPaging()


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """`words` by enum and member, `switches` by table and value, `keys` by record and attribute, `lists` by endpoint.
    `seen` has types (`value_forms.TYPES`, or ABSENT) by record and key on the wire: what is known and no drift;
    lifetimes of tokens in seconds. None: the profile does not say.
    """

    words: Mapping[str, Mapping[str, tuple[str, ...]]] = msgspec.field(default_factory=dict)
    switches: Mapping[str, Mapping[bool, tuple[str, ...]]] = msgspec.field(default_factory=dict)
    keys: Mapping[tuple[str, str], tuple[str, ...]] = msgspec.field(default_factory=dict)
    seen: Mapping[tuple[str, str], frozenset[str]] = msgspec.field(default_factory=dict)
    lists: Mapping[str, ListPaging] = msgspec.field(default_factory=dict)
    not_found: tuple[str, ...] = ()
    wjdh_token_lifetime: float | None = None
    security_token_lifetime: float | None = None
    refuse_reasons: bool = True


NO_PROFILE = Profile()

_used = NO_PROFILE
_NOTHING: frozenset[str] = frozenset()


def use_profile(profile: Profile) -> None:
    """Add what it says to the declarations, in place of what another one said before."""
    global _used  # noqa: PLW0603 # the declarations are the process's own
    if profile == _used:
        return
    for name, enum in ENUMS.items():
        enum.respell({enum(member): words for member, words in profile.words.get(name, {}).items()})
    for name in SWITCHES:
        respell_switch(name, profile.switches.get(name, {}))
    set_more_keys(profile.keys)
    generate_again()
    _used = profile


def seen_types(record: str, key: str) -> frozenset[str]:
    """The types under a key of a record that the profile in use says are known."""
    return _used.seen.get((record, key), _NOTHING)


def parse_profile(document: Mapping[str, Any]) -> Profile:
    """Of the content of a TOML file. Raises ProfileError with every mistake."""
    reader = _Reader()
    profile = reader.profile(document)
    if reader.mistakes:
        raise ProfileError(*reader.mistakes)
    return profile


class _Reader:
    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def profile(self, document: Mapping[str, Any]) -> Profile:
        self._known("", document, ("words", "keys", "seen", "lists", "not_found", "modules", "tokens", "reviews"))
        words, switches = self._words(document)
        return Profile(
            words=words,
            switches=switches,
            keys=self._keys(document),
            seen=dict(self._seen(document)),
            lists=dict(self._lists(document)),
            not_found=self._texts("not_found.wordings", self._section(document, "not_found", ("wordings",))),
            wjdh_token_lifetime=self._lifetime(document, "wjdh_lifetime"),
            security_token_lifetime=self._lifetime(document, "security_lifetime"),
            refuse_reasons=self._boolean(
                "reviews.refuse_reasons", self._section(document, "reviews", ("refuse_reasons",))
            )
            is not False,
        )

    def _words(self, document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        words: dict[str, dict[str, tuple[str, ...]]] = {}
        switches: dict[str, dict[bool, tuple[str, ...]]] = {}
        section = self._section(document, "words", (*ENUMS, *SWITCHES))
        for name in section:
            members = self._table(f"words.{name}", section[name])
            if name in SWITCHES:
                self._known(f"words.{name}", members, ("true", "false"))
                given = {value: self._texts(f"words.{name}.{value}", members) for value in ("true", "false")}
                switches[name] = {value == "true": texts for value, texts in given.items()}
            elif name in ENUMS:
                self._known(f"words.{name}", members, [*ENUMS[name]])
                words[name] = {
                    each.value: self._texts(f"words.{name}.{each}", members) for each in ENUMS[name] if each in members
                }
        others = self._texts("modules.others", self._section(document, "modules", ("others",)))
        if others:
            names = words.setdefault("ModuleName", {})
            names["UNRECOGNIZED"] = (*names.get("UNRECOGNIZED", ()), *others)
        self._check_meanings(words)
        self._check_switches(switches)
        return words, switches

    def _check_meanings(self, words: Mapping[str, Mapping[str, tuple[str, ...]]]) -> None:
        for name, members in words.items():
            meanings = {spelling: member.value for spelling, member in _declared_spellings(ENUMS[name])}
            for member, spellings in members.items():
                for spelling in spellings:
                    other = meanings.setdefault(spelling, member)
                    if other != member:
                        self.mistakes.append(f"words.{name}.{member}: {spelling!r} means {other} already")

    def _check_switches(self, switches: Mapping[str, Mapping[bool, tuple[str, ...]]]) -> None:
        for name, values in switches.items():
            meanings = DECLARED_SWITCHES[name].copy()
            for value, spellings in values.items():
                for spelling in spellings:
                    if meanings.setdefault(spelling, value) is not value:
                        place = f"words.{name}.{str(value).lower()}"
                        self.mistakes.append(f"{place}: {spelling!r} means {str(not value).lower()} already")

    def _keys(self, document: Mapping[str, Any]) -> dict[tuple[str, str], tuple[str, ...]]:
        records = {table.record.__name__: table for table in TABLES}
        section = self._section(document, "keys", [*records])
        keys: dict[tuple[str, str], tuple[str, ...]] = {}
        for record in filter(records.__contains__, section):
            fields = {field.path: field for field in declared_fields(records[record].record).values() if field.keys}
            given = self._table(f"keys.{record}", section[record])
            self._known(f"keys.{record}", given, [*fields])
            taken = {
                slot.key: slot.name for slot in records[record].slots if slot.key in _declared_keys(records[record])
            }
            for path in filter(fields.__contains__, given):
                place = f"keys.{record}.{path}"
                texts = self._texts(place, given, path)
                for key in texts:
                    if taken.setdefault(key, path) != path or texts.count(key) > 1:
                        self._say(f"{place}: {key!r} is the key of another field, or stands here twice")
                keys[record, fields[path].attribute] = texts
        return keys

    def _seen(self, document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], frozenset[str]]]:
        records = [*(table.record.__name__ for table in TABLES), "ShenheContent"]
        section = self._section(document, "seen", records)
        for record in filter(records.__contains__, section):
            given = self._table(f"seen.{record}", section[record])
            for key in given:
                place = f"seen.{record}.{key}"
                types = self._texts(place, given, key)
                self._known(place, dict.fromkeys(types), (*TYPES, ABSENT))
                yield (record, key), frozenset(types)

    def _lists(self, document: Mapping[str, Any]) -> Iterator[tuple[str, ListPaging]]:
        section = self._section(document, "lists", LISTS)
        for name in filter(LISTS.__contains__, section):
            place = f"lists.{name}"
            given = self._table(place, section[name])
            self._known(place, given, ("page_size", "pages") if name == UNDOCUMENTED_PAGING else ("page_size",))
            size = self._page_size(f"{place}.page_size", given)
            pages = self._boolean(f"{place}.pages", given)
            yield name, ListPaging(size, pages is not False)

    def _page_size(self, place: str, given: Mapping[str, Any]) -> int | None:
        size = given.get(place.rpartition(".")[2])
        if size is None or (type(size) is int and 1 <= size <= LARGEST_PAGE):
            return size
        self._say(f"{place}: must be a whole number from 1 to {LARGEST_PAGE}")
        return None

    def _lifetime(self, document: Mapping[str, Any], name: str) -> float | None:
        value = self._section(document, "tokens", ("wjdh_lifetime", "security_lifetime")).get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_LIFETIME:
            self.mistakes.append(f"tokens.{name}: must be a number of seconds above 0, {LONGEST_LIFETIME} at most")
            return None
        return float(value)

    def _section(self, document: Mapping[str, Any], name: str, known: Any) -> Mapping[str, Any]:
        section = self._table(name, document.get(name, {}))
        self._known(name, section, known)
        return section

    def _table(self, place: str, value: object) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        self._say(f"{place}: must be a table")
        return {}

    def _known(self, place: str, given: Mapping[str, Any], known: Any) -> None:
        for name in given:
            if name not in known:
                similar = get_close_matches(name, known, n=1, cutoff=0.6)
                guess = "".join(f"; did you mean {each}?" for each in similar)
                self._say(f"{f'{place}.{name}' if place else name}: there is no such name{guess}")

    def _texts(self, place: str, given: Mapping[str, Any], name: str | None = None) -> tuple[str, ...]:
        value = given.get(place.rpartition(".")[2] if name is None else name, [])
        if isinstance(value, list) and all(
            isinstance(text, str) and 0 < len(text.strip()) <= LONGEST_WORD and text == text.strip() for text in value
        ):
            return tuple(value)
        self._say(f"{place}: must be a list of texts without blanks around them, {LONGEST_WORD} characters at most")
        return ()

    def _boolean(self, place: str, given: Mapping[str, Any]) -> bool | None:
        value = given.get(place.rpartition(".")[2])
        if value is None or isinstance(value, bool):
            return value
        self._say(f"{place}: must be true or false")
        return None

    def _say(self, mistake: str) -> None:
        if mistake not in self.mistakes:
            self.mistakes.append(mistake)


def _declared_spellings(enum: type[WireEnum]) -> Iterator[tuple[str, WireEnum]]:
    """As the vocabulary has them, whichever profile is used."""
    *listed, _ = enum
    for member in listed:
        for spelling in (member.label, *member.word.also, *filter(None, [member.word.code])):
            yield spelling, member


def _declared_keys(table: Any) -> set[str]:
    """The keys of a table's slots, and of the tables within it, without those of a profile."""
    more = {key for declared in declared_fields(table.record).values() for key in declared.more_keys}
    for declared in declared_fields(table.record).values():
        if declared.field.kind is not None and declared.field.kind.table is not None:
            inner = declared_fields(declared.field.kind.table.record).values()
            more |= {key for each in inner for key in each.more_keys}
    return {slot.key for slot in table.slots} - more
