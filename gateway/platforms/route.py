"""The ways to the endpoints of a platform: URL, head of the requests, form, circuit and calls of each."""

import re
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from urllib.parse import quote_plus

import httpx

from gateway.errors import NotConfiguredError, PlatformId
from gateway.normalise.states import Availability, CircuitState
from gateway.ops.calls import Calls, EndpointCalls
from gateway.ops.health import EndpointState
from gateway.ops.resilience import Clock
from gateway.platforms.endpoint import Endpoint
from gateway.platforms.pool import Pool
from gateway.platforms.transport import Transport, request_head

USER_AGENT = f"wanjia-gateway/{version('wanjia-gateway')}"

ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)


def endpoint_url(base: str, path: str) -> httpx.URL:
    """The URL of `path` under `base`; a path that is a whole URL stands alone (quirk 56).

    Raises httpx.InvalidURL, for a base with a query or fragment, too: nothing can stand under it. And for a misspelt
    URL, which would be taken for a path.
    """
    if ABSOLUTE.match(path):
        return httpx.URL(path)
    if _OTHER_SCHEME.match(path):
        raise httpx.InvalidURL("The URL is not of http or https.")
    if "?" in base or "#" in base:
        raise httpx.InvalidURL("The base has more than a path.")
    return httpx.URL(f"{base.rstrip('/')}/{path.lstrip('/')}")


def encode_form(form: Mapping[str, str]) -> bytes:
    """application/x-www-form-urlencoded in UTF-8 (quirks 44, 63); an empty value is left out (quirk 151)."""
    return "&".join([f"{name}={escape(value)}" for name, value in form.items() if value]).encode("ascii")


def escape(value: str) -> str:
    """As it stands in a form: codes and numbers as they are."""
    return value if value.isalnum() and value.isascii() else quote_plus(value)


class Route:
    """The way to one endpoint: where it is, the head of its requests but for what differs, its circuit, its calls."""

    __slots__ = ("breaker", "calls", "head", "pool")

    def __init__(self, endpoint: Endpoint, url: httpx.URL, transport: Transport, calls: EndpointCalls) -> None:
        self.pool: Pool = transport.pool(url)
        self.breaker = calls.breaker
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


class Routes:
    """The endpoints of one platform, and the routes to those that are set up: `by_name`, as in the document."""

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
        self.by_name = {
            endpoint.name: Route(
                endpoint, endpoint_url(base_url, endpoint.path), transport, calls.to(platform, endpoint.name, clock)
            )
            for endpoint in self._endpoints.values()
            if endpoint.path and (base_url or ABSOLUTE.match(endpoint.path))
        }

    def to(self, endpoint: Endpoint) -> Route:
        """The route to an endpoint. Raises NotConfiguredError."""
        route = self.by_name.get(endpoint.name)
        if route is None:
            raise NotConfiguredError(self.platform, endpoint.name, "The settings do not say where this endpoint is.")
        return route

    @property
    def states(self) -> dict[str, EndpointState]:
        """What is known of each endpoint, without asking."""
        return {name: self._state(name) for name in self._endpoints}

    def _state(self, name: str) -> EndpointState:
        route = self.by_name.get(name)
        if route is None:
            return EndpointState(name, Availability.NOT_CONFIGURED, CircuitState.CLOSED)
        return EndpointState(name, Availability.AVAILABLE, route.breaker.state)
