"""Several workers that share a directory: their counts, their numbers, and event loops that are stuck."""

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from exposed import Series, parse, value

from gateway.ops.metrics import DIRECTORY, PREFIX, Metrics, worker_directory

PATIENCE = 60

COUNT = """
import asyncio, pickle, sys
metrics = pickle.loads(bytes.fromhex(sys.argv[1]))
for line in sys.stdin:
    if line == "count\\n":
        metrics.errors.labels("INTERNAL").inc(3)
        metrics.calls.labels("WJDH", "modules", "OK").observe(0.02)
        metrics.watch(metrics.watches, lambda: 7)
    metrics.beat()
    sys.stdout.write(asyncio.run(metrics.expose())[0].decode() + "# EOF\\n")
    sys.stdout.flush()
"""

Ask = Callable[[str], Series]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], tuple["subprocess.Popen[str]", Ask]]]:
    """Starts a process that is one of several workers; it answers each line with all metrics."""
    with ExitStack() as stack:

        def start() -> tuple["subprocess.Popen[str]", Ask]:
            process = subprocess.Popen(
                [sys.executable, "-c", COUNT, pickle.dumps(Metrics()).hex()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, DIRECTORY: str(tmp_path)},
            )
            stack.enter_context(process)
            stack.callback(process.kill)

            def ask(line: str) -> Series:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(line + "\n")
                process.stdin.flush()
                return parse("".join(iter(process.stdout.readline, "# EOF\n")))

            ask("begin")
            return process, ask

        yield start


def test_killed_workers_leave_counts_to_successors_and_no_gauges(start, tmp_path) -> None:
    labels = {"platform": "WJDH", "endpoint": "modules", "outcome": "OK"}
    for number in range(1, 4):
        process, ask = start()
        series = ask("scrape")
        assert value(series, "gateway_watches") == 0
        assert value(series, "process_open_fds", worker="2") is None
        series = ask("count")
        assert value(series, "gateway_watches") == 7
        assert value(series, "gateway_errors_total", code="INTERNAL") == 3 * number
        assert value(series, "gateway_upstream_call_seconds_bucket", **labels, le="0.025") == number
        process.kill()
        process.wait(PATIENCE)
    _, ask = start()
    assert value(ask("scrape"), "gateway_errors_total", code="INTERNAL") == 9

    assert len([*tmp_path.glob("counter_*.db")]) == 1
    assert [path.name for path in tmp_path.glob("worker-*")] == ["worker-1"]


def test_stuck_event_loop_of_another_worker_is_seen(start, tmp_path) -> None:
    start()
    _, ask_other = start()
    assert (value(ask_other("scrape"), "gateway_event_loop_lag_max_seconds") or 0) < 5
    then = time.time() - 10
    os.utime(tmp_path / "worker-1", (then, then))
    assert 10 <= (value(ask_other("scrape"), "gateway_event_loop_lag_max_seconds") or 0) < 10 + PATIENCE


def test_abandoned_directory_is_removed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setenv(DIRECTORY, "")
    abandoned = tmp_path / f"{PREFIX}abandoned"
    abandoned.mkdir()
    (abandoned / "command").touch()
    with worker_directory():
        first = Path(os.environ[DIRECTORY])
        assert not abandoned.exists()
        with worker_directory():
            assert first.exists()

    assert [*tmp_path.iterdir()] == []
