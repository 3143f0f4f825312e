"""Reads what a deployment says of itself: its profile, the TOML file that `GATEWAY_PROFILE` names (docs/profile.md),
and its communities (`GATEWAY_COMMUNITIES`).
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from gateway.entities import LISTS
from gateway.env_file import read_file
from gateway.normalise.observation import TYPES
from gateway.normalise.people import DOCUMENTED_KEYS
from gateway.normalise.records import Field, declared_fields
from gateway.normalise.table import ROWS
from gateway.normalise.values import code_problem, is_code
from gateway.normalise.vocabulary import CLOSED_LISTS, PlatformName
from gateway.normalise.wire import AS_DOCUMENTED, NO_PROFILE, ListPaging, Profile
from gateway.settings import Communities, Mistakes, Settings, SettingsError, YesNo, convert, guess
from gateway.wording.language import at, known
from gateway.wording.settings import Mistake
from gateway.wording.wording import Noun

VARIABLE, COMMUNITIES = "GATEWAY_PROFILE", "GATEWAY_COMMUNITIES"
LARGEST_PAGE = 1000
LONGEST_WORD = 100
LONGEST_LIFETIME = 2_000_000
LONGEST_NAME = 64


_TEXT = Annotated[str, msgspec.Meta(max_length=LONGEST_WORD, pattern=r"(?s)\A\S(.*\S)?\Z")]
_TEXT_LIST = f"a list of texts without blanks around them, {LONGEST_WORD} characters at most"
_TEXTS = Annotated[tuple[_TEXT, ...], msgspec.Meta(description=_TEXT_LIST)]
_SIZE = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_PAGE, description=f"a whole number from 1 to {LARGEST_PAGE}")]
_LIFETIME = f"a number of seconds above 0, {LONGEST_LIFETIME} at most"
_SECONDS = Annotated[float, msgspec.Meta(gt=0, le=LONGEST_LIFETIME, description=_LIFETIME)]


def _fields(name: str) -> dict[str, Field]:
    """The fields of a record that have a key, by their paths."""
    record: type = ROWS[name].record
    return {field.path: field for field in declared_fields(record).values() if field.keys}


def _declared() -> dict[str, Any]:
    """What a profile may say: by name a value, or what a table may say in turn; under `...` that of any name."""
    return {
        "words": {name: dict.fromkeys(words, _TEXTS) for name, words in CLOSED_LISTS.items()},
        "modules": {"others": _TEXTS},
        "keys": {name: dict.fromkeys(_fields(name), _TEXTS) for name in ROWS},
        "seen": {name: {...: _TEXTS} for name in ROWS},
        "lists": {
            each.endpoint.name: {"page_size": _SIZE} | ({} if each.page_size is None else {"pages": YesNo})
            for each in LISTS
        },
        "not_found": {"wordings": _TEXTS},
        "tokens": {f"{platform.lower()}_lifetime": _SECONDS for platform in PlatformName},
        "reviews": {"refuse_reasons": YesNo},
    }


def read_profile(settings: Settings) -> Profile:
    """Of the file that the settings name; an empty one without a file. Raises SettingsError with every mistake."""
    if not settings.profile:
        return NO_PROFILE
    try:
        return parse_profile(tomllib.loads(read_file(VARIABLE, Path(settings.profile))))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(Mistake.NO_TOML(VARIABLE, error=error)) from None


def parse_profile(document: Mapping[str, Any]) -> Profile:
    """Of the content of the file. Raises SettingsError: each mistake begins with its place in the file."""
    mistakes = _Mistakes()
    declared = _declared()
    said = {name: {} for name in declared} | mistakes.find("", document, declared)
    words, keys, seen = said["words"], said["keys"], said["seen"]
    if others := said["modules"].get("others"):
        modules = words.setdefault("ModuleName", {})
        modules["UNRECOGNIZED"] = (*modules.get("UNRECOGNIZED", ()), *others)
    mistakes.find_in_words(words)
    mistakes.find_in_keys(keys)
    for record, types in seen.items():
        for key in types:
            mistakes.find(f"seen.{record}.{key}.", dict.fromkeys(types[key]), dict.fromkeys(TYPES, Any))
    mistakes.check()
    return Profile(
        words=words,
        keys=keys,
        seen=seen,
        lists={name: ListPaging(**paging) for name, paging in said["lists"].items()},
        not_found=said["not_found"].get("wordings", ()),
        token_lifetimes={it: time for it in PlatformName if (time := said["tokens"].get(f"{it.lower()}_lifetime"))},
        refuse_reasons=said["reviews"].get("refuse_reasons", True),
    )


class _Mistakes(Mistakes):
    """Finds what is wrong in a profile."""

    def say(self, place: str, mistake: str) -> None:
        self.add(at(at(VARIABLE, place), mistake))

    def find(self, prefix: str, table: Mapping[str, Any], declared: Mapping[Any, Any]) -> dict[str, Any]:
        """What a table says that may be said there."""
        said: dict[str, Any] = {}
        for name, value in table.items():
            place, below = f"{prefix}{name}", declared.get(name, declared.get(...))
            if below is None:
                self.say(place, Mistake.NO_NAME(guess=guess(name, declared, 0.6)))
            elif not isinstance(below, dict):
                try:
                    said[name] = convert(value, below)
                except ValueError as error:
                    self.say(place, Mistake.MUST_BE(what=known(str(error))))
            elif isinstance(value, dict):
                said[name] = self.find(f"{place}.", value, below)
            else:
                self.say(place, Mistake.MUST_BE(what=known("a table")))
        return said

    def find_in_words(self, words: Mapping[str, Mapping[str, tuple[str, ...]]]) -> None:
        """Words that mean something else already."""
        for name, spelt in words.items():
            by_wire: Mapping[object, object] = CLOSED_LISTS[name].by_wire
            meanings = {word: str(meant).lower() if type(meant) is bool else meant for word, meant in by_wire.items()}
            for member, spelling in [(member, spelling) for member, texts in spelt.items() for spelling in texts]:
                if (other := meanings.setdefault(spelling, member)) != member:
                    self.say(f"words.{name}.{member}", Mistake.MEANS(word=repr(spelling), other=other))

    def find_in_keys(self, by_record: Mapping[str, Mapping[str, tuple[str, ...]]]) -> None:
        """Keys of another field, or of personal data that this one is not masked as."""
        for record, given in by_record.items():
            fields = _fields(record)
            taken = {key: field.path for key, field in AS_DOCUMENTED.table(ROWS[record]).fields.items()}
            for path, key in [(path, key) for path, keys in given.items() for key in keys]:
                place = f"keys.{record}.{path}"
                if taken.setdefault(key, path) != path or given[path].count(key) > 1:
                    self.say(place, Mistake.KEY_TAKEN(key=repr(key)))
                if (kind := DOCUMENTED_KEYS.get(key.lower())) not in (None, fields[path].pii):
                    self.say(place, Mistake.PERSONAL(key=repr(key), kind=str(kind)))


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
        problems: list[str] = [problem(field=Noun("the code", "小区标识"))] if (problem := code_problem(code)) else []
        if equals and not (1 <= len(name) <= LONGEST_NAME and name.isprintable() and "=" not in name):
            problems.append(Mistake.NAME(max=LONGEST_NAME))
        if code in names:
            problems.append(Mistake.CODE_TWICE())
        if not problems:
            names[code] = name or None
        where = at(COMMUNITIES, Mistake.ENTRY(number=number) if is_list else Mistake.FILE_LINE(number=number))
        mistakes.add(*[at(where, it) for it in problems])
    mistakes.check()
    return names
