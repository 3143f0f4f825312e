"""Exchanges with the endpoints of one platform, and what became of them as the gateway's own errors."""

from contextvars import Context, copy_context
from typing import Any

import httpx

from gateway.errors import NotSentError, PlatformError, drop_tracebacks
from gateway.ops.calls import CANCELLED, OK, REFUSED
from gateway.platforms.endpoint import Endpoint
from gateway.platforms.envelope import BadAnswerError, BusyAnswerError, Envelope, open_envelope
from gateway.platforms.pending import OnDone
from gateway.platforms.pool import Exchange
from gateway.platforms.route import Route, Routes
from gateway.platforms.session import NO_CREDENTIAL, Credential
from gateway.platforms.trouble import note_trouble, trouble_of


class EndpointExchange(Exchange):
    """One exchange with an endpoint: an encoded form is sent, the answer judged.

    `deadline` is a time of the loop's clock, `size` the bytes of the answer that has come. The outcome is an Envelope,
    or a PlatformError; not for a refusal: that is in the envelope.
    """

    __slots__ = ("_context", "_form", "_route", "_routes", "_started", "endpoint", "size")

    _route: Route
    _started: float
    _context: Context

    def __init__(self, routes: Routes, endpoint: Endpoint, form: bytes, deadline: float) -> None:
        """Sets what `Exchange.__init__` would, but for the pool and the request: which they are is found out later."""
        self.endpoint = endpoint
        self.deadline = deadline
        self.repeatable = False
        self.without_body = False
        self.size = 0
        self._routes = routes
        self._form = form
        self._stage = None

    def begin(self, on_done: OnDone) -> None:
        self._on_done = on_done
        self._send_with(NO_CREDENTIAL)

    def _send_with(self, credential: Credential) -> None:
        routes, endpoint = self._routes, self.endpoint
        try:
            route = routes.by_name.get(endpoint.name) or routes.to(endpoint)
            if route.breaker.troubled and not route.breaker.allows():
                message = "This endpoint failed repeatedly and is given a rest."
                retry_after = route.breaker.retry_after
                raise NotSentError(routes.platform, endpoint.name, message, retry_after=retry_after)
        except PlatformError as error:
            self._judged(error)
            return
        form, field = self._form, credential.field
        if field:
            form = b"%b&%b" % (form, field) if form else field
        self.request = b"%b%bContent-Length: %d\r\n\r\n%b" % (route.head, credential.header, len(form), form)
        self._route = route
        self._pool = route.pool
        self._started = routes.clock()
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
            self.size = len(outcome.body)
            envelope = open_envelope(outcome, self.endpoint.decode)
        except (httpx.TransportError, BadAnswerError, BusyAnswerError) as error:
            drop_tracebacks(error)  # their frames hold it as the outcome
            trouble = trouble_of(self._routes.platform, self.endpoint.name, error)
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
        self._on_done(outcome)

    def _note(self, outcome: str) -> None:
        """In the context that it was sent in: that of a connection is of no request."""
        self._route.calls.note(outcome, self._routes.clock() - self._started, self._context)
