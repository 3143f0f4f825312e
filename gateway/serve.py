"""Serving: uvicorn with what production wants, and logs as JSON lines."""

import logging
import resource
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog
import uvicorn

from gateway.app import create_app
from gateway.http.server.connections import Connections
from gateway.http.server.limits import ServerLimits
from gateway.http.server.websocket_connection import WebSocketConnection
from gateway.ops.collector import settle_collector
from gateway.ops.logs import trace_exceptions
from gateway.settings import Settings, SettingsError, load_settings
from gateway.supervisor import Supervisor

APPLICATION = "gateway.serve:application"

GRACE = 10
"""Seconds that requests under way get at the end."""

LONGEST_MESSAGE = 1024 * 1024
"""Bytes of a WebSocket's message that are read at least, so that one beyond `max_body_bytes` is told of that bound."""


def serve(settings: Settings, workers: int = 1) -> int:
    """Serve until stopped. Returns the exit status, not 0 when no worker could start. Raises SettingsError."""
    configure_logs()
    if workers > 1 and not settings.database_url:
        raise SettingsError("GATEWAY_DATABASE_URL: several workers share a journal only in PostgreSQL")
    _allow_open_files()
    create_app(settings)  # so that wrong settings end the command, not each worker
    options = {"host": settings.host, "port": settings.port, **server_options(settings)}
    if workers == 1:
        uvicorn.run(APPLICATION, factory=True, **options)
        return 0
    config = uvicorn.Config(APPLICATION, factory=True, workers=workers, **options)
    config.bind_socket().close()  # an address in use ends the command: gateways of two commands would share it
    supervisor = Supervisor(config, [Listener(settings.host, settings.port)])
    supervisor.run()
    return supervisor.exit_status


class Listener(socket.socket):
    """Bound to an address. Handed to a worker it is bound there anew, so that the kernel deals connections out.

    Workers that accept from one socket do not share evenly: whoever wakes first takes all that wait, and connections
    stay where they are. Raises OSError.
    """

    def __init__(self, host: str, port: int) -> None:
        super().__init__(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.bind((host, port))

    def __reduce__(self) -> tuple[type["Listener"], tuple[str, int]]:
        return Listener, self.getsockname()[:2]


def server_options(settings: Settings) -> dict[str, Any]:
    """What uvicorn is run with. No request is trusted to say which proxies it came through: nothing here asks."""
    limits = ServerLimits(
        header_timeout=settings.header_timeout,
        body_timeout=settings.body_timeout,
        keep_alive_timeout=settings.keep_alive_timeout,
        stall_timeout=settings.stall_timeout,
        max_connections=settings.max_connections,
    )
    return {
        "loop": "uvloop",
        "http": Connections(limits),
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


def application() -> object:
    """What each worker runs."""
    configure_logs()
    return create_app(load_settings(), started=settle_collector)


def _allow_open_files() -> None:
    """As many as the system lets this process have, which `ulimit -n` is often far below: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS names no number and grants not just any
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def configure_logs() -> None:
    """One JSON object a line on standard error, each with the request id; uvicorn's own lines only from warnings up."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            trace_exceptions,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
