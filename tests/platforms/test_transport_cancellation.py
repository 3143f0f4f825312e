"""A storm of cancelled calls costs nothing; `scripts/cancel_storm` alone runs a longer one."""

import asyncio
import sys
from pathlib import Path

STORM = Path(__file__).resolve().parents[2] / "scripts" / "cancel_storm"


async def test_after_a_storm_of_cancelled_calls_every_slot_works() -> None:
    loop = "uvloop" if "uvloop" in type(asyncio.get_running_loop()).__module__ else "asyncio"
    storm = await asyncio.create_subprocess_exec(
        sys.executable, STORM, "--cancels", "500", "--loop", loop, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await storm.communicate()
    assert storm.returncode == 0, output.decode()
    assert b"16 of 16 slots work" in output
