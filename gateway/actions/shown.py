"""Records whose personal data is shown: what tells them apart, what the audit trail calls them, and what they held."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from gateway.auth.masking import mask_text
from gateway.auth.node_ids import NodeIds
from gateway.execution.variants import ObservedField
from gateway.journal.records import Announcement, Operation, RecordRef
from schema.normalise import records
from schema.normalise.verification import Finding

Reference = Callable[[Any, NodeIds], RecordRef | None]


class Kind(NamedTuple):
    """How records of a class are told apart while they are noted, and which record of the API they are or belong to.

    `path` leads from that record to the fields shown. A reference of None: it belongs to none that has an id.
    """

    key: Callable[[Any], Hashable]
    reference: Reference
    path: str = ""


def house_id(house: records.House, ids: NodeIds) -> str:
    """The node id of a house; a hash, only to tell houses apart, where a part of its address is unreadable."""
    if house.key is None:
        return ids.hashed("House", *house.identifying_parts)
    return ids.encode("House", *house.key)


def house_ref(key: records.HouseKey) -> RecordRef:
    """A house by its address: its community, and building, unit, floor and room with hyphens between them."""
    return RecordRef("House", key.community_code, "-".join(map(str, key[1:])))


def _people(record: records.People, ids: NodeIds) -> RecordRef:
    return RecordRef("People", None, ids.people_id(record.name, record.phone))


def _member(record: records.Member, ids: NodeIds) -> RecordRef:
    return RecordRef("Member", None, ids.member_id(record.name, record.phone, record.id_card, record.role))


def _house(record: records.House, ids: NodeIds) -> RecordRef:
    if record.key is not None:
        return house_ref(record.key)
    return RecordRef("House", record.community_code, house_id(record, ids))


def _owner(record: records.HouseOwner, _ids: NodeIds) -> RecordRef | None:
    return None if record.house is None else house_ref(record.house)


def _review(record: records.Shenhe, _ids: NodeIds) -> RecordRef:
    return RecordRef("Shenhe", record.community_code, str(record.platform_id))


def _of_review(part: records.ShenheContent | records.ShenhePeople | Finding, _ids: NodeIds) -> RecordRef | None:
    if part.review is None:
        return None
    community_code, platform_id = part.review
    return RecordRef("Shenhe", community_code, str(platform_id))


def _order(record: records.Order, _ids: NodeIds) -> RecordRef:
    return RecordRef("Order", record.community_code, record.number or str(record.platform_id))


def _repair(record: records.Repair, _ids: NodeIds) -> RecordRef:
    return RecordRef("Repair", record.community_code, str(record.platform_id))


def _module(record: records.Module, _ids: NodeIds) -> RecordRef:
    return RecordRef("Module", record.community_code, record.label)


def _announcement(record: Announcement, _ids: NodeIds) -> RecordRef:
    return RecordRef("Announcement", record.community_code, str(record.platform_id))


def _operation(record: Operation, _ids: NodeIds) -> RecordRef:
    return RecordRef("Operation", record.community_code, record.id)


def _itself(record: Hashable) -> Hashable:
    return record


_OTHER = Kind(_itself, lambda _record, _ids: None)

KINDS: Mapping[type, Kind] = {
    records.People: Kind(attrgetter("name", "phone"), _people),
    records.Member: Kind(attrgetter("name", "phone", "id_card", "role"), _member),
    records.House: Kind(attrgetter("identifying_parts"), _house),
    records.HouseOwner: Kind(attrgetter("house"), _owner, "owner."),
    records.Shenhe: Kind(attrgetter("community_code", "platform_id"), _review),
    records.ShenheContent: Kind(attrgetter("review"), _of_review, "content."),
    records.ShenhePeople: Kind(attrgetter("review"), _of_review, "content.people."),
    records.ShenheHouse: Kind(_itself, lambda _record, _ids: None, "content.house."),
    Finding: Kind(_itself, _of_review, "verification.findings."),
    records.Order: Kind(attrgetter("community_code", "platform_id"), _order),
    records.Repair: Kind(attrgetter("community_code", "platform_id"), _repair),
    records.Module: Kind(attrgetter("community_code", "label"), _module),
    Announcement: Kind(attrgetter("community_code", "platform_id"), _announcement),
    Operation: Kind(attrgetter("id"), _operation),
}
"""By class."""

_PATHS = {"RepairReporter": "reporter."}
"""Of types that share the record of another one."""


_TEXTS = frozenset(
    {
        "action_introduction",
        "address",
        "community_code",
        "company_name",
        "content",
        "description",
        "house_introduction",
        "job_name",
        "location",
        "manager",
        "nation",
        "reason",
        "rejection_reason",
        "remark",
        "reply",
        "title",
    }
)
"""Attributes that are personal only as far as numbers of people stand in them."""


def kind_of(record_class: type) -> Kind:
    return KINDS.get(record_class, _OTHER)


def shown_fields(kind: Kind, record: Any, fields: Iterable[ObservedField]) -> tuple[str, ...]:
    """The public paths of those fields that hold personal data in the record."""
    return tuple(
        f"{kind.path}{_PATHS.get(field.type_name, '')}{field.name}"
        for field in fields
        if _is_personal(record, field.attribute)
    )


def _is_personal(record: Any, attribute: str) -> bool:
    value = getattr(record, attribute)
    if value is None:
        return False
    if attribute == "data_issues":
        return any(issue.raw is not None and (issue.pii is not None or _has_numbers(issue.raw)) for issue in value)
    if attribute == "details":
        return any(_has_numbers(detail.name) or _has_numbers(detail.value) for detail in value)
    if attribute in _TEXTS or (isinstance(record, Finding) and record.pii is None):
        return _has_numbers(value)
    return True


def _has_numbers(text: str) -> bool:
    return mask_text(text) != text
