"""Which web pages may open a WebSocket: browsers ask no permission before they do (RFC 6455, 10.2)."""

from collections.abc import Collection


def may_connect(origin: str | None, host: str | None, allowed: Collection[str]) -> bool:
    """Pages of the gateway's own host, and of the origins `allowed` lists, such as `https://console.example`.

    A client without an origin is not a web page: no browser adds credentials to what it sends.
    """
    if origin is None or origin in allowed:
        return True
    _scheme, separator, page_host = origin.partition("://")
    return bool(separator) and host is not None and page_host.lower() == host.lower()
