"""What settings are read from, and what is wrong with it.

A line of a file of variables is `NAME=VALUE`, blank, or a comment that begins with `#`. Quotes around a whole value are
left out; nothing else in a value is special, so that it means the same to Docker and systemd. Libraries read more into
values (python-dotenv: escapes in quotes, `#` behind a blank, and `${NAME}`), which is a trap for secrets.
"""

import os
import re
import stat
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from gateway.wording.settings import THE_FILE, Mistake, reason

T = TypeVar("T")
P = ParamSpec("P")

PREFIX = "GATEWAY_"

ENV_FILE = "GATEWAY_ENV_FILE"  # has the paths of all files of variables, also those of `--env-file`

DEPLOYED = Path("/etc/wanjia-gateway/gateway.env")  # of a deployment: commands find it by themselves

_LINE = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


class SettingsError(Exception):
    """The settings cannot be used. `args`: a sentence for each mistake, which names the variable, never its value."""

    def __str__(self) -> str:
        return "\n".join(self.args)


class StartError(Exception):
    """The settings can be used, but the gateway cannot start with them now. The message says why."""


class Mistakes:
    """Collects what is wrong with settings, so that all of it is reported at once."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def attempt(self, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `read` returns. Its SettingsError is kept: until `check` has returned, this may be None."""
        try:
            return read(*args, **kwargs)
        except SettingsError as error:
            self.add(*error.args)
            return cast(T, None)

    def add(self, *mistakes: str) -> None:
        self._found |= dict.fromkeys(mistakes)

    def check(self) -> None:
        """Raises SettingsError with all that was collected."""
        if self._found:
            raise SettingsError(*self._found)


def read_file(variable: str, path: Path, name: str = THE_FILE) -> str:
    """The text of a file that this variable names. Raises SettingsError, which calls the file by the name."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsError(Mistake.UNREADABLE(variable, name=name, reason=reason(error))) from None
    except UnicodeDecodeError:
        raise SettingsError(Mistake.NO_TEXT(variable, name=name)) from None


def find_deployed(environ: MutableMapping[str, str]) -> None:
    """Name the file of the deployment, unless one is named, or none on purpose (the variable is there and empty).

    A file that this user may not see counts as there: to go on without it would be to use other settings.
    """
    if ENV_FILE not in environ:
        try:
            is_there = bool(DEPLOYED.stat())
        except OSError as error:
            is_there = not isinstance(error, FileNotFoundError | NotADirectoryError)
        environ[ENV_FILE] = str(DEPLOYED) if is_there else ""


def read_sources(environ: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """The variables by where they stand: each file, then `environment`, without what it has empty and a file has too.

    Of several the last one that has a name decides. Raises SettingsError with every mistake.
    """
    found: dict[str, Mapping[str, str]] = {}
    mistakes = Mistakes()
    for path in env_files(environ):
        found[str(path)] = mistakes.attempt(_read_env_file, path, mistakes)
    mistakes.check()
    in_files = set().union(*found.values())
    own = {name: value for name, value in environ.items() if value.strip() or name not in in_files}
    return found | {"environment": own}


def read_environment(environ: Mapping[str, str]) -> Mapping[str, str]:
    """`environ`, and what the files that it names have instead of it. Raises SettingsError with every mistake."""
    return {name: value for variables in read_sources(environ).values() for name, value in variables.items()}


def export_others(environ: MutableMapping[str, str]) -> None:
    """Set the variables of the files that are no settings, such as PGPASSWORD: libraries read them by themselves."""
    environ.update({name: it for name, it in read_environment(environ).items() if not name.startswith(PREFIX)})


def env_files(environ: Mapping[str, str]) -> list[Path]:
    return [Path(path) for path in environ.get(ENV_FILE, "").strip().split(os.pathsep) if path]


def is_deployed(environ: Mapping[str, str]) -> bool:
    return DEPLOYED in env_files(environ)


def file_doubts(environ: Mapping[str, str]) -> list[str]:
    """That the file of a deployment is used, which nobody may have named, and which files every user can read."""
    exposed = [path for path in env_files(environ) if path.stat().st_mode & stat.S_IROTH]
    used = [Mistake.DEPLOYED(path=DEPLOYED)] if is_deployed(environ) else []
    return [*used, *(Mistake.EXPOSED(ENV_FILE, path=path) for path in exposed)]


def _read_env_file(path: Path, mistakes: Mistakes) -> dict[str, str]:
    """A mistake names the line, never a value. Raises SettingsError where the file cannot be read."""
    read: dict[str, str] = {}
    for number, line in enumerate(read_file(ENV_FILE, path, str(path)).splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        where, match = Mistake.LINE(ENV_FILE, path=path, number=number), _LINE.fullmatch(text)
        name, value = (match[1], match[2].strip()) if match else ("", "")
        is_quoted = value.startswith(("'", '"'))
        if not name:
            mistakes.add(Mistake.NO_VARIABLE(where))
        elif name == ENV_FILE:
            mistakes.add(Mistake.NAMES_FILES(where))
        elif is_quoted and (len(value) == 1 or value[0] != value[-1]):
            mistakes.add(Mistake.OPEN_QUOTE(where, name=name))
        else:
            read[name] = value[1:-1] if is_quoted else value
    return read
