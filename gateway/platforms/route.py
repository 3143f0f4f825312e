"""The ways to the endpoints of a platform: URL, headers, form, circuit and calls of each."""

import re
import time
from collections.abc import Mapping
from importlib.metadata import version
from urllib.parse import quote_plus

import httpx
import msgspec

from gateway.addresses import can_be_called
from gateway.errors import PlatformId
from gateway.normalise.wire import AS_DOCUMENTED, Wire
from gateway.ops.calls import Calls, CallTrace
from gateway.ops.resilience import Clock
from gateway.ops.slots import GATEWAY, Slots
from gateway.platforms.answer import RawAnswer
from gateway.platforms.endpoint import Endpoint, Kind
from gateway.platforms.pending import Pending
from gateway.platforms.pool import Exchange
from gateway.platforms.session import Credential
from gateway.platforms.transport import ClientExchange, EngineTransport, request_head

USER_AGENT = f"wanjia-gateway/{version('wanjia-gateway')}"

ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """What carries the calls to one platform: `client` any of them, `engine` the reads past it, where there is one.
    `slots` bounds how many are in flight; `wire` reads the answers.

    A call may take `call_timeout` seconds in all: queueing, a login and a replay included.
    """

    client: httpx.AsyncClient
    engine: EngineTransport | None
    slots: Slots
    calls: Calls
    call_timeout: float
    clock: Clock = time.monotonic
    wire: Wire = AS_DOCUMENTED


def endpoint_url(base: str, path: str) -> httpx.URL:
    """The URL of `path` under `base`; a path that is a whole URL stands alone (quirk 56).

    Raises httpx.InvalidURL, for a base with a query or fragment, too: nothing can stand under it. And for a misspelt
    URL, which would be taken for a path. Raises httpx.UnsupportedProtocol for a URL that cannot be called.
    """
    if _OTHER_SCHEME.match(path) and not ABSOLUTE.match(path):
        raise httpx.InvalidURL("The URL is not of http or https.")
    if ABSOLUTE.match(path):
        url = httpx.URL(path)
    elif "?" in base or "#" in base:
        raise httpx.InvalidURL("The base has more than a path.")
    else:
        url = httpx.URL(f"{base.rstrip('/')}/{path.lstrip('/')}")
    if not can_be_called(url):
        raise httpx.UnsupportedProtocol("The URL cannot be called by http or https.")
    return url


def encode_form(form: Mapping[str, str]) -> bytes:
    """application/x-www-form-urlencoded in UTF-8 (quirks 44, 63); an empty value is left out (quirk 151)."""
    return "&".join([f"{name}={escape(value)}" for name, value in form.items() if value]).encode("ascii")


def escape(value: str) -> str:
    """As it stands in a form: codes and numbers as they are."""
    return value if value.isalnum() and value.isascii() else quote_plus(value)


class Route:
    """The way to one endpoint, its circuit and its calls."""

    __slots__ = (
        "_client",
        "_head",
        "_headers",
        "_method",
        "_pool",
        "_url",
        "breaker",
        "calls",
        "decode",
        "endpoint",
        "is_login",
        "is_read",
    )

    def __init__(self, platform: PlatformId, endpoint: Endpoint, url: httpx.URL, upstream: Upstream) -> None:
        self.endpoint = endpoint
        self.calls = upstream.calls.to(platform, endpoint.name, upstream.clock)
        self.breaker = self.calls.breaker
        self.decode = None if endpoint.decode is None else endpoint.decode(upstream.wire)
        self.is_login = endpoint.kind is Kind.LOGIN
        self.is_read = endpoint.kind is Kind.READ
        self._client = upstream.client
        self._pool = upstream.engine.pool(url) if upstream.engine is not None and self.is_read else None
        self._method = endpoint.method
        self._url = url
        self._headers = [
            (b"Host", url.netloc),
            (b"User-Agent", USER_AGENT.encode("ascii")),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"identity"),
            (b"Content-Type", b"application/x-www-form-urlencoded"),
        ]
        self._head = request_head(endpoint.method.encode("ascii"), url.raw_path, self._headers)

    def exchange(
        self,
        form: bytes,
        credential: Credential,
        deadline: float,
        trace: CallTrace | None = None,
        caller: str = GATEWAY,
    ) -> Pending[RawAnswer]:
        """One request of this caller, to be begun. Its errors are those of `gateway.platforms.transport`."""
        field = credential.field
        if field:
            form = b"%b&%b" % (form, field) if form else field
        if self._pool is not None:
            request = b"%b%bContent-Length: %d\r\n\r\n%b" % (self._head, credential.header, len(form), form)
            if trace is not None:
                request = request.replace(b"\r\n", b"\r\ntraceparent: %b\r\n" % trace.traceparent, 1)
            return Exchange(self._pool, request, deadline, self.is_read, trace, caller)
        headers = self._headers
        if trace is not None:
            trace.note_sent()
            headers = [*headers, (b"traceparent", trace.traceparent)]
        if credential.authorization:
            headers = [*headers, (b"Authorization", credential.authorization)]
        extensions = {"deadline": deadline, "repeatable": self.is_read, "caller": caller}
        return ClientExchange(
            self._client,
            httpx.Request(self._method, self._url, headers=headers, content=form, extensions=extensions),
        )
