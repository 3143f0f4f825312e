"""What is known of the platforms without asking them."""

from gateway.normalise.records import Record
from gateway.normalise.vocabulary import PlatformName
from gateway.ops.resilience import EndpointState
from gateway.platforms.platforms import Platforms


class PlatformStatus(Record, frozen=True, gc=False):
    """A platform and its endpoints."""

    name: PlatformName
    healthy: bool
    endpoints: tuple[EndpointState, ...]


def platform_statuses(platforms: Platforms) -> list[PlatformStatus]:
    """Both platforms, wjdh first. Calls nobody."""
    return [
        PlatformStatus(name, client.healthy, tuple(client.endpoints.values()))
        for name, client in ((PlatformName.WJDH, platforms.wjdh), (PlatformName.SECURITY, platforms.security))
    ]
