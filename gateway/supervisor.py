"""Several workers under one command: which are started, when again, when it is no use, and how others replace them."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import connection, parent_process
from socket import socket
from threading import Thread

import structlog
from uvicorn import Server
from uvicorn.config import Config
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from gateway.errors import GatewayError
from gateway.settings import SettingsError

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds between two starts of workers, twice as many each time until all of them serve."""

LONGEST_START = 60.0
"""Seconds that a worker may take to answer for the first time. Once it has answered it has the few of uvicorn's."""

LONGEST_STOP = 60.0
"""Seconds that a worker may take to end once it was told to."""

ACCEPTED = 0.01
"""Seconds in which connections begin that the kernel has handed over already."""

log = structlog.get_logger(__name__)


class DrainingServer(Server):
    """uvicorn's, which would miss a connection that begins while it stops: such a one would be cut off later."""

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await asyncio.sleep(ACCEPTED)
        await super().shutdown(sockets)


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

    @property
    def server(self) -> Server:
        if self._server is None:
            self._server = DrainingServer(self.config)
        return self._server


class Supervisor(Multiprocess):
    """uvicorn's, which would stop all workers when a new one cannot start: here the others go on serving.

    A worker that has ended is replaced, at once and then after growing pauses. Only when one ends by itself before any
    has served do all of them end: `exit_status` is then that worker's, else 0. `started` is called when one serves.

    Each worker has a listening socket of its own, from `listen`, so that the kernel deals connections out. The
    supervisor has it too: in a rolling restart (SIGUSR2) a worker's successor listens at the same one, and takes what
    waits there when the worker has stopped. When a worker ends by itself its socket is closed at once, so that nothing
    waits for it. `renew` makes the configuration for the successors; it raises GatewayError or SettingsError.
    """

    def __init__(
        self,
        config: Config,
        listen: Callable[[], socket],
        started: Callable[[], object],
        renew: Callable[[], Config | None] = lambda: None,
    ) -> None:
        """`renew` returns None where the configuration stays."""
        super().__init__(config, [])
        self._listen = listen
        self._started = started
        self._renew = renew
        self.exit_status = 0
        self._has_served = False  # any of them
        self._serving: list[Process] = []
        self._to_reload: list[Process] = []
        self._to_replace: list[Process] = []
        self._successor: tuple[Process, Process] | None = None  # a worker of these, and who is to take its place
        self._retired: dict[Process, float] = {}  # when each has to have ended
        self._listeners: dict[Process, socket] = {}
        self._pause = FIRST_PAUSE
        self._next_start = 0.0

    def init_processes(self) -> None:
        self.processes = [self._start_worker() for _ in range(self.processes_num)]

    def _start_worker(self, predecessor: Process | None = None) -> Worker:
        """Listening at the socket of its predecessor, if that has one."""
        listener = self._listeners.get(predecessor) if predecessor is not None else None
        own = self._listen() if listener is None else listener
        worker = Worker(self.config, [own])
        worker.start()
        if listener is None and own is not None:
            self._own(worker, own)
        return worker

    def _own(self, worker: Process, listener: socket) -> None:
        """Close the listener when the worker has ended, unless it is another's by then."""
        self._listeners[worker] = listener

        def wait() -> None:
            connection.wait([worker.process.sentinel])
            if own := self._listeners.pop(worker, None):
                own.close()

        Thread(target=wait, name="listener", daemon=True).start()

    def terminate_all(self) -> None:
        if self._successor is not None:
            self.processes.append(self._successor[1])
        for worker in [*self._listeners]:
            if listener := self._listeners.pop(worker, None):
                listener.close()
        super().terminate_all()

    def handle_usr2(self) -> None:
        """Have other workers take the place of all, one after the other: each when its successor serves."""
        try:
            self.config = self._renew() or self.config
        except (GatewayError, SettingsError) as error:
            log.error("rolling restart refused", reason=str(error))
            return
        log.info("rolling restart", workers=len(self.processes))
        self._to_replace = [*self.processes]

    def _roll(self, timeout: float) -> None:
        """One step of a rolling restart."""
        for process, until in [*self._retired.items()]:
            if not process.process.is_alive() or time.monotonic() >= until:
                process.kill()
                process.join()
                del self._retired[process]
        self._to_replace = [process for process in self._to_replace if process in self.processes]
        if self._successor is not None:
            predecessor, successor = self._successor
            if predecessor not in self._to_replace or not successor.is_alive(timeout):
                self._give_up(successor)
            elif successor.is_ready(timeout):
                self._hand_over(predecessor, successor)
        elif self._to_replace and not self._retired:
            predecessor = self._to_replace[0]
            self._successor = predecessor, self._start_worker(predecessor)

    def _give_up(self, successor: Process) -> None:
        """It does not serve, or whom it was to replace has ended: then another has been started already."""
        successor.kill()
        successor.join()
        self._successor = None
        if self._to_replace:
            log.error("rolling restart ended", status=successor.exitcode, left=len(self._to_replace))
            self._to_replace = []

    def _hand_over(self, predecessor: Process, successor: Process) -> None:
        self._successor = None
        self._to_replace.remove(predecessor)
        self.processes[self.processes.index(predecessor)] = successor
        if listener := self._listeners.pop(predecessor, None):
            self._own(successor, listener)
        predecessor.terminate()
        self._retired[predecessor] = time.monotonic() + LONGEST_STOP
        log.info("worker handed over", ended=predecessor.pid, pid=successor.pid, left=len(self._to_replace))

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
        if self._has_served:
            self._roll(timeout)

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
