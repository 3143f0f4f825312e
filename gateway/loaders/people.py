"""People of the security platform, by name and phone (document 1.1.2)."""

from typing import NamedTuple

from gateway.loaders.batch import BatchLoader
from schema.normalise.records import People


class PeopleKey(NamedTuple):
    """Both are needed (quirk 183); neither alone identifies anyone (quirk 82)."""

    name: str
    phone: str


class PeopleLoader(BatchLoader[PeopleKey, People | None]):
    async def load_one(self, key: PeopleKey) -> People | None:
        return await self.source.read(
            "people",
            None,
            self.source.conceal(key.name, key.phone),
            lambda: self.source.platforms.security.people(key.name, key.phone),
        )
