"""The audit command: the audit trail as JSON lines, oldest first, for whoever has to account for it."""

import sys
from datetime import UTC, datetime

import msgspec

from gateway.actions.shown import house_ref
from gateway.auth.node_ids import InvalidNodeIdError, NodeIds, read_id_key
from gateway.journal.journal import open_journal
from gateway.journal.records import RecordRef
from gateway.settings import Settings
from schema.normalise.records import HouseKey


async def audit(settings: Settings, *, subject: str | None, since: str | None, record: str | None) -> int:
    """Print the entries of this subject, since then, of the record with this id. Returns 0.

    `since` is a date or time of ISO 8601, in UTC unless it says otherwise; `record` an id as the API gives it: of a
    node, a person or a member. Raises ValueError for a time that is none, JournalError when the journal cannot be read.
    """
    moment = None if since is None else _moment(since)
    wanted = None if record is None else _wanted(NodeIds(read_id_key(settings)), record)
    async with open_journal(settings) as journal:
        async for entry in journal.audit.read(subject=subject, since=moment, record=wanted):
            sys.stdout.write(msgspec.json.encode(entry).decode() + "\n")
    return 0


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _wanted(ids: NodeIds, record: str) -> RecordRef | str:
    """What the trail calls the record of an id; a hash is called by itself."""
    try:
        node = ids.decode(record)
    except InvalidNodeIdError:
        return record
    if node.type_name == "House":
        return house_ref(HouseKey(str(node.community_code), *map(int, node.parts)))
    return RecordRef(node.type_name, node.community_code, str(node.parts[0] if node.parts else node.community_code))
