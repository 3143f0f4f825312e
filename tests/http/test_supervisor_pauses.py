"""When the supervisor replaces a worker, tested without processes."""

from typing import Any

import pytest
from uvicorn.config import Config

import gateway.supervisor as module


def no_socket() -> Any:
    """Of workers that are none."""


class Clock:
    """Stands in for the module `time`."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


class Living:
    """A process of the operating system that runs until it is killed."""

    pid = 1
    exitcode: int | None = None

    def start(self) -> None: ...

    def join(self) -> None: ...

    def is_alive(self) -> bool:
        return self.exitcode is None

    def kill(self) -> None:
        self.exitcode = -9


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Living]:
    """The processes that a supervisor starts, oldest first."""
    processes: list[Living] = []

    def start(*_: object) -> Living:
        processes.append(Living())
        return processes[-1]

    monkeypatch.setattr("uvicorn.supervisors.multiprocess.get_subprocess", start)
    return processes


@pytest.fixture
def supervisor(clock: Clock, started: list[Living]) -> module.Supervisor:
    """Of one worker, which answers at once or is hung."""
    config = Config("nothing:here", workers=1, timeout_worker_healthcheck=0)
    supervisor = module.Supervisor(config, no_socket, started=lambda: None)
    supervisor.init_processes()
    return supervisor


def test_slow_start_is_not_a_hang(clock, supervisor, started):
    for clock.now in (0.0, 5.0, module.LONGEST_START - 1):
        supervisor.keep_subprocess_alive()

    assert [process.exitcode for process in started] == [None]


def test_endless_start_is_a_hang(clock, supervisor, started):
    clock.now = module.LONGEST_START
    supervisor.keep_subprocess_alive()

    assert [process.exitcode for process in started] == [-9, None]


def test_silence_after_the_first_answer_is_a_hang(supervisor, started):
    assert supervisor.processes[0].child_conn.poll(), "it was asked"
    supervisor.processes[0].pong()
    supervisor.keep_subprocess_alive()
    assert started[0].exitcode is None

    supervisor.keep_subprocess_alive()

    assert [process.exitcode for process in started] == [-9, None]


def test_crashing_worker_restarts_after_growing_pauses(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    starts: list[float] = []
    killed: list[object] = []

    class Ending:
        pid = exitcode = 1

        def __init__(self, *_: object) -> None: ...

        def start(self) -> None:
            starts.append(clock.now)

        def is_alive(self, _timeout: float) -> bool:
            return False

        def kill(self) -> None:
            killed.append(self)

        def join(self) -> None:
            assert self in killed, "it may only hang"

    monkeypatch.setattr(module, "Worker", Ending)
    supervisor = module.Supervisor(Config("nothing:here"), no_socket, started=lambda: None)
    supervisor._has_served = True
    processes: list[Any] = [Ending()]
    supervisor.processes = processes
    while clock.now < 130:
        supervisor.keep_subprocess_alive()
        clock.now += 1

    assert starts == [0, 1, 3, 7, 15, 31, 61, 91, 121]
