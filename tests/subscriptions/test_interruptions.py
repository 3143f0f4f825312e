"""A shorter run of scripts/events_test: connections and gateways broken at random under a subscriber."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HARNESS = Path(__file__).parents[2] / "scripts" / "events_harness"


async def test_interrupted_subscriber_receives_or_misses_knowingly():
    options = ("--breaks", "20", "--restarts", "10", "--seed", "3")
    process = await asyncio.create_subprocess_exec(
        sys.executable, HARNESS, *options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(300):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()

    assert process.returncode == 0, printed.decode()
    assert "20 breaks, 2 of them restarts" in printed.decode()
