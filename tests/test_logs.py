"""What a gateway writes on standard error, as a process of its own, and the lines for a failure and its recovery."""

import json
import sys

import pytest
from programs import run
from standing_clock import Clock
from structlog.testing import capture_logs

from gateway.ops.logs import SETTLED, StateLog

PERSONAL = "Wang Fang, 999101199001011234, 19900012345"

HEAD = """
import asyncio, gc, logging, structlog, sys
from gateway.ops.event_loop import at_work
from gateway.ops.logs import configure_logs

async def breaks():
    raise ValueError(sys.argv[1])
"""
WORKER = """
async def work():
    async with at_work({"Relay": breaks}):
        await asyncio.sleep(0)

configure_logs()
asyncio.run(work())
"""
LOGGED = """
configure_logs()
try:
    raise KeyError(sys.argv[1])
except KeyError as caught:
    structlog.get_logger().error("failed", exc_info=caught, payment="1")
"""
UNRETRIEVED = """
async def forget():
    task = asyncio.create_task(breaks())
    await asyncio.wait([task])
    del task
    gc.collect()

configure_logs()
asyncio.run(forget())
"""
IN_CALLBACK = """
def breaks(text):
    raise ValueError(text)

async def call():
    asyncio.get_running_loop().call_soon(breaks, sys.argv[1])
    await asyncio.sleep(0)

configure_logs()
asyncio.run(call())
"""
EACH_LEVEL = """
configure_logs(sys.argv[2])
for say in (structlog.get_logger(), logging.getLogger("uvicorn.error")):
    for level in ("info", "warning", "error", "critical"):
        getattr(say, level)(level)
"""


def written(program: str, *arguments: str) -> str:
    return run(sys.executable, "-c", HEAD + program, PERSONAL, *arguments).stderr


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
    [text] = written(program).splitlines()
    line = json.loads(text)
    assert line.items() >= expected.items()
    assert 'File "<string>", line ' in line["traceback"]
    assert "exc_info" not in line
    assert "Wang" not in text
    assert "199" not in line["traceback"]


@pytest.mark.parametrize(("level", "least"), [("info", 0), ("warning", 1), ("error", 2)])
def test_messages_below_the_level_are_not_logged(level, least):
    lines = [json.loads(line) for line in written(EACH_LEVEL, level).splitlines()]
    levels = ["info", "warning", "error", "critical"]
    assert [line["event"] for line in lines if "logger" not in line] == levels[least:]
    assert [line["event"] for line in lines if "logger" in line] == levels[max(least, 1) :]


def test_state_change_is_logged() -> None:
    clock = Clock()
    state = StateLog("lost", "back", "error", clock, check="journal")
    with capture_logs() as logs:
        state.worked()
        for reason in ("first", "second", "third"):
            state.failed(reason=reason)
            clock.now += 10
        state.worked()
        state.worked()
        state.failed(reason="fourth")

    assert logs == [
        {"event": "lost", "log_level": "error", "check": "journal", "reason": "first"},
        {"event": "back", "log_level": "info", "check": "journal", "seconds": 30, "failures": 3},
        {"event": "lost", "log_level": "error", "check": "journal", "reason": "fourth"},
    ]


def test_state_that_flickers_is_logged_once() -> None:
    clock = Clock()
    state = StateLog("lost", "back", clock=clock)
    with capture_logs() as logs:
        for _ in range(100):
            state.failed()
            clock.now += SETTLED - 1
            state.worked()
        clock.now += 1
        state.worked()

    assert [line["event"] for line in logs] == ["lost", "back"]
    assert logs[1]["failures"] == 100
