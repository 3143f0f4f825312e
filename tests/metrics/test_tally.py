"""Tallies in files: read by others, kept when their process ends, and folded."""

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.ops.event_loop import LARGEST_LAG, note_stuck_loops
from gateway.ops.exposition import to_metrics
from gateway.ops.metrics import Metrics
from gateway.ops.tally import CELLS, Family, Snapshot, Tally
from gateway.ops.worker_tallies import PREFIX, WorkerTallies, shared_directory

HITS = Family("hits_total", "counter", "Hits", ("page",))
SECONDS = Family("seconds", "histogram", "Seconds", bounds=(1.0, 2.0))
OPEN = Family("open", "gauge", "Open")

COUNT = """
import sys
from pathlib import Path
from gateway.ops.tally import Family, Tally
from gateway.ops.worker_tallies import WorkerTallies
tally = Tally()
WorkerTallies(Path(sys.argv[1])).join(tally)
tally.count(Family("hits_total", "counter", "Hits", ("page",)), "start").add(3)
tally.histogram(Family("seconds", "histogram", "Seconds", bounds=(1.0, 2.0))).observe(1.5)
tally.watch(Family("open", "gauge", "Open"), read=lambda: 7)
tally.refresh(1.0)
print("counted", flush=True)
sys.stdin.read()
"""


def start(directory: Path) -> "subprocess.Popen[bytes]":
    """A process that counts there, until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", COUNT, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"counted\n"
    return process


def samples(snapshots: list[Snapshot]) -> dict[str, float]:
    metrics = to_metrics((HITS, SECONDS, OPEN), snapshots)
    return {
        sample.name + sample.labels.get("le", ""): sample.value
        for metric in metrics
        for sample in metric.samples
        if not metric.name.startswith("process")
    }


COUNTED_ONCE = {"hits_total": 3, "seconds_bucket1.0": 0, "seconds_bucket2.0": 1, "seconds_bucket+Inf": 1}


def test_killed_process_leaves_its_counts_and_no_gauges(tmp_path: Path) -> None:
    process = start(tmp_path)
    tallies = WorkerTallies(tmp_path)
    alive = samples(tallies.read())
    process.kill()
    process.wait()

    assert alive["open"] == 7
    dead = samples(tallies.read())
    assert dead.items() >= COUNTED_ONCE.items()
    assert "open" not in dead


def test_ended_processes_are_folded_into_one_file(tmp_path: Path) -> None:
    for number in range(1, 6):
        process = start(tmp_path)
        assert len([*tmp_path.glob("worker-*")]) == 1
        assert samples(WorkerTallies(tmp_path).read())["hits_total"] == 3 * number
        process.kill()
        process.wait()

    assert {path.name for path in tmp_path.glob("slot-*")} == {"slot-1"}


def test_file_that_is_folded_already_is_not_counted_twice(tmp_path: Path) -> None:
    process = start(tmp_path)
    [file] = tmp_path.glob("worker-*")
    content = file.read_bytes()
    process.kill()
    process.wait()
    tally = Tally()
    WorkerTallies(tmp_path).join(tally)
    file.write_bytes(content)  # as if who folds had been killed before it removed it

    assert samples(WorkerTallies(tmp_path).read())["hits_total"] == 3
    WorkerTallies(tmp_path).join(Tally())
    assert samples(WorkerTallies(tmp_path).read())["hits_total"] == 3
    assert not file.exists()


def test_abandoned_directory_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("os.access", lambda *_: False)
    abandoned = tmp_path / f"{PREFIX}abandoned"
    abandoned.mkdir()
    (abandoned / "supervisor").touch()
    with shared_directory() as first:
        assert not abandoned.exists()
        with shared_directory() as second:
            assert first.exists()
            assert second.exists()

    assert [*tmp_path.iterdir()] == []


async def test_unusable_directory_costs_the_others_counts_only(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "missing").open()

    assert b"gateway_open_connections" in (await metrics.expose())[0]


def test_stuck_event_loop_of_another_worker_is_seen() -> None:
    key = (LARGEST_LAG.kind, LARGEST_LAG.name, ())
    stuck, well, gone = (
        Snapshot({key: [0.01, 0.0]}, heartbeat=100.0),
        Snapshot({key: [0.02, 0.0]}, heartbeat=109.95),
        Snapshot({key: [0.03, 0.0]}, heartbeat=1.0, is_alive=False),
    )
    note_stuck_loops([stuck, well, gone], now=110.0)

    assert [round(it.series[key][0], 2) for it in (stuck, well, gone)] == [9.9, 0.02, 0.03]


def test_series_beyond_the_room_are_dropped() -> None:
    tally = Tally()
    for number in range(CELLS):
        tally.count(HITS, str(number)).add()

    assert len(tally.snapshot().series) < CELLS
    tally.histogram(SECONDS).observe(1.0)
