"""What the security platform says about an application: the applicant and the house, looked up side by side."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from gateway.execution.fetch import fetch
from gateway.execution.level_loader import only_values
from gateway.loaders.house import HouseOwnerLoader
from gateway.loaders.loader import RecordLoader
from gateway.loaders.people import PeopleKey, PeopleLoader
from gateway.normalise.house import HouseOwner
from gateway.normalise.people import People
from gateway.normalise.records import HouseKey


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
