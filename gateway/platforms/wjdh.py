"""The wjdh platform (万家灯火): reviews, orders, modules, repairs, announcements."""

from collections.abc import Mapping

from gateway.ops.health import EndpointState
from gateway.platforms.probe import Probe
from schema.normalise.records import Module, Order, OrderQuery, Page, Repair, Shenhe
from schema.normalise.requests import NewAnnouncement, NewOrder
from schema.normalise.vocabulary import ModuleName, RepairStatus, ShenheStatus, ShenheType


class Wjdh:
    """A typed method per endpoint.

    Every method raises a PlatformError when the platform did not give what was asked; "not found" is None.
    """

    async def shenhes(
        self,
        community_code: str,
        *,
        type: ShenheType | None = None,  # the public name of the filter
        status: ShenheStatus | None = None,
        page: int = 1,
        per_page: int = 20,
    ) -> Page[Shenhe]:
        """A page of the community's reviews (1.2.2)."""
        raise NotImplementedError

    async def shenhe(self, platform_id: int, community_code: str | None = None) -> Shenhe | None:
        """One review (1.2.3). `community_code` is what the caller knows of it: the answer does not tell (quirk 175)."""
        raise NotImplementedError

    async def decide_shenhe(
        self, platform_id: int, status: ShenheStatus, *, content: str | None = None, reason: str | None = None
    ) -> None:
        """Approve or reject a review (1.2.4). `content` is the complete document as JSON text (quirk 116)."""
        raise NotImplementedError

    async def create_order(self, order: NewOrder) -> str:
        """Create an order (2.1.1) and return its number. Never repeated: a lost answer leaves it unknown (quirk 154).

        Raises RefusedError with `upstream_code` 2 (no such person or vehicle) or 3 (not registered).
        """
        raise NotImplementedError

    async def orders(self, community_code: str, query: OrderQuery, page: int = 1) -> Page[Order]:
        """A page of the community's orders (2.1.2); its size is the platform's choice (quirk 134)."""
        raise NotImplementedError

    async def modules(self, community_code: str) -> tuple[Module, ...]:
        """The community's feature modules (3.2.1)."""
        raise NotImplementedError

    async def set_module(self, community_code: str, name: ModuleName, enabled: bool) -> None:
        """Switch a module on or off (3.2.2)."""
        raise NotImplementedError

    async def repairs(
        self, community_code: str, status: RepairStatus, page: int = 1, per_page: int = 20
    ) -> Page[Repair]:
        """A page of the community's repairs of one status (4.1): the platform has no list of both (quirk 146)."""
        raise NotImplementedError

    async def repair(self, platform_id: int, community_code: str | None = None) -> Repair | None:
        """One repair with its date (4.2). `community_code` as in `shenhe`."""
        raise NotImplementedError

    async def update_repair(self, platform_id: int, status: RepairStatus, reply: str | None = None) -> None:
        """Set a repair's status (4.3); an absent reply keeps the old one (quirk 55)."""
        raise NotImplementedError

    async def create_announcement(self, announcement: NewAnnouncement) -> int:
        """Publish an announcement (5.1) and return its id. Never repeated (quirk 154)."""
        raise NotImplementedError

    @property
    def endpoints(self) -> Mapping[str, EndpointState]:
        """Every endpoint of the platform by name, those not offered included."""
        raise NotImplementedError

    @property
    def healthy(self) -> bool:
        """No circuit is open and the platform has not just refused the credentials."""
        raise NotImplementedError

    async def probe(self, endpoint: str) -> Probe:
        """Try one endpoint; a write is never called."""
        raise NotImplementedError
