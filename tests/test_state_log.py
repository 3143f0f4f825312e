"""Log lines for a failure and its recovery."""

from standing_clock import Clock
from structlog.testing import capture_logs

from gateway.ops.logs import SETTLED, StateLog


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
