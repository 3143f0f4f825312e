"""`gateway settings`: what is in force, and where it stands."""

import re
import sys
from collections.abc import Iterator, Mapping

import msgspec

from gateway.contact.check import require_usable
from gateway.env_file import DEPLOYED, PREFIX, read_sources
from gateway.settings import Settings
from gateway.wording.language import say, to_table

MASK = "***"
PATHS = ("PGSSLROOTCERT", "SSL_CERT_DIR", "SSL_CERT_FILE")  # of the variables that are no settings

_SECRET = re.compile(r"_(SECRET|KEY)(_(?!FILE)|$)")
_PASSWORD = re.compile(r"(?<=://)([^:@/?#]*):.*@")
_PARAMETER = re.compile(r"(?i)([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*")


def print_settings(settings: Settings, environ: Mapping[str, str]) -> int:
    """A line for each setting, and for each other variable of the files: its name, where it stands, its value.

    Returns 0. Raises SettingsError with what `gateway serve` would refuse.
    """
    require_usable(settings)
    lines = [[name, say(source), value] for name, source, value in _lines(settings, environ)]
    sys.stdout.write(to_table(lines) + "\n")
    return 0


def _lines(settings: Settings, environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    said: dict[str, tuple[str, str]] = {}
    for source, variables in read_sources(environ).items():
        said |= {name: (source, value.strip()) for name, value in variables.items()}
    mode = settings.trusted_documents_mode or ("require" if settings.trusted_documents else "off")
    derived = {"explorer": settings.shows_explorer, "access_log": settings.writes_access_log}
    in_force = msgspec.structs.asdict(settings) | derived | {"trusted_documents_mode": mode}
    for field, value in in_force.items():
        name = PREFIX + field.upper()
        source, text = said.pop(name, ("", ""))
        shown = " ".join(value) if isinstance(value, tuple) else str(value)
        shown = shown.lower() if isinstance(value, bool) else shown
        yield name, source if text and text != str(DEPLOYED) else "default", _mask(name, shown)
    for name, (source, text) in sorted(said.items()):
        if name in (*PATHS, "PGPASSWORD") or not (source == "environment" or name.startswith(PREFIX)):
            yield name, source, text if name in PATHS else MASK


def _mask(name: str, value: str) -> str:
    """The value of a setting without secrets: all of one that is a secret, and passwords within a URL."""
    if value and _SECRET.search(name):
        return MASK
    return _PARAMETER.sub(rf"\1{MASK}", _PASSWORD.sub(rf"\1:{MASK}@", value)) or "-"
