"""`scripts/test_harness/retry.py`, over suites of its own: its verdict on tests that fail once, twice or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT
from programs import run

pytestmark = pytest.mark.slow

RETRY = ROOT / "scripts" / "test_harness" / "retry.py"

PASSES = "def test_passes(): pass\n"
FAILS = "def test_fails(): assert False\n"
FAILS_ONCE = """
import pathlib, pytest
@pytest.mark.parametrize("number", range({count}))
def test_once(number):
    been = pathlib.Path(f"been-{{number}}")
    assert been.exists() or been.touch()
"""
FAILS_ITS_TEARDOWN = """
import pytest
@pytest.fixture
def broken():
    yield
    assert False
def test_torn_down(broken): pass
"""
SKIPS_THE_SECOND_TIME = """
import pathlib, pytest
def test_skips():
    if pathlib.Path("been").exists():
        pytest.skip()
    assert pathlib.Path("been").touch()
"""
DIES = "import os\ndef test_dies(): os._exit(1)\n"
CANNOT_BE_COLLECTED = "import nothing_of_this_name\n"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "-q"\ntestpaths = ["tests"]\n')
    (tests / "conftest.py").touch()  # pytest sorts its plugins where a folder has one
    (tests / "test_passes.py").write_text(PASSES)
    return tmp_path


def retry(suite: Path, *arguments: str, status: int, **environ: str) -> subprocess.CompletedProcess[str]:
    """What the program prints over a suite; with one process and few plugins, as these take most of the time."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI_"))}
    quick = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_XDIST_AUTO_NUM_WORKERS": "1"}
    return run(sys.executable, RETRY, "-p", "xdist", *arguments, cwd=suite, env=clean | quick | environ, status=status)


def verdict(printed: str) -> list[str]:
    return [line for line in printed.splitlines() if line.startswith(("FLAKY ", "FAILED ", "BROKEN "))]


def recorded(suite: Path) -> list[str]:
    """The identifiers of tests in the record of flaky ones."""
    record = suite / ".ci" / "flaky"
    return [line.split(maxsplit=2)[2] for line in record.read_text().splitlines()] if record.exists() else []


def test_passing_suite_runs_once(suite: Path) -> None:
    ended = retry(suite, status=0)
    assert verdict(ended.stdout) == []
    assert ended.stdout.count("1 passed") == 1
    assert recorded(suite) == []


def test_failing_twice_is_failed(suite: Path) -> None:
    (suite / "tests" / "test_fails.py").write_text(FAILS)
    ended = retry(suite, status=1)
    assert verdict(ended.stdout)[-1:] == ["FAILED tests/test_fails.py::test_fails"]
    assert "bringing up nodes" not in ended.stdout.partition("Once more, alone: 1 failed.")[2]
    assert recorded(suite) == []


def test_failing_once_is_flaky_and_recorded(suite: Path) -> None:
    (suite / "tests" / "test_once.py").write_text(FAILS_ONCE.format(count=1))
    ended = retry(suite, status=0)
    assert verdict(ended.stdout)[-1:] == ["FLAKY tests/test_once.py::test_once[0]"]
    assert recorded(suite) == ["tests/test_once.py::test_once[0]"]


def test_flaky_again_is_said_with_the_time_before(suite: Path) -> None:
    (suite / "tests" / "test_once.py").write_text(FAILS_ONCE.format(count=1))
    (suite / ".ci").mkdir()
    (suite / ".ci" / "flaky").write_text("2026-12-01 c4bcaaf1 tests/test_once.py::test_once[0]\n")
    ended = retry(suite, status=0)
    assert "Flaky before: 2026-12-01 c4bcaaf1 tests/test_once.py::test_once[0]\n" in ended.stdout
    assert len(recorded(suite)) == 2


@pytest.mark.parametrize(("count", "status"), [(3, 0), (4, 1)])
def test_more_than_three_flaky_tests_are_red(suite: Path, count: int, status: int) -> None:
    (suite / "tests" / "test_once.py").write_text(FAILS_ONCE.format(count=count))
    ended = retry(suite, status=status)
    assert len(recorded(suite)) == count
    assert ("BROKEN 4 tests are flaky, and 3 may be" in ended.stdout) is (count == 4)


def test_suites_of_one_run_share_three_flaky_tests(suite: Path) -> None:
    (suite / "tests" / "test_once.py").write_text(FAILS_ONCE.format(count=1))
    earlier = suite / "results"
    earlier.write_text("FLAKY a\nFLAKY b\nFLAKY c\n")
    retry(suite, status=1, CI_RESULTS=str(earlier))
    assert earlier.read_text().splitlines()[3:] == [
        "FLAKY tests/test_once.py::test_once[0]",
        "BROKEN 4 tests are flaky, and 3 may be",
    ]


def test_flaky_test_does_not_hide_a_failed_one(suite: Path) -> None:
    (suite / "tests" / "test_once.py").write_text(FAILS_ONCE.format(count=1))
    (suite / "tests" / "test_fails.py").write_text(FAILS)
    ended = retry(suite, status=1)
    assert verdict(ended.stdout)[-2:] == [
        "FLAKY tests/test_once.py::test_once[0]",
        "FAILED tests/test_fails.py::test_fails",
    ]


@pytest.mark.parametrize(
    ("text", "test"),
    [(FAILS_ITS_TEARDOWN, "test_torn_down"), (SKIPS_THE_SECOND_TIME, "test_skips")],
    ids=["failing teardown", "skipped the second time"],
)
def test_what_never_passes_whole_is_failed(suite: Path, text: str, test: str) -> None:
    (suite / "tests" / "test_it.py").write_text(text)
    assert verdict(retry(suite, status=1).stdout)[-1:] == [f"FAILED tests/test_it.py::{test}"]


@pytest.mark.parametrize(
    ("text", "broken"),
    [(DIES, "tests/test_it.py::test_dies"), (CANNOT_BE_COLLECTED, "tests/test_it.py")],
    ids=["a process that dies", "a file that cannot be collected"],
)
def test_what_is_no_failed_test_is_broken_at_once(suite: Path, text: str, broken: str) -> None:
    (suite / "tests" / "test_it.py").write_text(text)
    ended = retry(suite, status=1)
    assert verdict(ended.stdout)[-1:] == [f"BROKEN {broken}"]
    assert "Once more" not in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "status"), [(("-k", "nothing"), 5), (("--no-such-option",), 4)], ids=["no test", "wrong usage"]
)
def test_run_without_tests_is_broken(suite: Path, arguments: tuple[str, ...], status: int) -> None:
    ended = retry(suite, *arguments, status=1)
    assert verdict(ended.stdout) == [f"BROKEN pytest ended with status {status}"]


def test_many_failures_are_not_tried_again(suite: Path) -> None:
    (suite / "tests" / "test_once.py").write_text(FAILS_ONCE.format(count=21))
    ended = retry(suite, status=1)
    assert "Once more" not in ended.stdout
    assert len([line for line in verdict(ended.stdout) if line.endswith("]")]) == 21
