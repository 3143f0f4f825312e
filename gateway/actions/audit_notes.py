"""What was revealed and denied since the last write of the audit trail, in memory."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, TypeAlias

import msgspec

from gateway.actions.identity import Reference, RevealedType
from gateway.auth.masking import mask_text
from gateway.auth.node_ids import NodeIds
from gateway.execution.variants import Observation, ObservedField
from gateway.journal.identifiers import new_id
from gateway.journal.records import AuditAction, AuditEntry, RecordRefs

LONGEST_NAME = 64


class Occasion(msgspec.Struct, frozen=True, gc=False):
    """When it happened, and in which request."""

    at: datetime
    operation_name: str | None
    request_id: str


class _Denied(msgspec.Struct):
    """How often it was denied, and the last occasion."""

    last: Occasion
    count: int = 0


class _Shown(msgspec.Struct):
    """How often these records were shown together, unchanged, and the last occasion."""

    records: Sequence[Any]
    last: Occasion
    count: int = 1


_Together: TypeAlias = defaultdict[tuple[Hashable, ...], list[_Shown]]
"""Records that were shown together, by the keys of all of them: most pages that are shown again hold the same records,
unchanged. Where one of them has changed, the page is noted once more beside the first.
"""


class AuditNotes:
    """Equal notes are one: `count` is of those that differ. `types` have personal fields, by name."""

    def __init__(self, types: Mapping[str, RevealedType], ids: NodeIds) -> None:
        self._types = types
        self._ids = ids
        self._revealed: defaultdict[tuple[str, tuple[ObservedField, ...]], _Together] = defaultdict(
            lambda: defaultdict(list)
        )  # by subject, and fields of one type
        self._denied: dict[tuple[str, str, str], _Denied] = {}  # by subject, field, and the scope that it needs
        self.count = 0

    def reveal(self, subject: str, observations: Iterable[Observation], occasion: Occasion) -> None:
        """Note that these fields of these records are shown as they are."""
        for records, fields in observations:
            keys = tuple(map(self._types[fields[0].type_name].identity.key, records))
            noted = self._revealed[subject, fields][keys]
            if noted and noted[-1].records == records:
                shown = noted[-1]
                shown.last = occasion
                shown.count += 1
            else:
                noted.append(_Shown(records, occasion))
                self.count += len(keys)

    def deny(self, subject: str, field: str, scope: str, occasion: Occasion) -> None:
        """Note that a field was denied for want of the scope."""
        key = (subject, field, scope)
        if key not in self._denied:
            self._denied[key] = _Denied(occasion)
            self.count += 1
        denied = self._denied[key]
        denied.last = occasion
        denied.count += 1

    def entries(self) -> Iterator[AuditEntry]:
        """An entry for each page and denial; records that had nothing personal in the fields shown are left out."""
        for (subject, fields), together in self._revealed.items():
            revealed_type = self._types[fields[0].type_name]
            read = revealed_type.reader(fields)
            for shown in chain.from_iterable(together.values()):
                for personal, records in self._alike(shown.records, read, revealed_type.identity.reference):
                    yield _entry(shown.last, subject, AuditAction.REVEALED, personal, shown.count, records=records)
        for (subject, field, scope), denied in self._denied.items():
            yield _entry(denied.last, subject, AuditAction.DENIED, (field,), denied.count, missing_scope=scope)

    def _alike(
        self, records: Sequence[Any], read: Callable[[Any], tuple[str, ...]], reference: Reference
    ) -> Iterator[tuple[tuple[str, ...], RecordRefs | None]]:
        """The records by what was personal in them, and by type and community. Nearly always all of a page are alike.

        Records that go by one name are named once.
        """
        ids: defaultdict[tuple[Any, ...], dict[str, None]] = defaultdict(dict)
        for record in records:
            if personal := read(record):
                found = reference(record, self._ids)
                if found is None:
                    ids[personal, None, None]
                else:
                    ids[personal, found.type, found.community_code][found.platform_id] = None
        for (personal, type_name, community_code), named in ids.items():
            yield personal, RecordRefs(type_name, community_code, tuple(named)) if named else None


def _entry(
    last: Occasion,
    subject: str,
    action: AuditAction,
    fields: tuple[str, ...],
    count: int,
    *,
    records: RecordRefs | None = None,
    missing_scope: str | None = None,
) -> AuditEntry:
    name = last.operation_name
    return AuditEntry(
        id=new_id(last.at),
        at=last.at,
        subject=subject,
        action=action,
        records=records,
        fields=fields,
        count=count,
        missing_scope=missing_scope,
        operation_name=None if name is None else mask_text(name[:LONGEST_NAME]),
        request_id=last.request_id,
    )
