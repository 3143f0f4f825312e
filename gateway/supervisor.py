"""Several workers under one command: which are started, when again, and when it is no use."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import parent_process
from socket import socket
from threading import Thread

import structlog
from uvicorn.config import Config
from uvicorn.supervisors.multiprocess import Multiprocess, Process

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds between two starts of workers, twice as many each time until all of them serve."""

LONGEST_START = 60.0
"""Seconds that a worker may take to answer for the first time. Once it has answered it has the few of uvicorn's."""

log = structlog.get_logger(__name__)


def end_with_supervisor() -> None:
    """Have this worker stop, as on a signal, once its supervisor is gone: nobody else knows of it.

    It would keep the address, and what is served there would stay this version.
    """
    supervisor = parent_process()
    if supervisor is None:
        return

    def wait() -> None:
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=wait, name="supervisor", daemon=True).start()


class Worker(Process):
    """A worker that is not taken for hung while it starts: on a busy machine that takes longer than an answer may.

    It is asked once. Questions that pile up would be answered one each time, so that all answers were old ones.
    """

    def __init__(self, config: Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self._has_answered = False
        self._latest_answer = time.monotonic() + LONGEST_START

    def start(self) -> None:
        super().start()
        self.parent_conn.send(b"ping")

    def is_alive(self, timeout: float = 5) -> bool:
        if self._has_answered or not self.process.is_alive():
            return super().is_alive(timeout)
        if self.parent_conn.poll():
            self.parent_conn.recv()
            self._has_answered = True
        return self._has_answered or time.monotonic() < self._latest_answer

    def is_ready(self, timeout: float = 5) -> bool:
        return self._has_answered and super().is_ready(timeout)


class Supervisor(Multiprocess):
    """uvicorn's, which would stop all workers when a new one cannot start: here the others go on serving.

    A worker that has ended is replaced, at once and then after growing pauses. Only when one ends by itself before any
    has served do all of them end: `exit_status` is then that worker's, else 0. `started` is called when one serves.
    """

    def __init__(self, config: Config, sockets: list[socket], started: Callable[[], object]) -> None:
        super().__init__(config, sockets)
        self._started = started
        self.exit_status = 0
        self._has_served = False  # any of them
        self._serving: list[Process] = []
        self._to_reload: list[Process] = []
        self._pause = FIRST_PAUSE
        self._next_start = 0.0

    def init_processes(self) -> None:
        self.processes = [self._start_worker() for _ in range(self.processes_num)]

    def _start_worker(self) -> Worker:
        worker = Worker(self.config, self.sockets)
        worker.start()
        return worker

    def handle_hup(self) -> None:
        """Have all workers read again what may change; uvicorn would restart them, and end their connections."""
        self._to_reload = list(self.processes)
        self._reload()

    def _reload(self) -> None:
        """Those that serve; one that starts still may have read what was there before, and would end by the signal."""
        for process in [process for process in self._to_reload if process in self._serving]:
            self._to_reload.remove(process)
            if process.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGHUP)

    def keep_subprocess_alive(self) -> None:
        if self.should_exit.is_set():
            return
        timeout = self.config.timeout_worker_healthcheck
        alive = [process for process in self.processes if process.is_alive(timeout)]
        serving = [process for process in alive if process.is_ready(timeout)]
        if serving and not self._has_served:
            self._has_served = True
            self._started()
        for process in serving:
            if process not in self._serving:
                log.info("worker serves", pid=process.pid)
        self._serving = serving
        self._reload()
        if len(serving) == len(self.processes):
            self._pause = FIRST_PAUSE
        ended = [process for process in self.processes if process not in alive]
        if ended:
            self._bury(ended)

    def _bury(self, ended: list[Process]) -> None:
        for process in ended:
            process.kill()  # it may only hang
            process.join()
        failure = max(process.exitcode or 0 for process in ended)
        if failure > 0 and not self._has_served:
            log.error("worker did not start", status=failure)
            self.exit_status = failure
            self.should_exit.set()
        elif time.monotonic() >= self._next_start:
            self._replace(ended)

    def _replace(self, ended: list[Process]) -> None:
        for process in ended:
            successor = self._start_worker()
            self.processes[self.processes.index(process)] = successor
            log.warning("worker replaced", ended=process.pid, status=process.exitcode, pid=successor.pid)
        self._next_start = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
