"""Whose personal data an object holds: how the audit trail distinguishes objects, and what it calls them.

Each type of the schema that has personal fields declares its identity; a schema with one that does not cannot be built.
"""

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

from gateway.auth.masking import has_number, may_have_number
from gateway.auth.node_ids import NodeIds, Part, looks_hashed
from gateway.execution.variants import ObservedField
from gateway.journal.records import RecordRef
from gateway.normalise import records
from gateway.normalise.house import House, HouseOwner, Residency
from gateway.normalise.verification import Finding

Reference: TypeAlias = Callable[[Any, NodeIds], RecordRef | None]


class Identity(NamedTuple):
    """Which record of the API an object is or belongs to.

    `key` distinguishes the objects of a list while reveals are noted. `reference` names the record; None where the
    object does not know it. `path` leads from the record to the object's fields. `beside` gives whose data these of
    its paths hold besides, and under which paths there.
    """

    key: Callable[[Any], Hashable]
    reference: Reference
    path: str = ""
    beside: Callable[[Any, tuple[str, ...]], Sequence[tuple[RecordRef, tuple[str, ...]]]] = lambda _object, _shown: ()


class RevealedType(NamedTuple):
    """A type of the schema: whose data it holds, and by public name of a field when a record's value in it is personal.

    In a field without a condition every value is; in one of the `texts`, those with a phone or ID number in them.
    """

    identity: Identity
    conditions: Mapping[str, Callable[[Any], bool]]
    texts: frozenset[str]

    def reader(self, fields: Sequence[ObservedField]) -> Callable[[Sequence[Any]], Iterator[tuple[str, ...]]]:
        """What gives, for each of the records, the public paths of those fields that hold personal data in it.

        In nearly all records, all fields without a condition do, and no text does: that is found out at once.
        """
        path, conditions = self.identity.path, self.conditions
        texts = [(path + field.name, field.attribute) for field in fields if field.name in self.texts]
        certain = [
            (path + field.name, field.attribute)
            for field in fields
            if field.name not in conditions and field.name not in self.texts
        ]
        uncertain = [
            (path + field.name, field.attribute, conditions[field.name]) for field in fields if field.name in conditions
        ]
        all_certain = tuple(name for name, _ in certain)
        values, all_texts = _get_all(certain), _get_all(texts)

        def read(records: Sequence[Any]) -> Iterator[tuple[str, ...]]:
            may_have = may_have_number(chain.from_iterable(map(all_texts, records)))
            for record in records:
                names = all_certain
                if None in values(record):
                    names = tuple([name for name, attribute in certain if getattr(record, attribute) is not None])
                if may_have:
                    names += tuple([name for name, attribute in texts if has_number(getattr(record, attribute))])
                for name, attribute, is_personal in uncertain:
                    if getattr(record, attribute) is not None and is_personal(record):
                        names += (name,)
                yield names

        return read


def _get_all(attributes: Sequence[tuple[str, str]]) -> Callable[[Any], Sequence[Any]]:
    """What gives a record's values of these attributes, any number of them."""
    names = [attribute for _, attribute in attributes]
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple([getattr(record, name) for name in names])


def part_of(type_name: str, key: Callable[[Any], tuple[str | None, Part] | None], path: str) -> Identity:
    """Of a part of a record of that type. `key` gives the record's community and identifier, None where unknown."""

    def reference(part: Any, _ids: NodeIds) -> RecordRef | None:
        record = key(part)
        return None if record is None else RecordRef(type_name, record[0], str(record[1]))

    return Identity(key, reference, path)


def part_of_review(path: str) -> Identity:
    """Of a part that keeps the key of its review."""
    return part_of("Shenhe", attrgetter("review"), path)


def named_record(ids: NodeIds, text: str) -> RecordRef | str:
    """What the journal calls the record of an id: of a person or member, the very hash that is the id.

    Raises InvalidNodeIdError for what is no id.
    """
    if looks_hashed(text):
        return text
    node = ids.decode(text)
    if node.type_name == "House":
        return house_ref(records.HouseKey(str(node.community_code), *map(int, node.parts)))
    return RecordRef(node.type_name, node.community_code, str(node.parts[0] if node.parts else node.community_code))


_NUMBERED = frozenset({"Shenhe", "Repair", "Announcement"})
"""Types whose node ids hold the platform's number as a number, all of which the journal keeps as text."""

_ADDRESS = re.compile(r"(-?\d+)-(-?\d+)-(-?\d+)-(-?\d+)")


def public_id(ids: NodeIds, record: RecordRef) -> str:
    """The id of a record that the journal names: what `named_record` reads."""
    text = record.platform_id
    if looks_hashed(text):
        return text
    if record.type == "House" and (address := _ADDRESS.fullmatch(text)):
        return ids.encode("House", record.community_code, *map(int, address.groups()))
    if record.type == "Community":
        return ids.encode("Community", record.community_code)
    return ids.encode(record.type, record.community_code, int(text) if record.type in _NUMBERED else text)


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


def _owner_of_house(finding: Finding, shown: tuple[str, ...]) -> Sequence[tuple[RecordRef, tuple[str, ...]]]:
    if finding.owned is None or f"{FINDING.path}registered" not in shown:
        return ()
    return ((house_ref(finding.owned), (f"{HOUSE_OWNER.path}phone",)),)


FINDING = part_of_review("verification.findings.")._replace(beside=_owner_of_house)
HOUSE = Identity(attrgetter("identifying_parts"), _house)
HOUSE_OWNER = Identity(attrgetter("house"), _house_of_owner, "owner.")
RESIDENCY = Identity(attrgetter("house.identifying_parts"), _house_of_residency, "residency.")
"""Of a place in a house: nobody's own record, so it goes by the house."""
