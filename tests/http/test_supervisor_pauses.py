"""When a worker that ends is started again, without any process."""

from types import SimpleNamespace

import pytest
from uvicorn.config import Config

import gateway.supervisor as module


def test_a_worker_that_ends_again_and_again_is_replaced_after_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0
    starts: list[int] = []
    killed: list[object] = []

    class Ending:
        pid = exitcode = 1

        def __init__(self, *_: object) -> None: ...

        def start(self) -> None:
            starts.append(now)

        def is_alive(self, _timeout: float) -> bool:
            return False

        def kill(self) -> None:
            killed.append(self)

        def join(self) -> None:
            assert self in killed, "it may only hang"

    monkeypatch.setattr(module, "Process", Ending)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    supervisor = module.Supervisor(Config("nothing:here"), [], started=lambda: None)
    supervisor._has_served = True
    supervisor.processes = [Ending()]
    while now < 130:
        supervisor.keep_subprocess_alive()
        now += 1

    assert starts == [0, 1, 3, 7, 15, 31, 61, 91, 121]
