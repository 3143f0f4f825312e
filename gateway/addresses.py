"""Addresses of others, as settings give them."""

import httpx

LARGEST_PORT = 65535


def can_be_called(address: httpx.URL) -> bool:
    """Whether it is of http or https, with a host and port that there may be, and names no user: none is ever sent."""
    if address.scheme not in ("http", "https") or address.userinfo:
        return False
    if address.port is not None and not 0 < address.port <= LARGEST_PORT:
        return False
    try:
        return bool(address.host.encode("idna"))  # as it is looked up: with parts that are neither empty nor too long
    except UnicodeError:
        return False
