"""`docs/settings.md` is complete and true: every setting, its default, and nothing else."""

import re
from pathlib import Path

import msgspec

from gateway.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")

TEST_SETTINGS = {"GATEWAY_TEST_DATABASE_URL"}
"""Read by the tests alone."""

MENTIONS = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "Dockerfile", *sorted((ROOT / "docs").rglob("*.md"))]

ROW = re.compile(r"^\| `(GATEWAY_[A-Z0-9_]+)` \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
NAME = re.compile(r"GATEWAY_[A-Z0-9_]*[A-Z0-9]")


def known() -> dict[str, msgspec.structs.FieldInfo]:
    return {PREFIX + field.name.upper(): field for field in msgspec.structs.fields(Settings)}


def documented_default(default: object) -> str | None:
    """As the page writes it; None where it says it in words."""
    match default:
        case "" | ():
            return "none"
        case None:
            return None
        case bool():
            return f"`{str(default).lower()}`"
        case float():
            return f"`{default:g}`"
        case tuple():
            return f"`{' '.join(default)}`"
        case _:
            return f"`{default}`"


LIBPQ_VARIABLES = {"PGPASSWORD", "PGSSLROOTCERT"}
"""Read with GATEWAY_DATABASE_URL."""


def test_every_setting_is_documented_once_and_no_other() -> None:
    assert sorted(name for name, *_ in ROW.findall(PAGE)) == sorted(known())


def test_documented_defaults_are_correct() -> None:
    shown = {name: default for name, _, default, _ in ROW.findall(PAGE)}
    real = {name: documented_default(field.default) for name, field in known().items()}
    assert {name: shown[name] for name in real if real[name] is not None} == {
        name: default for name, default in real.items() if default is not None
    }


def test_production_example_names_existing_settings() -> None:
    (example,) = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)
    assert {line.partition("=")[0] for line in example.splitlines()} <= set(known()) | LIBPQ_VARIABLES


def test_pages_mention_existing_settings_only() -> None:
    exist = set(known()) | TEST_SETTINGS
    unknown = {
        (path.name, name)
        for path in MENTIONS
        for name in NAME.findall(path.read_text(encoding="utf-8"))
        if name not in exist and not any(setting.startswith(f"{name}_") for setting in exist)
    }
    assert unknown == set()
