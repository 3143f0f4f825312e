"""Whose personal data an object holds: how the audit trail distinguishes objects, and what it calls them.

Each type of the schema that has personal fields declares its identity; a schema with one that does not cannot be built.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, compress
from operator import attrgetter
from typing import Any, NamedTuple

from gateway.auth.masking import MOST_SEARCHED, has_number, may_have_number
from gateway.auth.node_ids import NodeIds, join_parts, looks_hashed
from gateway.execution.run import Observation, ObservedField
from gateway.journal.records import RecordRef, RecordRefs
from gateway.normalise.people import House
from gateway.ops.trace import records_in


class Identity(NamedTuple):
    """Which record of the API an object is or belongs to: one of type `type_name`.

    `key` distinguishes the records of the type; None where the object does not know its record. `name` gives the
    community and the identifier of a key, which mostly is these two. `path` leads from the record to the
    object's fields. `owned` gives the key of the house whose owner's phone these of an object's paths hold besides.
    """

    type_name: str
    key: Callable[[Any], Any]
    name: Callable[[Any, NodeIds], tuple[str | None, object]] = lambda key, _ids: key
    path: str = ""
    owned: Callable[[Any, tuple[str, ...]], Hashable] | None = None


class RevealedType(NamedTuple):
    """A type of the schema: whose data it holds, and by public name of a field when a record's value in it is personal.

    In a field without a condition every value is; in one of the `texts`, those with a phone or ID number in them.
    """

    identity: Identity
    conditions: Mapping[str, Callable[[Any], bool]]
    texts: frozenset[str]

    def reader(self, fields: Sequence[ObservedField]) -> Callable[[Sequence[Any]], list[tuple[str, ...]]]:
        """What gives, for each of the records, the public paths of those fields that hold personal data in it.

        In nearly all records, all fields without a condition do, and no text does: that is found out at once.
        """
        texts = [field for field in fields if field.name in self.texts]
        uncertain = [field for field in fields if field.name in self.conditions]
        certain = [field for field in fields if field not in texts and field not in uncertain]
        path = self.identity.path
        all_certain, all_texts = (tuple([path + field.name for field in some]) for some in (certain, texts))
        get_certain, get_texts = ([attrgetter(field.attribute) for field in some] for some in (certain, texts))

        def read(records: Sequence[Any]) -> list[tuple[str, ...]]:
            found = [all_certain] * len(records)
            if any([None in map(get, records) for get in get_certain]):  # noqa: C419 # a list is faster, of a few fields
                rows = zip(*[map(get, records) for get in get_certain], strict=True)
                found = [tuple(compress(all_certain, [value is not None for value in row])) for row in rows]
            if texts and may_have_number(chain.from_iterable([map(get, records) for get in get_texts])):
                left = MOST_SEARCHED
                for number, row in enumerate(zip(*[map(get, records) for get in get_texts], strict=True)):
                    for text_path, text in zip(all_texts, row, strict=True):
                        if text is None or not may_have_number((text,)):
                            continue
                        left -= len(text)
                        if left < 0 or has_number(text):
                            found[number] += (text_path,)
            for field in uncertain:
                for number, record in enumerate(records):
                    if getattr(record, field.attribute) is not None and self.conditions[field.name](record):
                        found[number] += (path + field.name,)
            return found

        return read


READERS = 1_024  # selections of personal fields that are remembered, with what reads them


class Reveals:
    """Names what an answer reveals. `types` have personal fields, by name."""

    def __init__(self, types: Mapping[str, RevealedType], ids: NodeIds) -> None:
        self._ids = ids
        self._reader = lru_cache(READERS)(lambda fields: types[fields[0].type_name].reader(fields))
        self._types = types

    def name(self, record: object) -> RecordRef | None:
        """What the journal calls a record of a type that has an identity; None where the object does not know it."""
        found = self._types.get(type(record).__name__)
        if found is None or (key := found.identity.key(record)) is None:
            return None
        community_code, identifier = found.identity.name(key, self._ids)
        return RecordRef(found.identity.type_name, community_code, str(identifier))

    def find_whole(self, outcomes: Iterable[object]) -> Iterator[RecordRefs | None]:
        """The records in what calls came to, those within them too, of each type and community. None is what all are
        called that have no name.
        """
        named: defaultdict[tuple[str, str | None], dict[str, None]] = defaultdict(dict)
        records = [record for outcome in outcomes for record in records_in(outcome) or (None,)]
        has_nameless = False
        for record in records:
            records += getattr(record, "inner", ())
            if (ref := self.name(record)) is None:
                has_nameless = True
            else:
                named[ref.type, ref.community_code][ref.platform_id] = None
        for (type_name, code), ids in named.items():
            yield RecordRefs(type_name, code, tuple(ids))
        if has_nameless:
            yield None

    def find(self, observations: Sequence[Observation]) -> Iterator[tuple[RecordRefs | None, tuple[str, ...]]]:
        """All records of a type and community in which the same is personal, and what: each is named once, with its
        parts. None is what all are called that have no name. Records that have nothing personal are left out.
        """
        pages: defaultdict[tuple[str, Any], dict[Any, tuple[str, ...]]] = defaultdict(dict)
        for objects, fields in observations:
            found = self._reader(fields)(objects)
            if any(found):
                identity = self._types[fields[0].type_name].identity
                _add(pages[identity.type_name, identity.name], map(identity.key, objects), found)
                if identity.owned is not None:
                    houses = [*filter(None, map(identity.owned, objects, found))]
                    phones = [(f"{HOUSE_OWNER.path}phone",)] * len(houses)
                    _add(pages[HOUSE_OWNER.type_name, HOUSE_OWNER.name], houses, phones)
        for (type_name, name), page in pages.items():
            if None in page:
                yield None, page.pop(None)
            alike: dict[tuple[str | None, tuple[str, ...]], list[str]] = {}
            of: str | None = None
            fields_of: tuple[str, ...] = ()
            for key, personal in page.items():
                community_code, identifier = name(key, self._ids)
                if personal is not fields_of or community_code != of:  # nearly all are as the one before
                    of, fields_of = community_code, personal
                    names = alike.setdefault((community_code, personal), [])
                names.append(str(identifier))
            for (community_code, personal), platform_ids in alike.items():
                yield RecordRefs(type_name, community_code, tuple(platform_ids)), personal


def _add(page: dict[Any, tuple[str, ...]], keys: Iterable[Any], found: Iterable[tuple[str, ...]]) -> None:
    """Add to the page of a type, by the key of each record, what is personal in it."""
    for key, personal in zip(keys, found, strict=True):
        if personal and personal is not page.setdefault(key, personal):
            page[key] = tuple(dict.fromkeys(page[key] + personal))


def part_of_review(path: str) -> Identity:
    """Of a part that keeps the key of its review."""
    return Identity("Shenhe", attrgetter("review"), path=path)


def named_record(ids: NodeIds, text: str) -> RecordRef | str:
    """What the journal calls the record of an id: of a person or member, the very hash that is the id.

    Raises InvalidNodeIdError for what is no id.
    """
    return text if looks_hashed(text) else RecordRef(*ids.decode(text))


def public_id(ids: NodeIds, record: RecordRef) -> str:
    """The id of a record that the journal names: what `named_record` reads."""
    identifier = record.platform_id
    return identifier if looks_hashed(identifier) else ids.encode(record.type, record.community_code, identifier)


def house_id(house: House, ids: NodeIds) -> str:
    """The node id of a house; a hash where a part of its address is unreadable."""
    if house.key is None:
        return ids.hashed("House", *house.identifying_parts)
    return ids.encode("House", *house.key)


def _house_name(parts: Sequence[Any], ids: NodeIds) -> tuple[str | None, str]:
    """A house by its address: building, unit, floor and room; else by the hash of all that identifies it."""
    community_code, *address = parts
    return community_code, ids.hashed("House", *parts) if None in address[:4] else join_parts(address)


HOUSE = Identity("House", attrgetter("identifying_parts"), _house_name)
HOUSE_OWNER = Identity("House", attrgetter("house"), _house_name, "owner.")
RESIDENCY = Identity("House", attrgetter("house.identifying_parts"), _house_name, "residency.")
"""Of a place in a house: it has no record of its own, so it goes by the house."""
