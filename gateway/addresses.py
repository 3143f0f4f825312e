"""Addresses: those of others, as settings give them, and the gateway's own."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the health check wants no HTTP client
    import httpx

LARGEST_PORT = 65535


def can_be_called(address: "httpx.URL") -> bool:
    """Whether it is of http or https, with a host and port that there may be, and names no user: none is ever sent."""
    if address.scheme not in ("http", "https") or address.userinfo:
        return False
    if address.port is not None and not 0 < address.port <= LARGEST_PORT:
        return False
    try:
        return bool(address.host.encode("idna"))  # as it is looked up: with parts that are neither empty nor too long
    except UnicodeError:
        return False


def make_url(host: str, port: int) -> str:
    """Where the gateway is served that listens at this host, an address of IPv4 or IPv6 or a name."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
