"""Who was shown whose personal data."""

from datetime import datetime
from typing import Annotated

import strawberry

from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.errors import refuse_input
from gateway.execution.load import Load
from gateway.journal import audit
from gateway.journal.audit import RevealPlace, RevealQuery
from gateway.loaders.paging import KeyedSlice
from schema.queries.operation import LONGEST_SUBJECT
from schema.types.arguments import record, wrong_name, wrong_period
from schema.types.connection import Window, connection_field, foreign_cursor, listed
from schema.types.costs import REVEALS
from schema.types.reveal import Reveal

RecordId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="Only of the record, person or member of a household with this id (记录标识)."),
]
Subject = Annotated[str | None, strawberry.argument(description="Only to this caller (查看人).")]
Since = Annotated[datetime | None, strawberry.argument(description="Shown at this time or later (起始时间).")]
Until = Annotated[datetime | None, strawberry.argument(description="Shown before this time (截止时间).")]


@strawberry.type
class RevealQueries:
    @connection_field(
        Reveal,
        "Who was shown personal data unmasked, newest first: one for each record of a page. Of the communities that "
        "the caller may see; people, and what is of no known community, are for callers of every community. It has all "
        "that this process has shown so far, and what others showed until half a second ago (明文查看记录列表).",
        Scope.AUDIT_READ,
        metadata=REVEALS,
        cursors="rows",
        has_pages=False,
    )
    async def reveals(
        self,
        info: Info,
        part: Window,
        record_id: RecordId = None,
        subject: Subject = None,
        since: Since = None,
        until: Until = None,
    ) -> KeyedSlice[audit.Reveal]:
        refuse_input(wrong_name(subject, LONGEST_SUBJECT, "subject"), wrong_period(since, until))
        query = RevealQuery(
            communities=info.context.principal.communities,
            subject=subject,
            record=None if record_id is None else record(info, record_id, "recordId"),
            since=since,
            until=until,
        )
        after = _place(part)
        await info.context.write_trail()
        found = await info.context.journal.audit.reveals(query, part.first, after)
        return listed(found, part, Load(info.context.loaders.reveal_count, query), _key)


def _key(reveal: audit.Reveal) -> str:
    return f"{reveal.place.entry_id}.{reveal.place.index}"


def _place(part: Window) -> RevealPlace | None:
    """Where the part begins. Raises UserInputError for a cursor of another list."""
    if part.row is None:
        if part.offset:
            raise foreign_cursor()
        return None
    entry_id, _, index = part.row.partition(".")
    if not index.isdecimal():
        raise foreign_cursor()
    return RevealPlace(entry_id, int(index))
