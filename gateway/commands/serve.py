"""Serving: uvicorn with what production wants, and SIGHUP, which has everything read anew."""

import asyncio
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
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

from gateway.addresses import make_url
from gateway.app import create_app
from gateway.auth.issuer import is_loopback
from gateway.contact.quick import require_usable
from gateway.env_file import export_others
from gateway.errors import GatewayError
from gateway.http.application import Application
from gateway.http.request_metrics import count_failure
from gateway.http.responses import server_error_response
from gateway.http.server.connection import HttpConnection
from gateway.http.server.limits import ServerLimits
from gateway.http.server.pool import Pool
from gateway.http.server.websocket_connection import WebSocketConnection
from gateway.ops.collector import settle_collector
from gateway.ops.logs import configure_logs
from gateway.ops.metrics import Metrics
from gateway.ops.worker_metrics import DIRECTORY, worker_directory
from gateway.settings import Mistakes, Settings, SettingsError, StartError, load_settings
from gateway.version import VERSION

GRACE = 10
"""Seconds that requests under way get at the end."""

LONGEST_MESSAGE = 1024 * 1024
"""Bytes of a WebSocket's message that are read at least, so that a refusal beyond `max_body_bytes` names that bound."""

LONGEST_START = 60
"""Seconds that a worker may take to answer, on a busy machine: then it is taken for hung."""

PAUSE = 5.0
"""Seconds that a worker waits before it ends because it cannot start: then another one tries."""

LISTENER = "_GATEWAY_LISTENER"
"""The variable that has the descriptor of the socket which a process leaves to the one that takes its place."""

log = structlog.get_logger(__name__)


def serve(settings: Settings, workers: int, environ: Mapping[str, str]) -> int:
    """Serve until stopped. Raises SettingsError, StartError.

    `environ` is that of the command, without what files add: a reload begins with it. Returns the exit status: not 0
    when no worker could start. The reason is on standard error then.
    """
    configure_logs(settings.log_level)
    _allow_open_files()
    mistakes = Mistakes()
    with mistakes.collect():
        create_app(settings)  # so that wrong settings end the command, not each worker
    with mistakes.collect():
        _require_shared_journal(settings, workers)
    mistakes.check()
    with closing(_listen(settings)) as listener:
        if workers == 1:
            _serve_alone(settings, listener, environ)
            return 0
        return _serve_by_workers(settings, listener, environ, workers)


def _serve_alone(settings: Settings, listener: socket.socket, environ: Mapping[str, str]) -> None:
    """In this process. On SIGHUP it ends as on SIGTERM, and then becomes another one, which has the listener.

    Two processes cannot share a SQLite journal, so a successor could not start before. Meanwhile connections wait.
    """
    metrics = Metrics()
    server = Server(_config(settings, metrics, partial(application, metrics)), listener, settings, metrics, environ)
    signal.signal(signal.SIGHUP, server.ask_to_reload)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    server.run([listener.dup()])
    if server.is_reloading:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # until the other one handles it
        listener.set_inheritable(True)
        variables = {**environ, LISTENER: str(listener.fileno())}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], variables)  # noqa: S606 # the same command


def _serve_by_workers(settings: Settings, listener: socket.socket, environ: Mapping[str, str], workers: int) -> int:
    with worker_directory():
        metrics = Metrics()
        reloaded = RawValue("b", 1)
        successor = partial(worker, metrics, reloaded, is_successor=True)

        def configure() -> uvicorn.Config:
            variables = {**environ, DIRECTORY: os.environ[DIRECTORY]}
            export_others(variables)
            renewed = _read_anew(environ, workers)
            os.environ.clear()
            os.environ.update(variables)
            configure_logs(renewed.log_level)
            return _config(renewed, metrics, successor, workers)

        def started() -> None:
            log_start(settings, listener)
            command.config.app = successor

        config = _config(settings, metrics, partial(worker, metrics, reloaded, is_successor=False), workers)
        command = Workers(config, listener, configure, started, reloaded)
        command.run()
    return command.exit_status


def _read_anew(environ: Mapping[str, str], workers: int) -> Settings:
    """What a successor will read. Raises SettingsError, with what it would refuse."""
    settings = load_settings(environ)
    mistakes = Mistakes()
    with mistakes.collect():
        require_usable(settings)
    with mistakes.collect():
        _require_shared_journal(settings, workers)
    mistakes.check()
    return settings


def _config(settings: Settings, metrics: Metrics, factory: Callable[[], ASGIApp], workers: int = 1) -> uvicorn.Config:
    """Handed to a worker, it is pickled as a whole: `metrics` are the same object wherever they are in it."""
    return uvicorn.Config(
        factory,
        factory=True,
        workers=workers,
        timeout_worker_healthcheck=LONGEST_START,
        **server_options(settings, metrics),
    )


def _require_shared_journal(settings: Settings, workers: int) -> None:
    if workers > 1 and not settings.database_url:
        raise SettingsError(
            "GATEWAY_DATABASE_URL: needed for several workers, which can share a journal only in PostgreSQL"
        )


def _listen(settings: Settings) -> socket.socket:
    """The socket of the process whose place this one has taken, else a new one. Raises StartError."""
    inherited = os.environ.pop(LISTENER, "")
    if inherited:
        listener = socket.socket(fileno=int(inherited))
        listener.set_inheritable(False)
        return listener
    try:
        return bind(settings.host, settings.port)
    except OSError as error:
        raise address_error(error, settings) from None


def bind(host: str, port: int) -> socket.socket:
    """A socket at an address. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def address_error(error: OSError, settings: Settings) -> StartError:
    """Why nobody can listen at the address of the settings."""
    where = f"{settings.host} port {settings.port}"
    return StartError(f"GATEWAY_HOST, GATEWAY_PORT: {where}: {error.strerror} (--host and --port choose others)")


def notify_systemd(state: str) -> None:
    """Report to systemd, where it started this command with Type=notify (sd_notify(3))."""
    if manager := os.environ.get("NOTIFY_SOCKET"):
        address = manager.replace("@", "\0", 1) if manager.startswith("@") else manager
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(state.encode(), address)


def log_start(settings: Settings, listener: socket.socket) -> None:
    """One line, when requests are taken, and one of the level error for what development should not be used with."""
    notify_systemd("READY=1")
    log.info(
        "gateway serves",
        address=make_url(settings.host, listener.getsockname()[1]),
        environment=settings.env,
        version=VERSION,
        build=settings.build_id,
        journal="PostgreSQL" if settings.database_url else "SQLite",
    )
    urls = {"WJDH": settings.wjdh_url, "SECURITY": settings.security_url}
    remote = [platform for platform, url in urls.items() if url and not is_loopback(urlsplit(url).hostname or "")]
    if remote and not settings.is_production:
        log.error("development serves a platform that is not on this machine", platforms=remote)


def report_failure(error: BaseException) -> None:
    """Why the gateway did not start: in its own words, or by the type and place of what nobody foresaw."""
    if isinstance(error, GatewayError | SettingsError):
        sys.stderr.write(f"gateway: {error}\n")
    else:
        log.critical("gateway did not start", exc_info=error)


class Server(uvicorn.Server):
    """The only server of its command. `is_reloading`: it has stopped so that another process takes its place."""

    def __init__(
        self,
        config: uvicorn.Config,
        listener: socket.socket,
        settings: Settings,
        metrics: Metrics,
        environ: Mapping[str, str],
    ) -> None:
        super().__init__(config)
        self.is_reloading = False
        self._is_asked = False
        self._listener = listener
        self._metrics = metrics
        self._settings = settings
        self._environ = environ

    def ask_to_reload(self, *_: object) -> None:
        """Handles SIGHUP."""
        self._is_asked = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            log_start(self._settings, listener)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if not self.is_reloading:
            self._listener.close()  # a connection that waits for nobody would be answered by a reset
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        if self._is_asked and not self.should_exit:
            self._is_asked = False
            await self._reload()
        return await super().on_tick(counter)

    async def _reload(self) -> None:
        try:
            await asyncio.to_thread(_read_anew, self._environ, 1)
        except SettingsError as error:
            self._metrics.reloaded.set(0)
            log.error("settings not reloaded", reasons=error.mistakes)
        else:
            log.info("gateway reloads")
            notify_systemd("RELOADING=1")  # until the process that takes this one's place is ready
            self.is_reloading = self.should_exit = True


class Workers(Multiprocess):
    """uvicorn's worker processes, which share a listener. `started` is called when the first one serves.

    When one cannot start before that, all of them end: `exit_status` is then that worker's, else 0. `configure` reads
    the settings anew, for successors; it raises SettingsError. `reloaded` is shared with the workers: 0 after a reload
    that failed, else 1.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        listener: socket.socket,
        configure: Callable[[], uvicorn.Config],
        started: Callable[[], object],
        reloaded: Any,
    ) -> None:
        super().__init__(config, [listener])
        self._reloaded = reloaded
        self._configure = configure
        self._started = started
        self._has_served = False

    @property
    def exit_status(self) -> int:
        return STARTUP_FAILURE if any(process.exitcode == STARTUP_FAILURE for process in self.processes) else 0

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
            self._started()

    def handle_hup(self) -> None:
        try:
            self.config = self._configure()
        except SettingsError as error:
            self._reloaded.value = 0
            log.error("settings not reloaded", reasons=error.mistakes)
            return
        log.info("gateway reloads")
        notify_systemd("RELOADING=1")
        before = [*self.processes]
        self.restart_all()
        notify_systemd("READY=1")
        if left := sum(process in before for process in self.processes):
            log.error("workers not replaced", left=left)
        self._reloaded.value = not left


class _ServerErrors:
    """Answers what the server refuses, and counts it."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def __call__(self, error: Exception) -> ASGIApp:
        return server_error_response(error, lambda refusal: count_failure(self._metrics, refusal))


def server_options(settings: Settings, metrics: Metrics | None = None) -> dict[str, Any]:
    """What uvicorn is run with; `metrics` are those of the application.

    No request is trusted to say which proxies it came through: nothing here asks.
    """
    metrics = Metrics() if metrics is None else metrics
    limits = ServerLimits(keep_alive_timeout=settings.keep_alive_timeout, max_connections=settings.max_connections)
    return {
        "loop": "uvloop",
        "http": partial(HttpConnection, Pool(limits, _ServerErrors(metrics), metrics.watch_connections)),
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


class EmbeddedServer(uvicorn.Server):
    """A server inside a program that handles its own signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def application(
    metrics: Metrics,
    started: Callable[[], object] = settle_collector,
    failed: Callable[[BaseException], object] = report_failure,
) -> Application:
    """What a server runs, by the settings as they are now. Raises SettingsError."""
    settings = load_settings()
    configure_logs(settings.log_level)
    return create_app(settings, started=started, failed=failed, metrics=metrics)


def worker(metrics: Metrics, reloaded: Any, *, is_successor: bool) -> Application:
    """What one of several servers runs. `is_successor`: others serve, and go on when this one cannot start.

    `reloaded` is that of `Workers`.
    """
    metrics.watch(metrics.reloaded, lambda: reloaded.value)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a terminal sends it to all processes: it is for the parent
    _end_with_parent()

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
    """Have this worker stop, as on a signal, once its parent is gone: nobody else knows of it.

    It would keep the address and its connections to the journal.
    """

    def wait() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=wait, name="parent", daemon=True).start()


def _allow_open_files() -> None:
    """As many as the system lets this process have, which `ulimit -n` is often far below: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS names no number and grants not just any
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
