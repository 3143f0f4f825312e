"""Houses: who owns one, and what the security platform tells of it (document 1.1.3)."""

from gateway.loaders.batch import BatchLoader
from schema.normalise.records import HouseKey, HouseOwner


class HouseOwnerLoader(BatchLoader[HouseKey, HouseOwner | None]):
    """None where the house has no owner, or security does not know the house: it does not tell which."""

    async def load_one(self, key: HouseKey) -> HouseOwner | None:
        return await self.source.read(
            "owner", key.community_code, key, lambda: self.source.platforms.security.house_owner(key)
        )
