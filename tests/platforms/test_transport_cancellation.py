"""Many cancelled calls leak no slot; `scripts/cancel_storm` runs more of them."""

import asyncio
import sys
from pathlib import Path

STORM = Path(__file__).resolve().parents[2] / "scripts" / "cancel_storm"


async def test_slots_survive_a_storm_of_cancelled_calls() -> None:
    loop = "uvloop" if "uvloop" in type(asyncio.get_running_loop()).__module__ else "asyncio"
    storm = await asyncio.create_subprocess_exec(
        sys.executable, STORM, "--cancels", "500", "--loop", loop, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await storm.communicate()
    assert storm.returncode == 0, output.decode()
    assert b"16 of 16 slots work" in output
