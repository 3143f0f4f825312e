"""The audit command: the audit trail as JSON lines, oldest first, for whoever has to account for it."""

import sys
from datetime import datetime

import msgspec

from gateway.actions.identity import named_record
from gateway.auth.node_ids import InvalidNodeIdError, NodeIds, read_id_key
from gateway.journal.journal import open_journal
from gateway.journal.records import RecordRef
from gateway.settings import Settings


async def audit(settings: Settings, *, subject: str | None, since: datetime | None, record: str | None) -> int:
    """Print the entries of this subject, since then, of the record with this id. Returns 0.

    `record` is an id as the API gives it: of a node, a person or a member. Raises ValueError for an id that is none,
    JournalError when the journal cannot be read, or there is none.
    """
    is_empty = True
    async with open_journal(settings, make=False) as journal:
        wanted = None if record is None else _wanted(NodeIds(read_id_key(settings)), record)
        async for entry in journal.audit.read(subject=subject, since=since, record=wanted):
            sys.stdout.write(msgspec.json.encode(entry).decode() + "\n")
            is_empty = False
    if is_empty:
        sys.stderr.write("no entries\n")
    return 0


def _wanted(ids: NodeIds, record: str) -> RecordRef | str:
    try:
        return named_record(ids, record)
    except InvalidNodeIdError as error:
        raise ValueError(f"--record: {error}") from None
