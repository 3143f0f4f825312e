"""What was revealed and denied since the last write of the audit trail, in memory."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from gateway.actions.identity import RevealedType
from gateway.auth.masking import mask_text
from gateway.auth.node_ids import NodeIds
from gateway.execution.variants import Observation, ObservedField
from gateway.journal.identifiers import new_id
from gateway.journal.records import AuditAction, AuditEntry, RecordRef

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
    """Equal notes are one: its length counts those that differ. `types` have personal fields, by name."""

    def __init__(self, types: Mapping[str, RevealedType], ids: NodeIds) -> None:
        self._types = types
        self._ids = ids
        self._revealed: defaultdict[tuple[str, tuple[ObservedField, ...]], _Together] = defaultdict(
            lambda: defaultdict(list)
        )  # by subject, and fields of one type
        self._denied: dict[tuple[str, str, str], _Denied] = {}  # by subject, field, and the scope that it needs
        self._length = 0

    def __len__(self) -> int:
        return self._length

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
                self._length += len(keys)

    def deny(self, subject: str, field: str, scope: str, occasion: Occasion) -> None:
        """Note that a field was denied for want of the scope."""
        key = (subject, field, scope)
        if key not in self._denied:
            self._denied[key] = _Denied(occasion)
            self._length += 1
        denied = self._denied[key]
        denied.last = occasion
        denied.count += 1

    def entries(self) -> Iterator[AuditEntry]:
        """An entry for each record and denial; records that had nothing personal in the fields shown have none."""
        for (subject, fields), together in self._revealed.items():
            revealed_type = self._types[fields[0].type_name]
            for times in _by_record(together):
                revealing = [
                    (personal, record, shown)
                    for record, shown in times
                    if (personal := revealed_type.revealed_fields(record, fields))
                ]
                if revealing:
                    _, record, shown = revealing[-1]
                    yield _entry(
                        shown.last,
                        subject,
                        AuditAction.REVEALED,
                        tuple(dict.fromkeys(name for personal, _, _ in revealing for name in personal)),
                        sum(shown.count for _, _, shown in revealing),
                        record=revealed_type.identity.reference(record, self._ids),
                    )
        for (subject, field, scope), denied in self._denied.items():
            yield _entry(denied.last, subject, AuditAction.DENIED, (field,), denied.count, missing_scope=scope)


def _by_record(together: _Together) -> Iterable[list[tuple[Any, _Shown]]]:
    """For each record, whichever others it was shown with: what it held and how it was shown, oldest first."""
    times: defaultdict[Hashable, list[tuple[Any, _Shown]]] = defaultdict(list)
    noted = [(keys, shown) for keys, noted in together.items() for shown in noted]
    for keys, shown in sorted(noted, key=lambda note: note[1].last.at):
        for key, record in zip(keys, shown.records, strict=True):
            times[key].append((record, shown))
    return times.values()


def _entry(
    last: Occasion,
    subject: str,
    action: AuditAction,
    fields: tuple[str, ...],
    count: int,
    *,
    record: RecordRef | None = None,
    missing_scope: str | None = None,
) -> AuditEntry:
    name = last.operation_name
    return AuditEntry(
        id=new_id(last.at),
        at=last.at,
        subject=subject,
        action=action,
        record=record,
        fields=fields,
        count=count,
        missing_scope=missing_scope,
        operation_name=None if name is None else mask_text(name[:LONGEST_NAME]),
        request_id=last.request_id,
    )
