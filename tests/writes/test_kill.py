"""Shorter runs of scripts/kill_test: every step once on each engine, three gateways on one PostgreSQL, bulk writes."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from throw_away import SERVER, on_server

pytestmark = pytest.mark.slow

HARNESS = Path(__file__).parent.parent.parent / "scripts" / "kill_harness"
RUNS = {
    "sqlite": ("--engine", "sqlite", "--kills", "9"),
    "postgresql": ("--engine", "postgresql", "--kills", "9"),
    "replicas": ("--replicas", "3", "--seconds", "6"),
    "platform tokens on sqlite": ("--platform-tokens", "--engine", "sqlite", "--kills", "7"),
    "platform tokens on postgresql": ("--platform-tokens", "--engine", "postgresql", "--kills", "7"),
    "bulk on sqlite": ("--bulk", "3", "--engine", "sqlite"),
    "bulk on postgresql": ("--bulk", "3", "--engine", "postgresql"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(in_ci: bool) -> AsyncIterator[dict[str, asyncio.subprocess.Process]]:
    """All of them at once: they spend their time starting gateways."""
    names = list(RUNS)
    try:
        await on_server("SELECT 1", SERVER)
    except OSError:
        if in_ci:
            raise
        names = [name for name in RUNS if name.endswith("sqlite")]
    running = {
        name: await asyncio.create_subprocess_exec(
            sys.executable, HARNESS, *RUNS[name], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for name in names
    }
    yield running
    for process in running.values():
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", RUNS)
async def test_writes_survive_kills_exactly_once(runs: dict[str, asyncio.subprocess.Process], name: str) -> None:
    if name not in runs:
        pytest.skip("no PostgreSQL server at GATEWAY_TEST_DATABASE_URL or on this machine")
    async with asyncio.timeout(300):
        printed, errors = await runs[name].communicate()
    report = printed.decode()
    assert runs[name].returncode == 0, report + errors.decode()[-2000:]
    if name.startswith("bulk"):
        assert "entries: 300, each as its outcome says" in report
        return
    acknowledged, once = map(int, re.findall(r"taken in exactly once: (\d+) of (\d+), lost: 0, doubled: 0", report)[0])
    [taken_in] = re.findall(r"all (\d+) taken in exactly once", report)  # the others were sent again
    assert acknowledged == once <= int(taken_in) > 0
    kills = int(re.findall(r"kill -9: (\d+)", report)[0])
    assert kills >= (1 if name == "replicas" else int(RUNS[name][-1]))
