"""What a gateway writes on standard error, as a process of its own."""

import json
import subprocess
import sys

import pytest

PERSONAL = "Wang Fang, 999101199001011234, 19900012345"

WORKER = """
import asyncio
import sys
from gateway.ops.workers import at_work
from gateway.ops.logs import configure_logs

async def breaks():
    raise ValueError(sys.argv[1])

async def work():
    async with at_work({"Relay": breaks}):
        await asyncio.sleep(0)

configure_logs()
asyncio.run(work())
"""
LOGGED = """
import structlog
import sys
from gateway.ops.logs import configure_logs

configure_logs()
try:
    raise KeyError(sys.argv[1])
except KeyError as caught:
    structlog.get_logger().error("failed", exc_info=caught, payment="1")
"""

UNRETRIEVED = """
import asyncio
import gc
import sys
from gateway.ops.logs import configure_logs

async def breaks():
    raise ValueError(sys.argv[1])

async def forget():
    task = asyncio.create_task(breaks())
    await asyncio.wait([task])
    del task
    gc.collect()

configure_logs()
asyncio.run(forget())
"""
IN_CALLBACK = """
import asyncio
import sys
from gateway.ops.logs import configure_logs

def breaks(text):
    raise ValueError(text)

async def call():
    asyncio.get_running_loop().call_soon(breaks, sys.argv[1])
    await asyncio.sleep(0)

configure_logs()
asyncio.run(call())
"""


def logged(program: str) -> tuple[str, dict[str, str]]:
    """All that it wrote, and the one line of it."""
    command = [sys.executable, "-c", program, PERSONAL]
    written = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stderr
    [line] = written.splitlines()
    return written, json.loads(line)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (WORKER, {"event": "worker broke off", "worker": "Relay", "error": "ValueError"}),
        (LOGGED, {"event": "failed", "payment": "1", "error": "KeyError"}),
        (UNRETRIEVED, {"event": "Task exception was never retrieved", "logger": "asyncio", "error": "ValueError"}),
        (IN_CALLBACK, {"event": "Exception in callback breaks", "logger": "asyncio", "error": "ValueError"}),
    ],
)
def test_exceptions_are_logged_without_their_message(program, expected):
    written, line = logged(program)

    assert line.items() >= expected.items()
    assert 'File "<string>", line ' in line["traceback"]
    assert "exc_info" not in line
    assert "Wang" not in written
    assert "199" not in line["traceback"]


LINES_OF_EACH_LEVEL = """
import logging
import structlog
import sys
from gateway.ops.logs import configure_logs

configure_logs(sys.argv[2])
for say in (structlog.get_logger(), logging.getLogger("uvicorn.error")):
    say.info("info")
    say.warning("warning")
    say.error("error")
    say.critical("critical")
"""


@pytest.mark.parametrize(
    ("level", "own", "of_libraries"),
    [
        ("info", ["info", "warning", "error", "critical"], ["warning", "error", "critical"]),
        ("warning", ["warning", "error", "critical"], ["warning", "error", "critical"]),
        ("error", ["error", "critical"], ["error", "critical"]),
    ],
)
def test_messages_below_the_level_are_not_logged(level, own, of_libraries):
    command = [sys.executable, "-c", LINES_OF_EACH_LEVEL, PERSONAL, level]
    written = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stderr
    lines = [json.loads(line) for line in written.splitlines()]

    assert [line["event"] for line in lines if "logger" not in line] == own
    assert [line["event"] for line in lines if "logger" in line] == of_libraries
