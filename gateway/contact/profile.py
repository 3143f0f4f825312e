"""Reads what a deployment says of itself: its profile, the TOML file that `GATEWAY_PROFILE` names (docs/profile.md),
and its communities (`GATEWAY_COMMUNITIES`).
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.entities import LISTS
from gateway.env_file import read_file
from gateway.normalise.observation import TYPES
from gateway.normalise.people import DOCUMENTED_KEYS
from gateway.normalise.records import declared_fields
from gateway.normalise.table import ROWS
from gateway.normalise.values import code_problem, is_code
from gateway.normalise.vocabulary import CLOSED_LISTS, PlatformName
from gateway.normalise.wire import AS_DOCUMENTED, NO_PROFILE, ListPaging, Profile
from gateway.settings import Communities, Mistakes, Settings, SettingsError, guess

VARIABLE = "GATEWAY_PROFILE"

LARGEST_PAGE = 1000
LONGEST_WORD = 100
LONGEST_LIFETIME = 2_000_000


def read_profile(settings: Settings) -> Profile:
    """Of the file that the settings name; an empty one without a file. Raises SettingsError with every mistake."""
    if not settings.profile:
        return NO_PROFILE
    try:
        return parse_profile(tomllib.loads(read_file(VARIABLE, Path(settings.profile))))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{VARIABLE}: the file is no TOML: {error}") from None


def parse_profile(document: Mapping[str, Any]) -> Profile:
    """Of the content of the file. Raises SettingsError: each mistake begins with its place in the file."""
    reader = _Reader(document)
    profile = reader.profile()
    reader.mistakes.check()
    return profile


class _Reader:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self.mistakes = Mistakes()
        self._document = document

    def profile(self) -> Profile:
        self._known("", self._document, ("words", "keys", "seen", "lists", "not_found", "modules", "tokens", "reviews"))
        return Profile(
            words=self._words(),
            keys=self._keys(),
            seen=dict(self._seen()),
            lists=dict(self._lists()),
            not_found=self._texts("not_found.wordings", self._section("not_found", ("wordings",))),
            token_lifetimes=dict(self._lifetimes()),
            refuse_reasons=self._boolean("reviews.refuse_reasons", self._section("reviews", ("refuse_reasons",))),
        )

    def _words(self) -> dict[str, Any]:
        words: dict[str, dict[str, tuple[str, ...]]] = {}
        for name, members in self._tables("words", CLOSED_LISTS):
            names = [*CLOSED_LISTS[name]]
            self._known(f"words.{name}", members, names)
            words[name] = {each: self._texts(f"words.{name}.{each}", members) for each in names if each in members}
        if others := self._texts("modules.others", self._section("modules", ("others",))):
            modules = words.setdefault("ModuleName", {})
            modules["UNRECOGNIZED"] = (*modules.get("UNRECOGNIZED", ()), *others)
        for name, given in words.items():
            meanings = {word: _member(meant) for word, meant in CLOSED_LISTS[name].by_wire.items()}
            for member, spellings in given.items():
                for spelling in spellings:
                    if (other := meanings.setdefault(spelling, member)) != member:
                        self._say(f"words.{name}.{member}: {spelling!r} means {other} already")
        return words

    def _keys(self) -> dict[tuple[str, str], tuple[str, ...]]:
        keys: dict[tuple[str, str], tuple[str, ...]] = {}
        for record, given in self._tables("keys", ROWS):
            own: type = ROWS[record].record
            declared = declared_fields(own).values()
            fields = {field.path: field for field in declared if field.keys}
            self._known(f"keys.{record}", given, [*fields])
            taken = {key: field.attribute for key, field in AS_DOCUMENTED.table(ROWS[record]).fields.items()}
            for path in filter(fields.__contains__, given):
                place, field = f"keys.{record}.{path}", fields[path]
                texts = self._texts(place, given, path)
                for key in texts:
                    if taken.setdefault(key, path) != path or texts.count(key) > 1:
                        self._say(f"{place}: {key!r} is the key of another field, or stands here twice")
                    if (kind := DOCUMENTED_KEYS.get(key.lower())) not in (None, field.pii):
                        self._say(f"{place}: {key!r} holds personal data ({kind}), and this field is not masked so")
                keys[record, field.attribute] = texts
        return keys

    def _seen(self) -> Iterator[tuple[tuple[str, str], frozenset[str]]]:
        for record, given in self._tables("seen", ROWS):
            for key in given:
                place = f"seen.{record}.{key}"
                types = self._texts(place, given, key)
                self._known(place, dict.fromkeys(types), TYPES)
                yield (record, key), frozenset(types)

    def _lists(self) -> Iterator[tuple[str, ListPaging]]:
        lists = {records.endpoint.name: records for records in LISTS}
        for name, given in self._tables("lists", [*lists]):
            place = f"lists.{name}"
            self._known(place, given, ("page_size", "pages") if lists[name].page_size is not None else ("page_size",))
            size = given.get("page_size")
            if size is not None and not (type(size) is int and 1 <= size <= LARGEST_PAGE):
                self._say(f"{place}.page_size: must be a whole number from 1 to {LARGEST_PAGE}")
            yield name, ListPaging(size, self._boolean(f"{place}.pages", given))

    def _lifetimes(self) -> Iterator[tuple[PlatformName, float]]:
        names = {f"{platform.lower()}_lifetime": platform for platform in PlatformName}
        for name, value in self._section("tokens", names).items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_LIFETIME:
                self._say(f"tokens.{name}: must be a number of seconds above 0, {LONGEST_LIFETIME} at most")
            elif name in names:
                yield names[name], float(value)

    def _section(self, name: str, known: Iterable[str]) -> Mapping[str, Any]:
        section = self._table(name, self._document.get(name, {}))
        self._known(name, section, known)
        return section

    def _tables(self, name: str, known: Iterable[str]) -> list[tuple[str, Mapping[str, Any]]]:
        """Those of a section, by their known names."""
        section = self._section(name, known)
        return [(each, self._table(f"{name}.{each}", section[each])) for each in section if each in known]

    def _table(self, place: str, value: object) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        self._say(f"{place}: must be a table")
        return {}

    def _known(self, place: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
        for name in given:
            if name not in known:
                self._say(f"{f'{place}.{name}' if place else name}: there is no such name{guess(name, known, 0.6)}")

    def _texts(self, place: str, given: Mapping[str, Any], name: str | None = None) -> tuple[str, ...]:
        value = given.get(place.rpartition(".")[2] if name is None else name, [])
        if isinstance(value, list) and all(
            isinstance(text, str) and 0 < len(text.strip()) <= LONGEST_WORD and text == text.strip() for text in value
        ):
            return tuple(value)
        self._say(f"{place}: must be a list of texts without blanks around them, {LONGEST_WORD} characters at most")
        return ()

    def _boolean(self, place: str, given: Mapping[str, Any]) -> bool:
        """True where nothing is said."""
        value = given.get(place.rpartition(".")[2], True)
        if not isinstance(value, bool):
            self._say(f"{place}: must be true or false")
        return value is not False

    def _say(self, mistake: str) -> None:
        self.mistakes.add(f"{VARIABLE}: {mistake}")


def _member(meant: object) -> str:
    """The name in the file of what a word means."""
    return str(meant).lower() if isinstance(meant, bool) else str(meant)


COMMUNITIES = "GATEWAY_COMMUNITIES"

LONGEST_NAME = 64

_FULL_WIDTH_COMMA = re.compile(r"，(?=\s*[0-9A-Za-z]+\s*(?:[=,，]|$))")
"""One that an entry follows, of an input method: others are part of a name."""


def read_communities(settings: Settings) -> Communities:
    """From the setting, or from the file that it names. Raises SettingsError with every mistake."""
    text = _FULL_WIDTH_COMMA.sub(",", settings.communities)
    is_list = not text or "=" in text or "," in text or is_code(text)
    entries = text.split(",") if is_list else read_file(COMMUNITIES, Path(text)).splitlines()
    names: dict[str, str | None] = {}
    mistakes = Mistakes()
    for number, entry in enumerate(entries, 1):
        code, equals, name = (part.strip() for part in entry.partition("="))
        if (not code and not equals) or (code.startswith("#") and not is_list):  # a comment of the file
            continue
        problems: list[str] = [problem(field="the code")] if (problem := code_problem(code)) else []
        if equals and not (1 <= len(name) <= LONGEST_NAME and name.isprintable() and "=" not in name):
            problems.append(f"a name has 1 to {LONGEST_NAME} printable characters, none of them = or a comma")
        if code in names:
            problems.append("repeats a code")
        if not problems:
            names[code] = name or None
        mistakes.add(*[f"{COMMUNITIES}: {'entry' if is_list else 'line'} {number}: {it}" for it in problems])
    mistakes.check()
    return names
