"""The security platform (安防平台): people, house owners, module states, payment notifications."""

from collections.abc import Mapping

from gateway.ops.health import EndpointState
from gateway.platforms.probe import Probe
from schema.normalise.records import HouseKey, HouseOwner, ModuleState, People


class Security:
    """A typed method per endpoint.

    Every method raises a PlatformError when the platform did not give what was asked; "not found" is None. An endpoint
    without a path in the settings raises NotConfiguredError and calls nothing (quirk 56).
    """

    async def people(self, name: str, phone: str) -> People | None:
        """A person by name and phone (1.1.2)."""
        raise NotImplementedError

    async def house_owner(self, house: HouseKey) -> HouseOwner | None:
        """The owner of a house (1.1.3); None when it has none."""
        raise NotImplementedError

    async def module_states(self) -> dict[str, tuple[ModuleState, ...]]:
        """The production state of every community's modules, by community code (3.1.1; quirk 167)."""
        raise NotImplementedError

    async def deliver_payment(self, order_number: str, shop_number: str, weixin_number: str) -> None:
        """Hand over a payment notification (2.2.1). Returns only when the platform says it is saved (code 0)."""
        raise NotImplementedError

    @property
    def endpoints(self) -> Mapping[str, EndpointState]:
        """Every endpoint of the platform by name."""
        raise NotImplementedError

    @property
    def healthy(self) -> bool:
        """No circuit is open and the platform has not just refused the credentials."""
        raise NotImplementedError

    async def probe(self, endpoint: str) -> Probe:
        """Try one endpoint; a write is never called."""
        raise NotImplementedError
