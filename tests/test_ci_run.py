"""`.ci/run`, with steps of its own, and what it prints at its end."""

import os
import re
import shutil
from pathlib import Path

import pytest
from pages import ROOT
from programs import run

pytestmark = pytest.mark.slow

STEPS = {
    "audit": "exit 1",
    "check": 'echo "FAILED mypy" >> "$CI_RESULTS"; exit 1',
    "tests": 'echo "FLAKY tests/test_it.py::test_once" >> "$CI_RESULTS"',
    "demo": "echo shown; cat",
    "oldest": "sleep 60",
}


@pytest.fixture
def ci_run(tmp_path: Path) -> Path:
    (tmp_path / ".ci" / "steps").mkdir(parents=True)
    for name, line in STEPS.items():
        (tmp_path / ".ci" / "steps" / name).write_text(f"{line}\n")
    return Path(shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run"))


def last_lines(printed: str) -> list[str]:
    """The table and what is below it, with 0 for the seconds that each step took."""
    _, _, end = printed.rpartition("\n\n")
    return re.sub(r"\d+ s(?= |$)", "0 s", end, flags=re.MULTILINE).splitlines()


def test_all_steps_run_and_a_table_names_the_red_ones(ci_run: Path) -> None:
    ended = run("bash", ci_run, env=os.environ | {"CI_LIMIT": "2"}, status=1)
    assert "=== demo\nshown\n" in ended.stdout
    assert last_lines(ended.stdout) == [
        "audit    RED       0 s  status 1",
        "check    RED       0 s  status 1",
        "tests    green     0 s",
        "demo     green     0 s",
        "oldest   RED       0 s  ended by the limit of 0 s that .ci/run sets to all steps together",
        "all      RED       0 s",
        "FAILED mypy",
        "FLAKY tests/test_it.py::test_once",
    ]


def test_flaky_test_does_not_make_a_run_red(ci_run: Path) -> None:
    ended = run("bash", ci_run, "tests", "demo")
    assert last_lines(ended.stdout) == [
        "tests    green     0 s",
        "demo     green     0 s",
        "all      green     0 s",
        "FLAKY tests/test_it.py::test_once",
    ]


def test_limit_leaves_no_time_for_later_steps(ci_run: Path) -> None:
    ended = run("bash", ci_run, "oldest", "demo", env=os.environ | {"CI_LIMIT": "1"}, status=1)
    assert "shown" not in ended.stdout
    assert [line.split()[1] for line in last_lines(ended.stdout)] == ["RED", "RED", "RED"]


def test_limit_is_just_below_that_of_ci() -> None:
    [limit] = re.findall(r"CI_LIMIT:-(\d+)", (ROOT / ".ci" / "run").read_text())
    assert 85 * 60 <= int(limit) < 90 * 60


def test_each_step_has_a_script_and_each_script_is_a_step() -> None:
    [steps] = re.findall(r"steps=\(([a-z ]+)\)", (ROOT / ".ci" / "run").read_text())
    assert sorted(steps.split()) == sorted(path.name for path in (ROOT / ".ci" / "steps").iterdir())
