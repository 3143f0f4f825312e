"""The way to an endpoint: its URL, the head of its requests, its form, its circuit, its calls."""

import re
from collections.abc import Mapping
from importlib.metadata import version
from urllib.parse import quote_plus

import httpx

from gateway.ops.calls import EndpointCalls
from gateway.platforms.endpoint import Endpoint
from gateway.platforms.transport import Pool, Transport, request_head

USER_AGENT = f"wanjia-gateway/{version('wanjia-gateway')}"

ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)


def endpoint_url(base: str, path: str) -> httpx.URL:
    """The URL of `path` under `base`; a path that is a whole URL stands alone (quirk 56).

    Raises httpx.InvalidURL, for a base with a query or fragment, too: nothing can stand under it.
    """
    if ABSOLUTE.match(path):
        return httpx.URL(path)
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
