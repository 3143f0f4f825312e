"""Reads the deployment's profile: the TOML file that `GATEWAY_PROFILE` names (docs/profile.md)."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from gateway.loaders.lists import LISTS
from gateway.normalise.observation import TYPES
from gateway.normalise.person import DOCUMENTED_KEYS
from gateway.normalise.profile import NO_PROFILE, ListPaging, Profile
from gateway.normalise.table import ROWS
from gateway.normalise.vocabulary import CLOSED_LISTS
from gateway.settings import Settings, SettingsError

VARIABLE = "GATEWAY_PROFILE"

LARGEST_PAGE = 1000
LONGEST_WORD = 100
LONGEST_LIFETIME = 2_000_000


def read_profile(settings: Settings) -> Profile:
    """Of the file that the settings name; an empty one without a file. Raises SettingsError with every mistake."""
    if not settings.profile:
        return NO_PROFILE
    try:
        return parse_profile(tomllib.loads(Path(settings.profile).read_text(encoding="utf-8-sig")))
    except OSError as error:
        problem = f"the file cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "the file must be UTF-8"
    except tomllib.TOMLDecodeError as error:
        problem = f"the file is no TOML: {error}"
    raise SettingsError(f"{VARIABLE}: {problem}")


def parse_profile(document: Mapping[str, Any]) -> Profile:
    """Of the content of the file. Raises SettingsError: each mistake begins with its place in the file."""
    reader = _Reader(document)
    profile = reader.profile()
    if reader.mistakes:
        raise SettingsError(*[f"{VARIABLE}: {mistake}" for mistake in reader.mistakes])
    return profile


class _Reader:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self.mistakes: dict[str, None] = {}
        self._document = document

    def profile(self) -> Profile:
        self._known("", self._document, ("words", "keys", "seen", "lists", "not_found", "modules", "tokens", "reviews"))
        return Profile(
            words=self._words(),
            keys=self._keys(),
            seen=dict(self._seen()),
            lists=dict(self._lists()),
            not_found=self._texts("not_found.wordings", self._section("not_found", ("wordings",))),
            wjdh_token_lifetime=self._lifetime("wjdh_lifetime"),
            security_token_lifetime=self._lifetime("security_lifetime"),
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
        records = {rows.record.__name__: rows for rows in ROWS}
        keys: dict[tuple[str, str], tuple[str, ...]] = {}
        for record, given in self._tables("keys", records):
            declared = [*records[record].fields()]
            fields = {field.path: field for _, own, field in declared if own is records[record].record}
            self._known(f"keys.{record}", given, [*fields])
            taken = {key: field.attribute for keys, _, field in declared for key in keys}
            for path in filter(fields.__contains__, given):
                place, field = f"keys.{record}.{path}", fields[path]
                texts = self._texts(place, given, path)
                for key in texts:
                    if taken.setdefault(key, path) != path or texts.count(key) > 1:
                        self._say(f"{place}: {key!r} is the key of another field, or stands here twice")
                    if (kind := DOCUMENTED_KEYS.get(key.lower())) not in (None, field.field.pii):
                        self._say(f"{place}: {key!r} holds personal data ({kind}), and this field is not masked so")
                keys[record, field.attribute] = texts
        return keys

    def _seen(self) -> Iterator[tuple[tuple[str, str], frozenset[str]]]:
        for record, given in self._tables("seen", [*(rows.record.__name__ for rows in ROWS), "ShenheContent"]):
            for key in given:
                place = f"seen.{record}.{key}"
                types = self._texts(place, given, key)
                self._known(place, dict.fromkeys(types), TYPES)
                yield (record, key), frozenset(types)

    def _lists(self) -> Iterator[tuple[str, ListPaging]]:
        lists = {records.endpoint: records for records in LISTS}
        for name, given in self._tables("lists", [*lists]):
            place = f"lists.{name}"
            self._known(place, given, ("page_size", "pages") if lists[name].has_own_pages else ("page_size",))
            size = given.get("page_size")
            if size is not None and not (type(size) is int and 1 <= size <= LARGEST_PAGE):
                self._say(f"{place}.page_size: must be a whole number from 1 to {LARGEST_PAGE}")
            yield name, ListPaging(size, self._boolean(f"{place}.pages", given))

    def _lifetime(self, name: str) -> float | None:
        value = self._section("tokens", ("wjdh_lifetime", "security_lifetime")).get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_LIFETIME:
            self._say(f"tokens.{name}: must be a number of seconds above 0, {LONGEST_LIFETIME} at most")
            return None
        return float(value)

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

    def _boolean(self, place: str, given: Mapping[str, Any]) -> bool:
        """True where nothing is said."""
        value = given.get(place.rpartition(".")[2], True)
        if not isinstance(value, bool):
            self._say(f"{place}: must be true or false")
        return value is not False

    def _say(self, mistake: str) -> None:
        self.mistakes[mistake] = None


def _member(meant: object) -> str:
    """The name in the file of what a word means."""
    return str(meant).lower() if isinstance(meant, bool) else str(meant)
