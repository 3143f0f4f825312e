"""People of the security platform, by name and phone (document 1.1.2)."""

from typing import NamedTuple

from gateway.in_flight import Read, ReadKey
from gateway.loaders.loader import ReadLoader
from gateway.normalise.people import People


class PeopleKey(NamedTuple):
    """Both are needed (quirk 183); neither alone identifies anyone (quirk 82)."""

    name: str
    phone: str


class PeopleLoader(ReadLoader[PeopleKey, People | None]):
    endpoint = "people"

    def identify(self, key: PeopleKey) -> ReadKey:
        return None, self.source.shared.conceal(key), self.source.view

    def read(self, key: PeopleKey) -> Read:
        return self.source.platforms.security.people(key.name, key.phone)
