"""Run pytest in several processes; what failed runs once more, alone.

    python scripts/test_harness/retry.py [ARGUMENT OF PYTEST ...]

A test that fails beside others and passes alone is FLAKY: a race or a busy machine decided. It is named, added to
`.ci/flaky` by date and commit, and the run passes, with up to MOST_FLAKY of them. A test that fails twice is FAILED.
Whatever is no failed test is BROKEN, and not tried again: a file that cannot be collected, a process that dies, a run
without any test.

The last lines name them all. Suites that share a file by CI_RESULTS are one run: each appends its lines there.
Ends with 0 or 1.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from outcomes import Outcomes

MOST_FLAKY = 3

MOST_RETRIED = 20
"""Where more tests fail than these, the change is at fault and not the machine: none is tried again."""

MOST_PROCESSES = 4
"""Of the first run. PYTEST_XDIST_AUTO_NUM_WORKERS sets another number."""

RECORD = Path(".ci/flaky")

ALL_PASSED, TESTS_FAILED = 0, 1
"""The statuses with which pytest ends when every test that was selected has run."""


@dataclass
class Verdict:
    """Identifiers of the tests of a suite that did not pass at once, and in `broken` what is wrong with the run."""

    flaky: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def is_red(self) -> bool:
        return bool(self.failed or self.broken)

    def lines(self) -> list[str]:
        kinds = {"FLAKY": self.flaky, "FAILED": self.failed, "BROKEN": self.broken}
        return [f"{kind} {text}" for kind, texts in kinds.items() for text in texts]


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        verdict = judge(Path(folder), arguments)
    record_flaky(verdict.flaky)

    results = Path(os.environ.get("CI_RESULTS", os.devnull))
    earlier = results.read_text().splitlines()
    flaky = len(verdict.flaky) + sum(line.startswith("FLAKY ") for line in earlier)
    if verdict.flaky and flaky > MOST_FLAKY:
        verdict.broken.append(f"{flaky} tests are flaky, and {MOST_FLAKY} may be")

    for line in verdict.lines():
        print(line, flush=True)
    with results.open("a") as file:
        file.writelines(f"{line}\n" for line in verdict.lines())
    return int(verdict.is_red)


def judge(folder: Path, arguments: list[str]) -> Verdict:
    """Run what the arguments select, then what failed of it once more; keep what pytest writes in the folder."""
    # One process more than there are cores: tests wait a good deal.
    processes = min((os.cpu_count() or 1) + 1, MOST_PROCESSES)
    os.environ.setdefault("PYTEST_XDIST_AUTO_NUM_WORKERS", str(processes))
    # A process that died is not made anew: pytest-xdist would give it the same test, again and again.
    parallel = ["--numprocesses", "auto", "--dist", "loadfile", "--max-worker-restart", "0"]
    status, first = run_pytest(folder, [*parallel, *arguments])

    if first.broken:
        return Verdict(failed=sorted(first.failed), broken=sorted(first.broken))
    if status not in (ALL_PASSED, TESTS_FAILED):
        return Verdict(failed=sorted(first.failed), broken=[f"pytest ended with status {status}"])
    if len(first.failed) > MOST_RETRIED:
        return Verdict(failed=sorted(first.failed))
    if not first.failed:
        return Verdict()

    print(f"Once more, alone: {len(first.failed)} failed.", flush=True)
    status, second = run_pytest(folder, [*arguments, "--last-failed"])

    # What a second run leaves out, or skips, has not passed.
    flaky = first.failed & second.passed - second.failed
    verdict = Verdict(flaky=sorted(flaky), failed=sorted(first.failed - flaky), broken=sorted(second.broken))
    if status not in (ALL_PASSED, TESTS_FAILED):
        verdict.broken.append(f"pytest ended with status {status} in the second run")
    return verdict


def run_pytest(folder: Path, arguments: list[str]) -> tuple[int, Outcomes]:
    """Return the status of pytest, and the outcomes that it wrote: none if it died."""
    outcomes = folder / "outcomes.json"
    outcomes.unlink(missing_ok=True)
    options = ["-p", "outcomes", f"--outcomes={outcomes}", "-o", f"cache_dir={folder / 'cache'}"]
    path = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH"))))

    # No time-out: pytest ends each test that hangs.
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments], env=os.environ | {"PYTHONPATH": path}, check=False
    )
    return ended.returncode, Outcomes.read(outcomes) if outcomes.exists() else Outcomes()


def record_flaky(tests: list[str]) -> None:
    """Add the tests to the record, and say which of them were in it before."""
    if not tests:
        return
    recorded = RECORD.read_text() if RECORD.exists() else ""
    for test in tests:
        earlier = [line for line in recorded.splitlines() if line.endswith(f" {test}")]
        for line in earlier:
            print(f"Flaky before: {line}")

    today = datetime.now(UTC).date()
    commit = subprocess.run(
        ["git", "rev-parse", "--short=8", "HEAD"], capture_output=True, text=True, timeout=60, check=False
    )
    RECORD.parent.mkdir(exist_ok=True)
    with RECORD.open("a") as file:
        file.writelines(f"{today} {commit.stdout.strip() or '-'} {test}\n" for test in tests)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
