"""One platform on a port of its own: finds the endpoint, logs the call, checks the token, answers or errs."""

from collections.abc import Callable

import msgspec

from gateway.sandbox.control import PREFIX, Control
from gateway.sandbox.delivery import Exchange, deliver
from gateway.sandbox.endpoint import Endpoint, Form, Platform
from gateway.sandbox.faults import Faults
from gateway.sandbox.http import HTML, Connection, Listener, Request
from gateway.sandbox.log import CallLog, LoggedCall
from gateway.sandbox.variant import Variant

_NOT_FOUND = b"<!DOCTYPE html>\n<html><head><title>Not Found</title></head><body><h1>404</h1></body></html>"
_NOT_ALLOWED = b"<!DOCTYPE html>\n<html><head><title>Method Not Allowed</title></head><body><h1>405</h1></body></html>"


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
        self.listener = Listener(self._handle)

    def serve(self, platform: Platform) -> None:
        """Answer from this platform from now on."""
        self.platform = platform
        self._endpoints = {(endpoint.path, endpoint.method): endpoint for endpoint in platform.endpoints}
        self._paths = {endpoint.path for endpoint in platform.endpoints}

    @property
    def url(self) -> str:
        return self.listener.url

    @property
    def max_concurrent(self) -> int:
        """The most calls that were unanswered at one moment. Answers are instant unless a fault delays them."""
        return self.listener.traffic.max_in_flight

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self.listener.traffic.connections)

    @property
    def connections_opened(self) -> int:
        """Connections opened since the start."""
        return self.listener.traffic.opened

    def forget_concurrency(self) -> None:
        self.listener.traffic.max_in_flight = self.listener.traffic.in_flight

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
