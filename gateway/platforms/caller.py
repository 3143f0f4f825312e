"""Exchanges with the endpoints of one platform, and what became of them as the gateway's own errors."""

import time
from collections.abc import Iterable
from contextvars import Context, copy_context
from typing import Any

import httpx

from gateway.errors import NotConfiguredError, NotSentError, PlatformError, PlatformId
from gateway.ops.calls import CANCELLED, OK, REFUSED, Calls
from gateway.ops.health import EndpointState
from gateway.ops.resilience import Clock
from gateway.platforms.endpoint import Endpoint
from gateway.platforms.envelope import BadAnswerError, BusyAnswerError, Envelope, open_envelope
from gateway.platforms.pending import Tell
from gateway.platforms.pool import Exchange
from gateway.platforms.route import ABSOLUTE, Route, endpoint_url
from gateway.platforms.session import NO_CREDENTIAL, Credential
from gateway.platforms.transport import Transport
from gateway.platforms.trouble import note_trouble, trouble_of
from schema.normalise.states import Availability, CircuitState


class Caller:
    """Knows the endpoints of one platform, and the routes to those that are set up, by their names."""

    def __init__(
        self,
        platform: PlatformId,
        base_url: str,
        endpoints: Iterable[Endpoint],
        transport: Transport,
        calls: Calls,
        clock: Clock = time.monotonic,
    ) -> None:
        """Raises httpx.InvalidURL or httpx.UnsupportedProtocol for a URL that cannot be called."""
        self.platform = platform
        self.clock = clock
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self.routes = {
            endpoint.name: Route(
                endpoint, endpoint_url(base_url, endpoint.path), transport, calls.to(platform, endpoint.name, clock)
            )
            for endpoint in self._endpoints.values()
            if endpoint.path and (base_url or ABSOLUTE.match(endpoint.path))
        }

    def route(self, endpoint: Endpoint) -> Route:
        """Raises NotConfiguredError."""
        route = self.routes.get(endpoint.name)
        if route is None:
            raise NotConfiguredError(self.platform, endpoint.name, "The settings do not say where this endpoint is.")
        return route

    @property
    def states(self) -> dict[str, EndpointState]:
        """What is known of each endpoint, without asking."""
        return {name: self._state(name) for name in self._endpoints}

    def _state(self, name: str) -> EndpointState:
        route = self.routes.get(name)
        if route is None:
            return EndpointState(name, Availability.NOT_CONFIGURED, CircuitState.CLOSED)
        return EndpointState(name, Availability.AVAILABLE, route.breaker.state)


class EndpointExchange(Exchange):
    """One exchange with an endpoint: an encoded form is sent, the answer judged.

    `deadline` is a time of the loop's clock. The outcome is an Envelope, or a PlatformError; not for a refusal: that
    is in the envelope.
    """

    __slots__ = ("_caller", "_context", "_form", "_route", "_started", "endpoint")

    _route: Route
    _started: float
    _context: Context

    def __init__(self, caller: Caller, endpoint: Endpoint, form: bytes, deadline: float) -> None:
        self.endpoint = endpoint
        self.deadline = deadline
        self.repeatable = False
        self.without_body = False
        self._caller = caller
        self._form = form
        self._stage = None

    def begin(self, tell: Tell) -> None:
        self._tell = tell
        self._send_with(NO_CREDENTIAL)

    def _send_with(self, credential: Credential) -> None:
        caller, endpoint = self._caller, self.endpoint
        try:
            route = caller.routes.get(endpoint.name) or caller.route(endpoint)
            if route.breaker.troubled and not route.breaker.allows():
                message = "This endpoint failed repeatedly and is given a rest."
                retry_after = route.breaker.retry_after
                raise NotSentError(caller.platform, endpoint.name, message, retry_after=retry_after)
        except PlatformError as error:
            self._judged(error)
            return
        form, field = self._form, credential.field
        if field:
            form = b"%b&%b" % (form, field) if form else field
        self.request = b"%b%bContent-Length: %d\r\n\r\n%b" % (route.head, credential.header, len(form), form)
        self._route = route
        self._pool = route.pool
        self._started = caller.clock()
        self._context = copy_context()
        self._send()

    def cancel(self) -> None:
        if self._stage is not None:
            super().cancel()
            self._route.breaker.abandoned()
            self._note(CANCELLED)

    def _ended(self, outcome: Any) -> None:
        calls = self._route.calls
        try:
            if isinstance(outcome, Exception):
                raise outcome
            if calls.breaker.troubled:
                calls.answered()
            envelope = open_envelope(outcome, self.endpoint.decode)
        except (httpx.TransportError, BadAnswerError, BusyAnswerError) as error:
            trouble = trouble_of(self._caller.platform, self.endpoint.name, error)
            self._context.run(note_trouble, calls, error, trouble)
            self._note(trouble.code)
            self._judged(trouble)
        except Exception as error:  # noqa: BLE001 # a mistake in here: whoever waits is to hear of it
            calls.breaker.abandoned()
            self._note(CANCELLED)
            self._judged(error)
        else:
            self._note(REFUSED if envelope.code else OK)
            self._judged(envelope)

    def _judged(self, outcome: Envelope | Exception) -> None:
        """What the exchange has come to."""
        self._tell(outcome)

    def _note(self, outcome: str) -> None:
        """In the context that it was sent in: that of a connection is of no request."""
        self._route.calls.note(outcome, self._caller.clock() - self._started, self._context)
