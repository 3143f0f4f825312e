"""The worked walks of CONTRIBUTING.md fit the code: applied to a copy of it, they give the schema they promise."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

DIFF = re.compile(r"^```diff\n\+\+\+ (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEW_FILE = re.compile(r"^```python\n# new: (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def apply(heading: str, tree: Path) -> tuple[set[str], int]:
    """Carry out the chapter in a copy of the code. The files that it touches, and how many lines it adds."""
    chapter = GUIDE.split(f"## {heading}\n")[1].split("\n## ")[0]
    files, added = set(), 0
    for name, text in NEW_FILE.findall(chapter):
        assert not (tree / name).exists()
        (tree / name).write_text(text, encoding="utf-8")
        files.add(name)
        added += text.count("\n")
    for name, hunks in DIFF.findall(chapter):
        text = (tree / name).read_text(encoding="utf-8")
        for hunk in hunks.split("@@\n")[1:]:
            lines = hunk.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] != "+")
            assert text.count(before) == 1, f"{name} has another text than\n{before}"
            text = text.replace(before, "".join(line[1:] for line in lines if line[0] != "-"))
            added += sum(line[0] == "+" for line in lines)
        (tree / name).write_text(text, encoding="utf-8")
        files.add(name)
    return files, added


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("gateway", "schema"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def print_schema(tree: Path) -> str:
    """What the code of this tree prints as its schema; it has no undefined name."""
    ruff = Path(sys.executable).with_name("ruff")
    subprocess.run([ruff, "check", "--no-cache", "--quiet", "gateway", "schema"], cwd=tree, check=True, timeout=120)
    command = [sys.executable, "-m", "gateway", "schema"]
    return subprocess.run(
        command, cwd=tree, check=True, capture_output=True, text=True, encoding="utf-8", timeout=120
    ).stdout


def test_walk_of_a_field_fits_the_code(tree: Path) -> None:
    files, added = apply("Add a field that a platform starts to send", tree)

    assert len(files) <= 4
    assert added <= 25
    assert re.search(r"^type Repair implements Node .*?^  urgency: RepairUrgency$", print_schema(tree), re.M | re.S)


def test_walk_of_a_list_fits_the_code(tree: Path) -> None:
    files, _added = apply("Add a list endpoint", tree)

    assert len(files) <= 8
    schema = print_schema(tree)
    for parent, field in (
        ("Query", "complaint"),
        ("Query", "complaints"),
        ("Community", "complaints"),
        ("CommunitySummary", "openComplaints"),
        ("Subscription", "complaintEvents"),
    ):
        [fields] = re.findall(rf"^type {parent}\b.*?^}}", schema, re.M | re.S)
        assert re.search(rf"^  {field}\b", fields, re.M), f"{parent}.{field}"
