"""Every benchmark and harness runs, with its smallest size. Kills and broken subscribers have tests of their own."""

import pytest
from pages import ROOT
from programs import run

pytestmark = pytest.mark.slow

RUNS = {
    "benchmarks/fairness.py": "--latencies 0.05 --seconds 1",
    "scripts/differential": "3",
    "scripts/fuzz": "--bodies 100 --queries 20",
}


def printed_by(script: str, options: str) -> str:
    return run(ROOT / script, *options.split(), cwd=ROOT, timeout=240).stdout


@pytest.mark.parametrize("script", RUNS)
def test_harness_runs(script: str) -> None:
    assert printed_by(script, RUNS[script])


@pytest.mark.postgres
def test_journal_benchmark_runs() -> None:
    assert "of all pages" in printed_by("benchmarks/journal_queries.py", "--pages 20000 --runs 1 --seconds 1")


@pytest.mark.node
@pytest.mark.parametrize(("world", "peer"), [("", "mercurius"), ("--diverse", "mercurius, recording")])
def test_bench_runs_beside_its_peers(world: str, peer: str) -> None:
    printed = printed_by("scripts/bench", f"--rounds 1 --requests 20 --warm-up 20 --callers 2 {world}")
    assert f"| {peer} |" in printed


@pytest.mark.postgres
def test_city_runs_without_a_failure() -> None:
    printed = printed_by("scripts/load", "--communities 2 --clerks 4 --minutes 0.2 --pause 1")
    assert "| failed | 0" in printed
    assert "not heard of, by a clerk: 0" in printed


@pytest.mark.postgres
def test_soak_runs_without_a_failure_of_our_own() -> None:
    printed = printed_by("scripts/soak", "--minutes 0.7 --calibrate 2 --share 0.1")
    assert "failed, and no platform to blame: 0" in printed
    assert "workers replaced" in printed
    assert "database restart" in printed
