"""What is looked up by a key: people and owners of houses, module switches, what security says of an application."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from gateway.execution.load import fetch, only_values
from gateway.in_flight import Read, ReadKey
from gateway.loaders.loader import ReadLoader, RecordLoader
from gateway.normalise.house import HouseOwner
from gateway.normalise.module import Module, ModuleState
from gateway.normalise.people import People
from gateway.normalise.records import HouseKey


class HouseOwnerLoader(ReadLoader[HouseKey, HouseOwner | None]):
    """None where the house has no owner, or security does not know the house: it does not say which."""

    endpoint = "owner"

    def identify(self, key: HouseKey) -> ReadKey:
        return key.community_code, key, self.source.view

    def read(self, key: HouseKey) -> Read:
        return self.source.platforms.security.house_owner(key)


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


ModuleStates = dict[str, tuple[ModuleState, ...] | None]
"""By community code. A community that is missing is unknown, not "off" (quirk 167)."""


class ModulesLoader(ReadLoader[str, tuple[Module, ...]]):
    """Keyed by community code."""

    endpoint = "modules"

    def identify(self, key: str) -> ReadKey:
        return key, None, self.source.view

    def read(self, key: str) -> Read:
        return self.source.platforms.wjdh.modules(key)


class ModuleStatesLoader(ReadLoader[Literal["all"], ModuleStates]):
    """One call answers for all communities, also ones the caller may not see: pick, never hand out (quirk 167)."""

    endpoint = "modules-sync"

    def identify(self, key: Literal["all"]) -> ReadKey:
        return None, None, self.source.view

    def read(self, key: Literal["all"]) -> Read:
        return self.source.platforms.security.module_states()


class VerificationKey(NamedTuple):
    """None for what the application does not say."""

    people: PeopleKey | None
    house: HouseKey | None


class LookedUp(NamedTuple):
    """What the look-ups came to: the record, None where security knows none or nothing was looked up, or the error."""

    registered: People | Exception | None
    owner: HouseOwner | Exception | None


class VerificationLoader(RecordLoader[VerificationKey, LookedUp]):
    """One look-up that fails leaves the other one's answer alone."""

    def __init__(self, people: PeopleLoader, owners: HouseOwnerLoader) -> None:
        super().__init__()
        self._people = people
        self._owners = owners

    async def load_level(self, keys: Sequence[VerificationKey]) -> list[Any]:
        people = list(dict.fromkeys(key.people for key in keys if key.people is not None))
        houses = list(dict.fromkeys(key.house for key in keys if key.house is not None))
        both = (self._people.load_level(people), self._owners.load_level(houses))
        registered, owners = only_values(await fetch(both))
        by_person = dict(zip(people, registered, strict=True))
        by_house = dict(zip(houses, owners, strict=True))
        return [
            LookedUp(
                by_person[key.people] if key.people is not None else None,
                by_house[key.house] if key.house is not None else None,
            )
            for key in keys
        ]
