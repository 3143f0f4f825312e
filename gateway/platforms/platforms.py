"""Both platforms, made and closed together by the composition root."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx

from gateway.ops.calls import Calls
from gateway.ops.resilience import Slots
from gateway.platforms.security import Security
from gateway.platforms.transport import Transport
from gateway.platforms.wjdh import Wjdh
from gateway.settings import Mistakes, Settings, SettingsError


class Platforms:
    """The typed clients of both platforms, and what their calls took. Nothing is called until somebody asks."""

    __slots__ = ("_transports", "calls", "security", "wjdh")

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError for a URL that cannot be called, and for certificates that cannot be read."""
        self._transports = for_wjdh, for_security = tuple(
            Transport(
                slots=Slots(concurrency),
                max_body_bytes=settings.upstream_max_bytes,
                max_values=settings.upstream_max_values,
            )
            for concurrency in (settings.wjdh_concurrency, settings.security_concurrency)
        )
        self.calls = Calls(settings.call_timeout)
        mistakes = Mistakes()
        with mistakes.collect(), _callable("GATEWAY_WJDH_URL: must be an http or https URL that names no user"):
            self.wjdh = Wjdh(settings, for_wjdh, self.calls)
        with (
            mistakes.collect(),
            _callable(
                "GATEWAY_SECURITY_URL, GATEWAY_SECURITY_*_PATH: must be an http or https URL that names no user, and "
                "paths or URLs"
            ),
        ):
            self.security = Security(settings, for_security, self.calls)
        mistakes.check()

    async def aclose(self) -> None:
        """Close every connection."""
        await self.wjdh.close()
        await self.security.close()
        for transport in self._transports:
            await transport.aclose()


@contextmanager
def _callable(otherwise: str) -> Iterator[None]:
    """What is made within can be called. Raises SettingsError: this one for a URL that cannot be."""
    try:
        yield
    except (httpx.InvalidURL, httpx.TransportError):
        raise SettingsError(otherwise) from None
    except OSError:
        raise SettingsError("SSL_CERT_FILE: must be a file that can be read, of certificates in PEM") from None


@asynccontextmanager
async def open_platforms(settings: Settings) -> AsyncIterator[Platforms]:
    """The clients for `settings`, closed at the end. Raises SettingsError for a URL that cannot be called."""
    platforms = Platforms(settings)
    try:
        yield platforms
    finally:
        await platforms.aclose()
