"""Serving: uvicorn with what production wants, and SIGHUP, which has everything read anew."""

import asyncio
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from functools import partial
from multiprocessing import parent_process
from multiprocessing.sharedctypes import RawValue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess

from gateway.app import create_app
from gateway.auth.issuer import is_loopback
from gateway.contact.check import require_usable
from gateway.env_file import export_others
from gateway.errors import GatewayError
from gateway.http.application import Application
from gateway.http.errors import server_error_response
from gateway.http.server.bounds import Pool, ServerLimits, WebSocketConnection
from gateway.http.server.connection import HttpConnection
from gateway.http.telemetry import count_failure
from gateway.normalise.vocabulary import PlatformName
from gateway.ops.event_loop import settle_collector
from gateway.ops.logs import configure_logs
from gateway.ops.metrics import DIRECTORY, LONGEST_START, Metrics, worker_directory
from gateway.settings import VERSION, Mistakes, Settings, SettingsError, StartError, load_settings, make_url
from gateway.wording.language import local
from gateway.wording.settings import Mistake, reason

GRACE = 10  # seconds that requests under way get at the end
LONGEST_MESSAGE = 1024 * 1024  # bytes of a WebSocket message read at least: a refusal can name `max_body_bytes`
PAUSE = 5.0  # seconds that a worker waits before it ends because it cannot start: then another one tries
LISTENERS = "_GATEWAY_LISTENERS"  # the variable with the descriptors of the sockets that a process leaves to another

log = structlog.get_logger(__name__)


def serve(settings: Settings, workers: int, environ: Mapping[str, str]) -> int:
    """Serve until stopped. Returns the exit status: not 0 when no worker could start. Raises SettingsError, StartError.

    `environ` is that of the command, without what files add: a reload begins with it.
    """
    configure_logs(settings.log_level)
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # each connection is one; macOS names no number and grants not just any
        resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    _require(settings, workers, create_app)  # so that wrong settings end the command, not each worker
    with ExitStack() as stack:
        listeners = [stack.enter_context(closing(listener)) for listener in _listen(settings)]
        environ = {**environ, "GATEWAY_METRICS_PORT": str(settings.metrics_port)}  # a listener of which stays
        if workers == 1:
            _serve_alone(settings, listeners, environ)
            return 0
        with worker_directory():
            command = Workers(settings, listeners, environ, workers)
            command.run()
        failed = any(process.exitcode == STARTUP_FAILURE for process in command.processes)
        return STARTUP_FAILURE if failed else 0


def _require(settings: Settings, workers: int, check: Callable[[Settings], object]) -> None:
    """Raises SettingsError, with what it finds and what several workers need."""
    mistakes = Mistakes()
    mistakes.attempt(check, settings)
    if workers > 1 and not settings.database_url:
        mistakes.add(Mistake.FOR_WORKERS("GATEWAY_DATABASE_URL"))
    mistakes.check()


def _read_anew(environ: dict[str, str], workers: int) -> Settings | None:
    """What a successor will read, with what files add to `environ`; None, which is logged, where it would refuse it."""
    try:
        export_others(environ)
        settings = load_settings(environ)
        _require(settings, workers, require_usable)
    except SettingsError as error:
        log.error("settings not reloaded", reasons=error.args)
        return None
    return settings


def _config(settings: Settings, metrics: Metrics, factory: Callable[[], ASGIApp], workers: int = 1) -> uvicorn.Config:
    """Handed to a worker, it is pickled as a whole: `metrics` are the same object wherever they are in it."""
    options = server_options(settings, metrics)
    return uvicorn.Config(factory, factory=True, workers=workers, timeout_worker_healthcheck=LONGEST_START, **options)


def server_options(settings: Settings, metrics: Metrics | None = None) -> dict[str, Any]:
    """What uvicorn is run with; `metrics` are those of the application.

    No request is trusted to say which proxies it came through: nothing here asks.
    """
    metrics = Metrics() if metrics is None else metrics
    limits = ServerLimits(keep_alive_timeout=settings.keep_alive_timeout, max_connections=settings.max_connections)
    error_app = partial(server_error_response, partial(count_failure, metrics))
    return {
        "loop": "uvloop",
        "http": partial(HttpConnection, Pool(limits, error_app, metrics.watch_connections)),
        "ws": WebSocketConnection,
        "ws_max_size": max(LONGEST_MESSAGE, settings.max_body_bytes),
        "ws_per_message_deflate": False,
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "date_header": True,
        "log_config": None,
        "timeout_graceful_shutdown": GRACE,
    }


def _listen(settings: Settings) -> Iterator[socket.socket]:
    """The sockets of the process whose place this one has taken, else new ones. Raises StartError."""
    inherited = os.environ.pop(LISTENERS, "").split()
    for descriptor in inherited:
        listener = socket.socket(fileno=int(descriptor))
        listener.set_inheritable(False)
        yield listener
    if not inherited:
        yield bind(settings.host, settings.port)
        if settings.metrics_port:
            yield bind(settings.host, settings.metrics_port, "GATEWAY_METRICS_PORT")


def bind(host: str, port: int, setting: str = "GATEWAY_PORT") -> socket.socket:
    """A socket at this address, whose port is that of the setting. Raises StartError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        failed = Mistake.NOT_BOUND if setting == "GATEWAY_PORT" else Mistake.NO_METRICS_PORT
        raise StartError(failed(f"GATEWAY_HOST, {setting}: {host} port {port}", reason=reason(error))) from None
    return listener


def notify_systemd(state: str) -> None:
    """Report to systemd, where it started this command with Type=notify (sd_notify(3))."""
    if manager := os.environ.get("NOTIFY_SOCKET"):
        address = manager.replace("@", "\0", 1) if manager.startswith("@") else manager
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(state.encode(), address)


def log_start(settings: Settings, listeners: list[socket.socket]) -> None:
    """Log that requests are taken, and as an error what development should not be used with."""
    notify_systemd("READY=1")
    log.info(
        "gateway serves",
        address=make_url(settings.host, listeners[0].getsockname()[1]),
        environment=settings.env,
        version=VERSION,
        build=settings.build_id,
        journal="PostgreSQL" if settings.database_url else "SQLite",
    )
    urls = {name: getattr(settings, f"{name.lower()}_url") for name in PlatformName}
    remote = [platform for platform, url in urls.items() if url and not is_loopback(urlsplit(url).hostname or "")]
    if remote and not settings.is_production:
        log.error("development serves a platform that is not on this machine", platforms=remote)


def log_reload() -> None:
    log.info("gateway reloads")
    notify_systemd("RELOADING=1")  # until what takes this one's place is ready


def report_failure(error: BaseException) -> None:
    """Why the gateway did not start: in its own words, or by the type and place of what nobody foresaw."""
    if isinstance(error, GatewayError | SettingsError):
        sys.stderr.write("".join(f"gateway: {local(each)}\n" for each in error.args))
    else:
        log.critical("gateway did not start", exc_info=error)


def application(
    metrics: Metrics,
    started: Callable[[], object] = settle_collector,
    failed: Callable[[BaseException], object] = report_failure,
) -> Application:
    settings = load_settings()
    configure_logs(settings.log_level)
    return create_app(settings, started=started, failed=failed, metrics=metrics)


class EmbeddedServer(uvicorn.Server):
    """A server inside a program that handles its own signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    @asynccontextmanager
    async def serving(self, *listeners: socket.socket) -> AsyncIterator[int]:
        """Serve while the block lasts; on its port."""
        running = asyncio.create_task(self.serve([*listeners] or None))
        while not self.started:
            if running.done():
                await running
            await asyncio.sleep(0.001)
        try:
            yield self.servers[0].sockets[0].getsockname()[1]
        finally:
            self.should_exit = True
            await running


def _serve_alone(settings: Settings, listeners: list[socket.socket], environ: Mapping[str, str]) -> None:
    """In this process. On SIGHUP it ends as on SIGTERM, and then becomes another one, which has the listeners.

    Two processes cannot share a SQLite journal, so a successor could not start before. Meanwhile connections wait.
    """
    metrics = Metrics()
    server = Server(_config(settings, metrics, partial(application, metrics)), listeners, settings)

    def reload() -> None:
        if _read_anew({**environ}, 1) is None:
            metrics.reloaded.set(0)
        elif not server.should_exit:
            log_reload()
            server.is_reloading = server.should_exit = True

    signal.signal(signal.SIGHUP, lambda *_: Thread(target=reload, name="reload").start())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    server.run([listener.dup() for listener in listeners])
    if server.is_reloading:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # until the other one handles it
        for listener in listeners:
            listener.set_inheritable(True)
        variables = {**environ, LISTENERS: " ".join(str(listener.fileno()) for listener in listeners)}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], variables)  # noqa: S606 # the same command


class Server(uvicorn.Server):
    """The only server of its command. `is_reloading`: it has stopped so that another process takes its place."""

    def __init__(self, config: uvicorn.Config, listeners: list[socket.socket], settings: Settings) -> None:
        super().__init__(config)
        self.is_reloading = False
        self._listeners = listeners
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        log_start(self._settings, self._listeners)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if not self.is_reloading:
            for listener in self._listeners:
                listener.close()  # a connection that waits for nobody would be answered by a reset
        await super().shutdown(sockets)


class Workers(Multiprocess):
    """uvicorn's worker processes, which share the listeners.

    When none can start at first, all of them end. Whether the last reload succeeded is shared with the workers.
    """

    def __init__(
        self, settings: Settings, listeners: list[socket.socket], environ: Mapping[str, str], workers: int
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._metrics = Metrics()
        self._reloaded = RawValue("b", 1)
        self._has_served = False
        factory = partial(worker, self._metrics, self._reloaded, is_successor=False)
        super().__init__(_config(settings, self._metrics, factory, workers), listeners)

    def terminate_all(self) -> None:
        for listener in self.sockets:
            listener.close()  # as in `Server`
        super().terminate_all()

    def keep_subprocess_alive(self) -> None:
        before = [*self.processes]
        for process in before:
            process.child_conn.close()  # its own copy is the only one then: when it ends, no ping waits for the answer
        super().keep_subprocess_alive()
        for ended, process in zip(before, self.processes, strict=True):
            if ended is not process:
                log.warning("worker replaced", ended=ended.pid, status=ended.exitcode, pid=process.pid)
        if not self._has_served and any(process.is_ready() for process in self.processes):
            self._has_served = True
            log_start(self._settings, self.sockets)
            self.config.app = partial(worker, self._metrics, self._reloaded, is_successor=True)

    def handle_hup(self) -> None:
        variables = {**self._environ, DIRECTORY: os.environ[DIRECTORY]}
        settings = _read_anew(variables, self.processes_num)
        if settings is None:
            self._reloaded.value = 0
            return
        os.environ.clear()
        os.environ.update(variables)
        configure_logs(settings.log_level)
        successor = partial(worker, self._metrics, self._reloaded, is_successor=True)
        self.config = _config(settings, self._metrics, successor, self.processes_num)
        log_reload()
        before = [*self.processes]
        self.restart_all()
        notify_systemd("READY=1")
        if left := sum(process in before for process in self.processes):
            log.error("workers not replaced", left=left)
        self._reloaded.value = not left


def worker(metrics: Metrics, reloaded: Any, *, is_successor: bool) -> Application:
    """What one of several servers runs. `is_successor`: others serve, and go on when this one cannot start.

    `reloaded` is 0 after a reload that failed, else 1.
    """
    metrics.watch(metrics.reloaded, lambda: reloaded.value)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a terminal sends it to all processes: it is for the parent
    Thread(target=_end_with_parent, name="parent", daemon=True).start()

    def started() -> None:
        settle_collector()
        log.info("worker serves", pid=os.getpid())

    def failed(error: BaseException) -> None:
        report_failure(error)
        if is_successor:
            time.sleep(PAUSE)  # uvicorn starts another one at once
            os._exit(1)  # with its own status uvicorn would end them all

    try:
        return application(metrics, started, failed)
    except SettingsError as error:
        failed(error)
        sys.exit(STARTUP_FAILURE)


def _end_with_parent() -> None:
    """Stop this worker, as on a signal, once its parent is gone: it would keep the address and its connections."""
    if parent := parent_process():
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
