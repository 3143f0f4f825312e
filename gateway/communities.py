"""The communities that the settings name: their codes, in order, and their names (`GATEWAY_COMMUNITIES`)."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway.normalise.plausible import code_problem
from gateway.normalise.values import is_code
from gateway.settings import Mistakes, Settings, SettingsError

VARIABLE = "GATEWAY_COMMUNITIES"

LONGEST_NAME = 64

_FULL_WIDTH_COMMA = re.compile(r"，(?=\s*[0-9A-Za-z]+\s*(?:[=,，]|$))")
"""One that an entry follows, of an input method: others are part of a name."""

Communities = Mapping[str, str | None]
"""The name of each community by its code, in the order of the setting; None where none is set. Empty: not set."""


def read_communities(settings: Settings) -> Communities:
    """From the setting, or from the file that it names. Raises SettingsError with every mistake."""
    text = _FULL_WIDTH_COMMA.sub(",", settings.communities)
    is_list = "=" in text or "," in text or is_code(text)
    entries = text.split(",") if is_list or not text else _read_lines(Path(text))
    names: dict[str, str | None] = {}
    mistakes = Mistakes()
    for number, entry in enumerate(entries, 1):
        code, equals, name = (part.strip() for part in entry.partition("="))
        if not code and not equals:
            continue
        with mistakes.collect():
            problems = [*_problems(code, bool(equals), name), *(["repeats a code"] if code in names else [])]
            if problems:
                where = f"entry {number}" if is_list else f"line {number}"
                raise SettingsError(*[f"{VARIABLE}: {where}: {problem}" for problem in problems])
            names[code] = name or None
    mistakes.check()
    return names


def _problems(code: str, is_named: bool, name: str) -> Iterator[str]:
    problem = code_problem(code)
    if problem is not None:
        yield problem(field="the code")
    if is_named and not (1 <= len(name) <= LONGEST_NAME and name.isprintable() and "=" not in name):
        yield f"a name has 1 to {LONGEST_NAME} printable characters, none of them = or a comma"


def _read_lines(path: Path) -> list[str]:
    """Lines that begin with # are comments. Raises SettingsError."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise SettingsError(f"{VARIABLE}: the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{VARIABLE}: the file must be UTF-8") from None
    return ["" if line.lstrip().startswith("#") else line for line in lines]
