"""One platform on a port of its own: finds the endpoint, logs the call, checks the token, answers or errs."""

import asyncio
from collections.abc import Callable

import msgspec

from gateway.sandbox.control import PREFIX, Control
from gateway.sandbox.delivery import Exchange, deliver
from gateway.sandbox.endpoint import Endpoint, Form, Platform
from gateway.sandbox.faults import Faults
from gateway.sandbox.http import HTML, Connection, Request, Traffic
from gateway.sandbox.log import CallLog, LoggedCall
from gateway.sandbox.variant import Variant

_NOT_FOUND = b"<!DOCTYPE html>\n<html><head><title>Not Found</title></head><body><h1>404</h1></body></html>"
_NOT_ALLOWED = b"<!DOCTYPE html>\n<html><head><title>Method Not Allowed</title></head><body><h1>405</h1></body></html>"

HOST = "127.0.0.1"


class PlatformServer:
    """Serves one platform on loopback."""

    def __init__(
        self,
        platform: Platform,
        log: CallLog,
        faults: Faults,
        control: Control,
        clock: Callable[[], float],
        variant: Variant,
    ) -> None:
        self.serve(platform)
        self._log = log
        self._faults = faults
        self._control = control
        self._clock = clock
        self._variant = variant
        self._traffic = Traffic()
        self._server: asyncio.Server | None = None
        self.url = ""

    def serve(self, platform: Platform) -> None:
        """Answer from this platform from now on."""
        self.platform = platform
        self._endpoints = {(endpoint.path, endpoint.method): endpoint for endpoint in platform.endpoints}
        self._paths = {endpoint.path for endpoint in platform.endpoints}

    @property
    def max_concurrent(self) -> int:
        """The most calls that were unanswered at one moment. Answers are instant unless a fault delays them."""
        return self._traffic.max_in_flight

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._traffic.connections)

    @property
    def connections_opened(self) -> int:
        """Connections opened since the start."""
        return self._traffic.opened

    def forget_concurrency(self) -> None:
        self._traffic.max_in_flight = self._traffic.in_flight

    async def start(self, port: int) -> None:
        """Listen; 0 lets the system choose the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self._handle, self._traffic), HOST, port)
        self.url = f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Stop listening and break off whatever is still open."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._traffic.connections):
            connection.reset()
        await self._server.wait_closed()

    def _handle(self, request: Request, connection: Connection) -> None:
        endpoint = self._endpoints.get((request.path, request.method))
        if endpoint is None:
            self._handle_other(request, connection)
            return
        form = request.form()
        self._log.add(
            LoggedCall(
                self.platform.name,
                endpoint.name,
                request.method,
                form,
                request.headers,
                self._clock(),
                connection.number,
            )
        )
        fault = self._faults.take(self.platform.name, endpoint)
        if fault is None:
            connection.reply(self._execute(endpoint, request, form))
            return
        deliver(
            Exchange(
                fault,
                self._faults,
                self.platform,
                endpoint,
                connection,
                execute=lambda: self._execute(endpoint, request, form),
            )
        )

    def _execute(self, endpoint: Endpoint, request: Request, form: Form) -> bytes:
        if self.platform.admits(endpoint, request, form):
            return self._variant(msgspec.json.encode(endpoint.answer(form)))
        return msgspec.json.encode(self.platform.expired(endpoint))

    def _handle_other(self, request: Request, connection: Connection) -> None:
        if request.path.startswith(PREFIX):
            self._control.answer(self.platform.name, request, connection)
        elif request.path in self._paths:
            connection.reply(_NOT_ALLOWED, 405, HTML)
        else:
            connection.reply(_NOT_FOUND, 404, HTML)
