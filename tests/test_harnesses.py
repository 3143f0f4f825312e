"""Every benchmark and harness runs, with its smallest size. Kills have tests of their own."""

from functools import partial

import pytest
from pages import ROOT
from programs import run

pytestmark = pytest.mark.slow

node, postgres = (partial(pytest.param, marks=mark) for mark in (pytest.mark.node, pytest.mark.postgres))

PEERS = "--rounds 1 --requests 20 --warm-up 20 --callers 2"
CITY, SOAK = "--communities 2 --clerks 4 --minutes 0.2 --pause 1", "--minutes 0.7 --calibrate 2 --share 0.1"
RUNS = [
    ("benchmarks/fairness.py", "--latencies 0.05 --seconds 1", []),
    ("scripts/differential", "3", []),
    ("scripts/fuzz", "--bodies 100 --queries 20", []),
    ("scripts/events_test", "--breaks 20 --restarts 10 --seed 3", ["20 breaks, 2 of them restarts"]),
    node("scripts/bench", PEERS, ["| mercurius |"]),
    node("scripts/bench", f"{PEERS} --diverse", ["| mercurius, recording |"]),
    postgres("benchmarks/journal_queries.py", "--pages 20000 --runs 1 --seconds 1", ["of all pages"]),
    postgres("scripts/load", CITY, ["| failed | 0", "not heard of, by a clerk: 0"]),
    postgres("scripts/soak", SOAK, ["failed, and no platform to blame: 0", "workers replaced", "database restart"]),
]


@pytest.mark.parametrize(("script", "options", "texts"), RUNS)
def test_harness_runs_without_a_failure(script: str, options: str, texts: list[str]) -> None:
    printed = run(ROOT / script, *options.split(), cwd=ROOT, timeout=240).stdout
    assert printed
    assert [text for text in texts if text not in printed] == []
