"""Files of variables: `--env-file`, or `GATEWAY_ENV_FILE`, which has the paths of all of them.

A line is `NAME=VALUE`, blank, or a comment that begins with `#`. Quotes around a whole value are left out; nothing else
in a value is special: no variables, no escapes, no comments behind it. So what Docker and systemd read from a file,
without anything special to them, means the same here. Libraries read more into values (python-dotenv: escapes in
quotes, `#` behind a blank, and unless told otherwise `${NAME}`), which is a trap for secrets.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

from gateway.mistakes import SettingsError

VARIABLE = "GATEWAY_ENV_FILE"

_LINE = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_PREFIX = "GATEWAY_"


def read_environment(environ: Mapping[str, str]) -> Mapping[str, str]:
    """`environ`, with what the files that it names say of variables that it has not, or has empty.

    Of several files the last one that has a name decides. Raises SettingsError with every mistake.
    """
    named = environ.get(VARIABLE, "").strip()
    if not named:
        return environ
    read: dict[str, str] = {}
    mistakes: list[str] = []
    for path in filter(None, named.split(os.pathsep)):
        mistakes += _read_file(Path(path), read)
    if mistakes:
        raise SettingsError(*mistakes)
    return read | {name: value for name, value in environ.items() if value.strip() or name not in read}


def exposed_files(environ: Mapping[str, str]) -> list[str]:
    """A sentence for each file that every user of the machine can read: it has secrets in it."""
    named = environ.get(VARIABLE, "").strip().split(os.pathsep)
    exposed = [path for path in named if path and os.stat(path).st_mode & stat.S_IROTH]
    return [f"{VARIABLE}: every user of this machine can read {path} (chmod 600)" for path in exposed]


def export_others(environ: MutableMapping[str, str]) -> None:
    """Set the variables of the files that are no settings, such as PGPASSWORD: libraries read them by themselves."""
    for name, value in read_environment(environ).items():
        if not name.startswith(_PREFIX):
            environ[name] = value


def _read_file(path: Path, into: dict[str, str]) -> Iterator[str]:
    """Yields what is wrong with the file, never a value."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        yield f"{VARIABLE}: {path} cannot be read: {error.strerror}"
        return
    except UnicodeDecodeError:
        yield f"{VARIABLE}: {path} must be UTF-8"
        return
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            yield f"{VARIABLE}: {path}, line {number}: must be NAME=VALUE, a comment that begins with #, or blank"
        elif match[1] == VARIABLE:
            yield f"{VARIABLE}: {path}, line {number}: a file cannot name others"
        elif (value := _unquoted(match[2].strip())) is None:
            yield f"{VARIABLE}: {path}, line {number}: {match[1]}: the quote that opens does not close"
        else:
            into[match[1]] = value


def _unquoted(value: str) -> str | None:
    """Without the quotes around the whole value; None where it begins with one and does not end with it."""
    if value[:1] not in ("'", '"'):
        return value
    return value[1:-1] if len(value) > 1 and value.endswith(value[0]) else None
