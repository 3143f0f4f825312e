"""What a gateway writes on standard error, as a process of its own, and the lines for a failure and its recovery."""

import json
import sys

import pytest
from programs import run
from standing_clock import Clock
from structlog.testing import capture_logs

from gateway.ops.logs import SETTLED, StateLog

PERSONAL = "Wang Fang, 999101199001011234, 19900012345"

EXCEPTIONS = """
import asyncio, gc, structlog, sys
from gateway.ops.event_loop import at_work
from gateway.ops.logs import configure_logs

def fail(text):
    raise ValueError(text)

async def work():
    fail(sys.argv[1])

async def all():
    try:
        raise KeyError(sys.argv[1])
    except KeyError as caught:
        structlog.get_logger().error("failed", exc_info=caught, payment="1")
    asyncio.get_running_loop().call_soon(fail, sys.argv[1])
    async with at_work({"Relay": work}):
        await asyncio.sleep(0)
    task = asyncio.create_task(work())
    await asyncio.wait([task])
    del task
    gc.collect()

configure_logs()
asyncio.run(all())
"""
EACH_LEVEL = """
import logging, structlog, sys
from gateway.ops.logs import configure_logs

configure_logs(sys.argv[1])
for say in (structlog.get_logger(), logging.getLogger("uvicorn.error")):
    for level in ("info", "warning", "error", "critical"):
        getattr(say, level)(level)
"""


def test_exceptions_are_logged_without_their_message():
    lines = run(sys.executable, "-c", EXCEPTIONS, PERSONAL).stderr.splitlines()
    for text, expected in zip(
        lines,
        (
            {"event": "failed", "payment": "1", "error": "KeyError"},
            {"event": "Exception in callback fail", "logger": "asyncio", "error": "ValueError"},
            {"event": "worker broke off", "worker": "Relay", "error": "ValueError"},
            {"event": "Task exception was never retrieved", "logger": "asyncio", "error": "ValueError"},
        ),
        strict=True,
    ):
        line = json.loads(text)
        assert line.items() >= expected.items()
        assert 'File "<string>", line ' in line["traceback"]
        assert "exc_info" not in line
        assert "Wang" not in text
        assert "199" not in line["traceback"]


@pytest.mark.parametrize(("level", "least"), [("info", 0), ("warning", 1), ("error", 2)])
def test_messages_below_the_level_are_not_logged(level, least):
    lines = [json.loads(line) for line in run(sys.executable, "-c", EACH_LEVEL, level).stderr.splitlines()]
    levels = ["info", "warning", "error", "critical"]
    assert [line["event"] for line in lines if "logger" not in line] == levels[least:]
    assert [line["event"] for line in lines if "logger" in line] == levels[max(least, 1) :]


def test_state_is_logged_when_it_changes_and_has_settled() -> None:
    clock = Clock()
    state = StateLog("lost", "back", "error", clock, check="journal")
    with capture_logs() as logs:
        state.worked()
        for reason in ("first", "second", "third"):
            state.failed(reason=reason)
            clock.now += SETTLED - 1
            state.worked()
        clock.now += 1
        state.worked()
        state.worked()
        state.failed(reason="fourth")

    assert logs == [
        {"event": "lost", "log_level": "error", "check": "journal", "reason": "first"},
        {"event": "back", "log_level": "info", "check": "journal", "seconds": 3 * SETTLED - 2, "failures": 3},
        {"event": "lost", "log_level": "error", "check": "journal", "reason": "fourth"},
    ]
