"""What was revealed and denied since the last write of the audit trail, in memory."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, TypeAlias

import msgspec

from gateway.actions.identity import Identity, RevealedType
from gateway.auth.masking import mask_text
from gateway.auth.node_ids import NodeIds
from gateway.execution.variants import Observation, ObservedField
from gateway.journal.identifiers import new_id
from gateway.journal.records import AuditAction, AuditEntry, RecordRef, RecordRefs

LONGEST_NAME = 64
RECORDS_AT_ONCE = 16


_Reader: TypeAlias = tuple[Callable[[Sequence[Any]], Iterator[tuple[str, ...]]], Identity]
"""Gives what is personal in each record, and whose it is."""


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
    """How often a request revealed this, and the last occasion."""

    observations: Sequence[Observation]
    last: Occasion
    count: int = 1


class AuditNotes:
    """Equal notes are one: `count` is of those that differ. `types` have personal fields, by name."""

    def __init__(self, types: Mapping[str, RevealedType], ids: NodeIds) -> None:
        self._types = types
        self._ids = ids
        # By subject, and the fields and keys of each observation: most requests that are repeated get the same records,
        # unchanged. Where one of them has changed, the request is noted once more.
        self._revealed: defaultdict[tuple[str, tuple[Hashable, ...]], list[_Shown]] = defaultdict(list)
        self._denied: dict[tuple[str, str, str], _Denied] = {}  # by subject, field, and the scope that it needs
        self.count = 0

    def reveal(self, subject: str, observations: Sequence[Observation], occasion: Occasion) -> None:
        """Note that a request shows these fields of these records as they are."""
        types = self._types
        keys = [
            (fields, tuple(map(types[fields[0].type_name].identity.key, records))) for records, fields in observations
        ]
        noted = self._revealed[subject, tuple(keys)]
        if noted and noted[-1].observations == observations:
            shown = noted[-1]
            shown.last = occasion
            shown.count += 1
        else:
            noted.append(_Shown(observations, occasion))
            self.count += sum([len(records) for records, _ in observations])

    def deny(self, subject: str, field: str, scope: str, occasion: Occasion) -> None:
        """Note that a field was denied for want of the scope."""
        key = (subject, field, scope)
        if key not in self._denied:
            self._denied[key] = _Denied(occasion)
            self.count += 1
        denied = self._denied[key]
        denied.last = occasion
        denied.count += 1

    def entries(self) -> Iterator[AuditEntry | None]:
        """Of each request, an entry for all records of a type and community in which the same is personal, and one for
        each denial. Records that had nothing personal in the fields shown are left out. None is a moment to give way.
        """
        readers: dict[tuple[ObservedField, ...], _Reader] = {}
        for (subject, _), noted in self._revealed.items():
            for shown in noted:
                for named in self._named(shown.observations, readers):
                    if named is None:
                        yield None
                        continue
                    personal, records = named
                    yield _entry(shown.last, subject, AuditAction.REVEALED, personal, shown.count, records=records)
        for (subject, field, scope), denied in self._denied.items():
            yield _entry(denied.last, subject, AuditAction.DENIED, (field,), denied.count, missing_scope=scope)

    def _named(
        self, observations: Sequence[Observation], readers: dict[tuple[ObservedField, ...], _Reader]
    ) -> Iterator[tuple[tuple[str, ...], RecordRefs | None] | None]:
        """The records of a request, and what was personal in them: each is named once, with its parts. None is what all
        are called that have no name; alone, it comes after some records that were read.
        """
        shown: dict[RecordRef | None, tuple[tuple[str, ...], ...]] = {}
        for records, fields in observations:
            read, identity = readers.get(fields) or readers.setdefault(fields, self._reader(fields))
            for number, (record, personal) in enumerate(zip(records, read(records), strict=True)):
                if not number % RECORDS_AT_ONCE:
                    yield None
                if personal:
                    first = (identity.reference(record, self._ids), personal)
                    for found, paths in (first, *identity.beside(record, personal)):
                        before = shown.get(found, ())
                        if paths not in before:
                            shown[found] = (*before, paths)
        alike: defaultdict[tuple[Any, ...], list[str]] = defaultdict(list)
        for found, parts in shown.items():
            if found is None:
                alike[parts, None, None] = []
            else:
                alike[parts, found.type, found.community_code].append(found.platform_id)
        for (parts, type_name, community_code), platform_ids in alike.items():
            named = RecordRefs(type_name, community_code, tuple(platform_ids)) if platform_ids else None
            yield tuple(dict.fromkeys(chain.from_iterable(parts))), named

    def _reader(self, fields: tuple[ObservedField, ...]) -> _Reader:
        revealed_type = self._types[fields[0].type_name]
        return revealed_type.reader(fields), revealed_type.identity


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
