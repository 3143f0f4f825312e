"""Serving: uvicorn with what production wants."""

import asyncio
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
import uvicorn
from starlette.types import ASGIApp

from gateway.addresses import make_url
from gateway.app import create_app
from gateway.auth.issuer import is_loopback
from gateway.errors import GatewayError
from gateway.http.application import Application
from gateway.http.request_metrics import count_failure
from gateway.http.responses import server_error_response
from gateway.http.server.connections import Connections
from gateway.http.server.limits import ServerLimits
from gateway.http.server.websocket_connection import WebSocketConnection
from gateway.ops.collector import settle_collector
from gateway.ops.logs import configure_logs
from gateway.ops.metrics import Metrics
from gateway.ops.worker_metrics import worker_directory
from gateway.reload import Apply, Reload
from gateway.settings import Mistakes, Settings, SettingsError, StartError, load_settings
from gateway.supervisor import DrainingServer, Supervisor, end_with_supervisor
from gateway.version import VERSION

GRACE = 10
"""Seconds that requests under way get at the end."""

LONGEST_MESSAGE = 1024 * 1024
"""Bytes of a WebSocket's message that are read at least, so that a refusal beyond `max_body_bytes` names that bound."""


log = structlog.get_logger(__name__)


def serve(settings: Settings, workers: int = 1) -> int:
    """Serve until stopped. Raises SettingsError, StartError.

    Returns the exit status: not 0 when no worker could start. The reason is on standard error then.
    """
    configure_logs(settings.log_level)
    _allow_open_files()
    mistakes = Mistakes()
    with mistakes.collect():
        create_app(settings)  # so that wrong settings end the command, not each worker
    with mistakes.collect():
        _require_shared_journal(settings, workers)
    mistakes.check()
    _require_address(settings)
    if workers == 1:
        Server(_config(settings, Metrics()), settings).run()
        return 0
    with closing(bind(settings.host, settings.port)) as reserved, worker_directory():
        host, port = reserved.getsockname()[:2]
        metrics = Metrics()

        def renew() -> uvicorn.Config:
            renewed = load_settings()
            configure_logs(renewed.log_level)
            create_app(renewed)
            _require_shared_journal(renewed, workers)
            return _config(msgspec.structs.replace(renewed, host=settings.host, port=settings.port), metrics, workers)

        config = _config(settings, metrics, workers)
        supervisor = Supervisor(
            config, partial(bind, host, port), started=lambda: log_start(settings, reserved), renew=renew
        )
        supervisor.run()
    return supervisor.exit_status


def _config(settings: Settings, metrics: Metrics, workers: int = 1) -> uvicorn.Config:
    """Handed to a worker, it is pickled as a whole: `metrics` are the same object wherever they are in it."""
    options = {"host": settings.host, "port": settings.port, **server_options(settings, metrics)}
    return uvicorn.Config(partial(application, metrics), factory=True, workers=workers, **options)


def _require_shared_journal(settings: Settings, workers: int) -> None:
    if workers > 1 and not settings.database_url:
        raise SettingsError(
            "GATEWAY_DATABASE_URL: needed for several workers, which can share a journal only in PostgreSQL"
        )


def _require_address(settings: Settings) -> None:
    """One that others listen at is no use: gateways of two commands with several workers would even share it."""
    try:
        with socket.socket(address_family(settings.host), socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((settings.host, settings.port))
    except OSError as error:
        raise address_error(error) from None


def address_error(error: OSError) -> StartError:
    """Why nobody can listen at the address of the settings."""
    return StartError(f"GATEWAY_HOST, GATEWAY_PORT: {error.strerror}")


def address_family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def log_start(settings: Settings, listener: socket.socket) -> None:
    """One line, when requests are taken, and one of the level error for what development should not be used with."""
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
    if isinstance(error, GatewayError):
        sys.stderr.write(f"gateway: {error}\n")
    else:
        log.critical("gateway did not start", exc_info=error)


class Server(DrainingServer):
    """The only server of its command. It logs when it serves; with several workers, the `Supervisor` does."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            log_start(self._settings, self.servers[0].sockets[0])


def bind(host: str, port: int) -> socket.socket:
    """A socket at an address that others are bound to as well, so that the kernel deals connections out.

    Workers that accept from one socket do not share evenly: the first to wake takes all that wait, and connections
    stay where they are. Raises OSError.
    """
    listener = socket.socket(address_family(host), socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    return listener


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
        "http": Connections(limits, _ServerErrors(metrics), metrics.watch_connections),
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


def application(metrics: Metrics) -> Application:
    """What each worker runs."""
    settings = load_settings()
    configure_logs(settings.log_level)
    end_with_supervisor()
    app = create_app(
        settings, started=settle_collector, failed=report_failure, metrics=metrics, read_again=load_settings
    )
    if app.reload is not None:
        app.reload.steps.append(_log_from)
        _on_hangup(app.reload)
    return app


async def _log_from(settings: Settings) -> Apply:
    async def apply() -> None:
        configure_logs(settings.log_level)

    return apply


def _on_hangup(reload: Reload) -> None:
    """Have SIGHUP read again what may change, and SIGUSR2, which is for the supervisor, end nobody."""
    reloads: set[asyncio.Task[None]] = set()

    def begin() -> None:
        task = asyncio.create_task(reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, begin)
    loop.add_signal_handler(signal.SIGUSR2, lambda: log.warning("rolling restart needs several workers"))


def _allow_open_files() -> None:
    """As many as the system lets this process have, which `ulimit -n` is often far below: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS names no number and grants not just any
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
