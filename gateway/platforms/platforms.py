"""All platforms, made from the settings and closed together."""

import ssl
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TypeVar

import httpx
from msgspec.structs import replace

from gateway.normalise.wire import AS_DOCUMENTED, NO_PROFILE, Profile, Wire
from gateway.ops.calls import PlatformStatus
from gateway.ops.metrics import Metrics
from gateway.ops.slots import Slots
from gateway.platforms.client import PlatformClient
from gateway.platforms.connection import Proxy
from gateway.platforms.endpoint import Endpoint, Upstream
from gateway.platforms.security import Security
from gateway.platforms.wjdh import Wjdh
from gateway.settings import Mistakes, Settings, SettingsError, can_be_called
from gateway.wording.settings import Mistake

PLATFORMS: tuple[type[PlatformClient], ...] = (Wjdh, Security)

ClientT = TypeVar("ClientT", bound=PlatformClient)


class Platforms:
    """The clients of all platforms. Nothing is called until a caller asks."""

    def __init__(self, clients: Sequence[PlatformClient], wire: Wire = AS_DOCUMENTED) -> None:
        self.all = tuple(clients)
        self.wjdh = self.get(Wjdh)
        self.security = self.get(Security)
        self.wire = wire
        self.profile = wire.profile
        self.by_endpoint = {endpoint.name: client for client in clients for endpoint in client.declared}

    def get(self, kind: type[ClientT]) -> ClientT:
        """The client of one platform."""
        return next(client for client in self.all if isinstance(client, kind))

    @property
    def statuses(self) -> list[PlatformStatus]:
        """What is known of the platforms without asking them."""
        return [PlatformStatus(each.platform, each.healthy, tuple(each.endpoints.values())) for each in self.all]

    def divide_slots(self, gateways: int) -> None:
        """So many gateways at work share the slots of each platform."""
        for client in self.all:
            client.slots.divide(gateways)

    async def aclose(self) -> None:
        """Close every connection."""
        for client in self.all:
            await client.aclose()


def make_platforms(
    settings: Settings, endpoints: Iterable[Endpoint], profile: Profile = NO_PROFILE, *, metrics: Metrics | None = None
) -> Platforms:
    """The clients for `settings` and the deployment's profile, which call these endpoints and log in. Raises
    SettingsError for a URL that cannot be called, and for certificates that cannot be read.
    """
    wire, metrics = Wire(profile), Metrics() if metrics is None else metrics
    declared = [*(kind.login for kind in PLATFORMS if kind.login is not None), *endpoints]
    located = [replace(each, path=getattr(settings, each.setting)) if each.setting else each for each in declared]
    get_tls = cache(_read_certificates)
    proxy = _read_proxy(settings.upstream_proxy, get_tls) if settings.upstream_proxy else None
    mistakes, clients = Mistakes(), []
    for kind in PLATFORMS:
        own = [endpoint for endpoint in located if endpoint.platform is kind.platform]
        slots = Slots(getattr(settings, f"{kind.platform.lower()}_concurrency"))
        upstream = Upstream(own, slots, settings.call_timeout, wire, metrics, get_tls, proxy)
        upstream.shows_exchanges = not settings.is_production
        try:
            clients.append(mistakes.attempt(kind.open, settings, upstream))
        except httpx.InvalidURL:
            mistakes.add(Mistake.NO_URL(kind.address_settings))
    mistakes.check()
    return Platforms(clients, wire)


def _read_certificates() -> ssl.SSLContext:
    """What verifies servers. Raises SettingsError."""
    try:
        return httpx.create_ssl_context()
    except OSError:
        raise SettingsError(Mistake.NO_CERTIFICATES("SSL_CERT_FILE")) from None


def _read_proxy(url: str, get_tls: Callable[[], ssl.SSLContext]) -> Proxy:
    """Raises SettingsError."""
    try:
        proxy = httpx.Proxy(url, ssl_context=get_tls() if url.lower().startswith("https:") else None)
    except (httpx.InvalidURL, ValueError):
        proxy = None
    if proxy is None or not can_be_called(proxy.url) or proxy.url.raw_path != b"/":
        raise SettingsError(Mistake.NO_PROXY_URL("GATEWAY_UPSTREAM_PROXY")) from None
    return Proxy(proxy)
