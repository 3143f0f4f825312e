"""Both platforms, opened and closed together by the composition root."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from gateway.ops.calls import Calls
from gateway.ops.resilience import Slots
from gateway.platforms.security import Security
from gateway.platforms.transport import Transport
from gateway.platforms.wjdh import Wjdh
from gateway.settings import Settings, SettingsError


class Platforms:
    """The typed clients of both platforms, and what their calls took."""

    __slots__ = ("calls", "security", "wjdh")

    def __init__(self, wjdh: Wjdh, security: Security, calls: Calls) -> None:
        self.wjdh = wjdh
        self.security = security
        self.calls = calls


@asynccontextmanager
async def open_platforms(settings: Settings) -> AsyncIterator[Platforms]:
    """The clients for `settings`; nothing is called until somebody asks. Closes every connection at the end.

    Raises SettingsError for a URL that cannot be called.
    """
    for_wjdh, for_security = (
        Transport(slots=Slots(concurrency), max_body_bytes=settings.upstream_max_bytes)
        for concurrency in (settings.wjdh_concurrency, settings.security_concurrency)
    )
    calls = Calls(settings.call_timeout)
    try:
        wjdh = Wjdh(settings, for_wjdh, calls)
    except (httpx.InvalidURL, httpx.TransportError):
        raise SettingsError("GATEWAY_WJDH_URL: not a URL that can be called") from None
    try:
        security = Security(settings, for_security, calls)
    except (httpx.InvalidURL, httpx.TransportError):
        raise SettingsError("GATEWAY_SECURITY_URL, GATEWAY_SECURITY_*_PATH: not URLs that can be called") from None
    try:
        yield Platforms(wjdh, security, calls)
    finally:
        await wjdh.close()
        await security.close()
        await for_wjdh.aclose()
        await for_security.aclose()
