"""The contributor's kit: lock, setup, commit hooks and quick tests agree with CI."""

import re
import tomllib
from pathlib import Path
from pkgutil import resolve_name

import yaml
from packaging.requirements import Requirement
from pages import ROOT, read_text

LOCK = read_text(ROOT / "requirements.lock")
PROJECT = tomllib.loads(read_text(ROOT / "pyproject.toml"))


def test_single_lock_pins_all_with_hashes_and_no_host() -> None:
    assert [path.name for path in ROOT.glob("*.lock")] == ["requirements.lock"]
    pins = re.findall(r"^[\w.-]+(==)?[^\n]*\\\n    --hash=sha256:", LOCK, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^\w", LOCK, re.MULTILINE)) > 90
    assert set(pins) == {"=="}
    assert "://" not in LOCK


def test_setup_checks_hashes_of_all_but_the_project() -> None:
    installs = [line for line in read_text(ROOT / "scripts" / "setup").splitlines() if " install " in line]
    assert len(installs) == 3
    assert [line for line in installs if "--require-hashes" not in line] == [installs[-1]]
    assert "--no-deps --no-build-isolation -e ." in installs[-1]


def test_libraries_with_subclassed_internals_are_bounded() -> None:
    """The connections of the gateway subclass private classes of these, which may change in any minor version."""
    required = {requirement.name: requirement for requirement in map(Requirement, PROJECT["project"]["dependencies"])}
    unbounded = [name for name in ("httptools", "uvicorn", "websockets") if "<" not in str(required[name].specifier)]
    assert unbounded == []


def test_commit_hooks_equal_scripts_check() -> None:
    hooks, check = read_text(ROOT / ".pre-commit-config.yaml"), read_text(ROOT / "scripts" / "check")
    tool = r"\.venv/bin/(?!pre-commit)[\w-]+(?: check| format)?"
    hooked = re.findall(rf"entry: ({tool})", hooks)
    assert sorted(hooked) == sorted(re.findall(rf"^(?:check|layers).*?({tool})", check, re.MULTILINE))


GOOD = ["lists: bring `last` back", "fixup! read path: merge loaders", "tests: " + 65 * "x"]
BAD = [
    *("tests: " + 66 * "x", "lists: merge; docs: say so", "Merge branch 'lists'", "lists:"),
    *(f"lists: {word} communities" for word in ("Merge", "merged", "merging")),
]


def test_commit_subject_is_checked(tmp_path: Path) -> None:
    hooks = yaml.safe_load(read_text(ROOT / ".pre-commit-config.yaml"))["repos"][0]["hooks"]
    [hook] = [hook for hook in hooks if hook.get("stages") == ["commit-msg"]]
    message, grep = tmp_path / "message", resolve_name("pre_commit.languages.pygrep:main")
    for subject in (*GOOD, *BAD):
        message.write_text(f"{subject}\n\nWhy: this; and that.\n")
        assert (grep([*hook["args"], hook["entry"], str(message)]) == 0) is (subject in GOOD), subject


def test_packages_ship_their_types() -> None:
    assert [name for name in ("gateway", "schema") if not (ROOT / name / "py.typed").exists()] == []


def test_blame_file_lists_whole_hashes() -> None:
    lines = read_text(ROOT / ".git-blame-ignore-revs").splitlines()
    assert all(re.fullmatch(r"#.*|[0-9a-f]{40}", line) for line in lines)
