"""One exchange with an endpoint: route, circuit, form, transport, and what became of it as the gateway's own errors."""

import re
import string
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from urllib.parse import quote_plus

import httpx

from gateway.errors import (
    ConnectionLostError,
    NotConfiguredError,
    NotSentError,
    PlatformBusyError,
    PlatformError,
    PlatformId,
    PlatformTimeoutError,
    ProtocolError,
)
from gateway.ops.calls import CANCELLED, OK, REFUSED, Calls, EndpointCalls
from gateway.ops.health import EndpointState
from gateway.ops.resilience import CircuitBreaker, Clock
from gateway.platforms.endpoint import Endpoint, Kind
from gateway.platforms.envelope import BadAnswerError, BusyAnswerError, Envelope, open_envelope
from gateway.platforms.transport import Pool, Transport, request_head
from schema.normalise.states import Availability, CircuitState

USER_AGENT = f"wanjia-gateway/{version('wanjia-gateway')}"

_TOO_MANY_REQUESTS = 429
_PLAIN = f"{string.ascii_letters}{string.digits}_.~-".encode()
"""What may stand in a form as it is."""

_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)


def endpoint_url(base: str, path: str) -> httpx.URL:
    """The URL of `path` under `base`; a path that is a whole URL stands alone (quirk 56). Raises httpx.InvalidURL."""
    return httpx.URL(path if _ABSOLUTE.match(path) else f"{base.rstrip('/')}/{path.lstrip('/')}")


def encode_form(form: Mapping[str, str]) -> bytes:
    """application/x-www-form-urlencoded in UTF-8 (quirks 44, 63); an empty value is left out (quirk 151)."""
    fields = form if all(form.values()) else {name: value for name, value in form.items() if value}
    if "".join(fields.values()).encode().translate(None, _PLAIN):
        fields = {name: quote_plus(value) for name, value in fields.items()}
    return "&".join(map("=".join, fields.items())).encode("ascii")


class Route:
    """The way to one endpoint: where it is, the head of its requests but for what differs, its circuit, its calls."""

    __slots__ = ("breaker", "calls", "head", "pool")

    def __init__(
        self, endpoint: Endpoint, url: httpx.URL, transport: Transport, calls: EndpointCalls, clock: Clock
    ) -> None:
        self.pool: Pool = transport.pool(url)
        self.breaker = CircuitBreaker(clock=clock)
        self.calls = calls
        self.head = request_head(
            endpoint.method.encode("ascii"),
            url.raw_path,
            (
                (b"Host", url.netloc),
                (b"User-Agent", USER_AGENT.encode("ascii")),
                (b"Accept", b"application/json"),
                (b"Accept-Encoding", b"identity"),
                (b"Content-Type", b"application/x-www-form-urlencoded"),
            ),
        )


class Caller:
    """Calls the endpoints of one platform, each by its own route."""

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
        self._clock = clock
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self._routes = {
            endpoint.name: Route(
                endpoint, endpoint_url(base_url, endpoint.path), transport, calls.to(platform, endpoint.name), clock
            )
            for endpoint in self._endpoints.values()
            if endpoint.path and (base_url or _ABSOLUTE.match(endpoint.path))
        }

    async def exchange(
        self, endpoint: Endpoint, deadline: float, form: Mapping[str, str], header: bytes = b""
    ) -> Envelope:
        """Send a form and judge the answer. `deadline` is a time of the loop's clock, `header` a whole header line.

        Raises PlatformError, but not for a refusal: that is in the envelope.
        """
        route = self.route(endpoint)
        breaker = route.breaker
        if not breaker.allows():
            raise NotSentError(self.platform, endpoint.name, "This endpoint failed repeatedly and is given a rest.")
        fields = encode_form(form)
        request = b"".join((route.head, header, b"Content-Length: %d\r\n\r\n" % len(fields), fields))
        started = self._clock()
        outcome = CANCELLED
        try:
            answer = await route.pool.send(request, deadline, repeatable=endpoint.kind is Kind.READ)
            breaker.succeeded()
            envelope = open_envelope(answer, endpoint.decode)
            outcome = REFUSED if envelope.code else OK
        except (httpx.TransportError, BadAnswerError, BusyAnswerError) as error:
            _note_trouble(breaker, error)
            trouble = self._trouble(endpoint, error)
            outcome = trouble.code
            raise trouble from None
        except BaseException:  # cancelled, most likely: it tells nothing of the endpoint
            breaker.abandoned()
            raise
        finally:
            route.calls.note(outcome, self._clock() - started)
        return envelope

    def route(self, endpoint: Endpoint) -> Route:
        """Raises NotConfiguredError."""
        route = self._routes.get(endpoint.name)
        if route is None:
            raise NotConfiguredError(self.platform, endpoint.name, "The settings do not say where this endpoint is.")
        return route

    @property
    def states(self) -> dict[str, EndpointState]:
        """What is known of each endpoint, without asking."""
        return {name: self._state(name) for name in self._endpoints}

    def _state(self, name: str) -> EndpointState:
        route = self._routes.get(name)
        if route is None:
            return EndpointState(name, Availability.NOT_CONFIGURED, CircuitState.CLOSED)
        return EndpointState(name, Availability.AVAILABLE, route.breaker.state)

    def _trouble(
        self, endpoint: Endpoint, error: httpx.TransportError | BadAnswerError | BusyAnswerError
    ) -> PlatformError:
        where = self.platform, endpoint.name
        match error:
            case httpx.PoolTimeout():
                return NotSentError(*where, "Too many calls to this platform are under way.")
            case httpx.ConnectTimeout():
                timeout = PlatformTimeoutError(*where, "No connection to the platform was made in time.")
                timeout.sent = False
                return timeout
            case httpx.ReadTimeout():
                return PlatformTimeoutError(*where, "The platform did not answer in time.")
            case httpx.ConnectError():
                return NotSentError(*where, str(error))
            case httpx.ReadError():
                return ConnectionLostError(*where, "The connection broke before the answer was complete.")
            case BusyAnswerError():
                executes = error.status != _TOO_MANY_REQUESTS
                return PlatformBusyError(*where, str(error), retry_after=error.retry_after, sent=executes)
            case _:
                return ProtocolError(*where, str(error))


def _note_trouble(breaker: CircuitBreaker, error: Exception) -> None:
    """An answer shows that the endpoint can be reached, whatever it says; a full queue shows nothing."""
    if isinstance(error, httpx.PoolTimeout):
        breaker.abandoned()
    elif isinstance(error, httpx.TransportError) and not isinstance(error, httpx.RemoteProtocolError):
        breaker.failed()
    else:
        breaker.succeeded()
