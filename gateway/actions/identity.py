"""Whose personal data an object holds: how the audit trail distinguishes objects, and what it calls them.

Each type of the schema that has personal fields declares its identity; a schema with one that does not cannot be built.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from gateway.auth.node_ids import NodeIds, Part
from gateway.execution.variants import ObservedField
from gateway.journal.records import RecordRef
from gateway.normalise import records
from gateway.normalise.house import House, HouseOwner, Residency


class Identity(NamedTuple):
    """Which record of the API an object is or belongs to.

    `key` distinguishes objects while reveals are noted. `reference` names the record; None where the object does not
    know it. `path` leads from the record to the object's fields.
    """

    key: Callable[[Any], Hashable]
    reference: Callable[[Any, NodeIds], RecordRef | None]
    path: str = ""


class RevealedType(NamedTuple):
    """A type of the schema: whose data it holds, and by public name of a field when a record's value in it is personal.

    In a field without a condition every value is.
    """

    identity: Identity
    conditions: Mapping[str, Callable[[Any], bool]]

    def revealed_fields(self, record: Any, fields: Iterable[ObservedField]) -> tuple[str, ...]:
        """The public paths of those fields that hold personal data in the record."""
        return tuple(f"{self.identity.path}{field.name}" for field in fields if self._is_personal(record, field))

    def _is_personal(self, record: Any, field: ObservedField) -> bool:
        if getattr(record, field.attribute) is None:
            return False
        condition = self.conditions.get(field.name)
        return condition is None or condition(record)


def part_of(type_name: str, key: Callable[[Any], tuple[str | None, Part] | None], path: str) -> Identity:
    """Of a part of a record of that type. `key` gives the record's community and identifier, None where unknown."""

    def reference(part: Any, _ids: NodeIds) -> RecordRef | None:
        record = key(part)
        return None if record is None else RecordRef(type_name, record[0], str(record[1]))

    return Identity(key, reference, path)


def part_of_review(path: str) -> Identity:
    """Of a part that keeps the key of its review."""
    return part_of("Shenhe", attrgetter("review"), path)


def house_id(house: House, ids: NodeIds) -> str:
    """The node id of a house; a hash where a part of its address is unreadable."""
    if house.key is None:
        return ids.hashed("House", *house.identifying_parts)
    return ids.encode("House", *house.key)


def house_ref(key: records.HouseKey) -> RecordRef:
    """A house by its address: its community, and building, unit, floor and room with hyphens between them."""
    return RecordRef("House", key.community_code, "-".join(map(str, key[1:])))


def _house(house: House, ids: NodeIds) -> RecordRef:
    if house.key is None:
        return RecordRef("House", house.community_code, house_id(house, ids))
    return house_ref(house.key)


def _house_of_owner(owner: HouseOwner, _ids: NodeIds) -> RecordRef | None:
    return None if owner.house is None else house_ref(owner.house)


def _house_of_residency(residency: Residency, ids: NodeIds) -> RecordRef:
    return _house(residency.house, ids)


HOUSE = Identity(attrgetter("identifying_parts"), _house)
HOUSE_OWNER = Identity(attrgetter("house"), _house_of_owner, "owner.")
RESIDENCY = Identity(attrgetter("house.identifying_parts"), _house_of_residency, "residency.")
"""Of a place in a house: nobody's own record, so it goes by the house."""
