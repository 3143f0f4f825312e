"""Both platforms, made from the settings and closed together."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import msgspec

from gateway.addresses import can_be_called
from gateway.errors import PlatformId
from gateway.normalise.profile import NO_PROFILE, Profile
from gateway.normalise.wire import AS_DOCUMENTED, Wire
from gateway.ops.calls import Calls
from gateway.ops.metrics import Metrics
from gateway.ops.slots import Slots
from gateway.platforms.large_answers import LargeAnswers
from gateway.platforms.proxy import ProxyTransport
from gateway.platforms.route import Upstream
from gateway.platforms.security import Security, SecurityPaths
from gateway.platforms.transport import EngineTransport
from gateway.platforms.wjdh import Wjdh
from gateway.settings import Mistakes, Settings, SettingsError

SECURITY_TOKEN_LIFETIME = 1800.0
"""Seconds. No lifetime is documented (quirk 40)."""


class Platforms:
    """The typed clients of both platforms, and what their calls took. Nothing is called until somebody asks."""

    __slots__ = ("calls", "profile", "security", "wire", "wjdh")

    def __init__(self, wjdh: Wjdh, security: Security, calls: Calls, wire: Wire = AS_DOCUMENTED) -> None:
        self.wjdh = wjdh
        self.security = security
        self.calls = calls
        self.wire = wire
        self.profile = wire.profile

    def get_platform(self, endpoint: str) -> PlatformId:
        """Which platform has the endpoint of this name."""
        return next(client.platform for client in (self.wjdh, self.security) if endpoint in client.endpoints)

    async def aclose(self) -> None:
        """Close every connection."""
        await self.wjdh.aclose()
        await self.security.aclose()


def make_platforms(
    settings: Settings,
    profile: Profile = NO_PROFILE,
    *,
    reads_by_engine: bool = True,
    metrics: Metrics | None = None,
) -> Platforms:
    """The clients for `settings` and the deployment's profile.

    Without `reads_by_engine`, and with a proxy, reads go by httpx like all other calls.

    Raises SettingsError for a URL that cannot be called, and for certificates that cannot be read.
    """
    calls, wire = Calls(settings.call_timeout, metrics), Wire(profile)
    paths = SecurityPaths(
        token=settings.security_token_path,
        people=settings.security_people_path,
        owner=settings.security_owner_path,
        callback=settings.security_callback_path,
        modules=settings.security_modules_path,
    )
    addresses = settings.wjdh_url, settings.security_url, settings.upstream_proxy, *msgspec.structs.astuple(paths)
    tls = _read_certificates() if any(address.lower().startswith("https:") for address in addresses) else None
    proxy = _read_proxy(settings.upstream_proxy, tls) if settings.upstream_proxy else None

    def open_upstream(concurrency: int) -> Upstream:
        slots = Slots(concurrency)
        large_answers = LargeAnswers()
        engine = EngineTransport(slots, large_answers, tls)
        transport = engine if proxy is None else ProxyTransport(slots, large_answers, tls, proxy)
        return Upstream(
            client=httpx.AsyncClient(transport=transport, trust_env=False),
            engine=engine if proxy is None and reads_by_engine else None,
            slots=slots,
            calls=calls,
            call_timeout=settings.call_timeout,
            wire=wire,
        )

    mistakes = Mistakes()
    with mistakes.collect(), _callable("GATEWAY_WJDH_URL: must be an http or https URL that names no user"):
        wjdh = Wjdh(
            settings.wjdh_url,
            settings.wjdh_secret_id,
            settings.wjdh_secret_key,
            open_upstream(settings.wjdh_concurrency),
            token_lifetime=profile.wjdh_token_lifetime,
            not_found=profile.not_found,
        )
    with (
        mistakes.collect(),
        _callable(
            "GATEWAY_SECURITY_URL, GATEWAY_SECURITY_*_PATH: must be an http or https URL that names no user, and "
            "paths or URLs"
        ),
    ):
        security = Security(
            settings.security_url,
            paths,
            settings.security_key_k,
            settings.security_key_d,
            profile.security_token_lifetime or SECURITY_TOKEN_LIFETIME,
            open_upstream(settings.security_concurrency),
            not_found=profile.not_found,
        )
    mistakes.check()
    return Platforms(wjdh, security, calls, wire)


def _read_certificates() -> ssl.SSLContext:
    """What verifies servers. Raises SettingsError."""
    try:
        return httpx.create_ssl_context()
    except OSError:
        raise SettingsError("SSL_CERT_FILE: must be a file that can be read, of certificates in PEM") from None


def _read_proxy(url: str, tls: ssl.SSLContext | None) -> httpx.Proxy:
    """Raises SettingsError."""
    try:
        proxy = httpx.Proxy(url, ssl_context=tls if url.lower().startswith("https:") else None)
    except (httpx.InvalidURL, ValueError):
        proxy = None
    if proxy is None or not can_be_called(proxy.url) or proxy.url.raw_path != b"/":
        raise SettingsError("GATEWAY_UPSTREAM_PROXY: must be an http or https URL without a path") from None
    return proxy


@contextmanager
def _callable(otherwise: str) -> Iterator[None]:
    """What is made within can be called. Raises SettingsError: this one for a URL that cannot be."""
    try:
        yield
    except (httpx.InvalidURL, httpx.TransportError):
        raise SettingsError(otherwise) from None
