"""Houses: who owns one, and what the security platform knows of it (document 1.1.3)."""

from gateway.in_flight import Read, ReadKey
from gateway.loaders.loader import ReadLoader
from gateway.normalise.house import HouseOwner
from gateway.normalise.records import HouseKey


class HouseOwnerLoader(ReadLoader[HouseKey, HouseOwner | None]):
    """None where the house has no owner, or security does not know the house: it does not say which."""

    endpoint = "owner"

    def identify(self, key: HouseKey) -> ReadKey:
        return key.community_code, key, self.source.view

    def read(self, key: HouseKey) -> Read:
        return self.source.platforms.security.house_owner(key)
