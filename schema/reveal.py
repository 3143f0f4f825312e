"""The audit trail of reveals, as auditors query it."""

from datetime import datetime
from typing import Annotated

import strawberry

from gateway.actions.identity import public_id
from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.errors import refuse_input
from gateway.execution.load import Load
from gateway.journal import audit
from gateway.journal.audit import RevealPlace, RevealQuery
from gateway.loaders.paging import KeyedSlice
from schema.arguments import record, wrong_name, wrong_period
from schema.connection import Window, connection_field, foreign_cursor, listed
from schema.costs import REVEALS
from schema.fields import plain, record_type
from schema.operation import LONGEST_SUBJECT

NO_RECORD = "UNKNOWN"


@record_type(
    audit.Reveal,
    description="One record that was shown with personal data unmasked: to whom, and which fields, never a value. The "
    "same again within half a second is one reveal, with the time and the request of the last (明文查看记录).",
)
class Reveal:
    at: datetime = plain("When it was shown (时间).")
    subject: str = plain("To whom, as the token names them (查看人).")
    fields: list[str] = plain("Public paths, from the record, of the fields that held personal data (字段).")
    operation_name: str | None = plain("Name of the GraphQL operation; null where it has none (操作名称).")
    request_id: str = plain("Id of the request, as in the answer's `X-Request-Id` (请求标识).")

    @strawberry.field(description="Node id of the record, or of the person; null where it has none (记录标识).")
    def record_id(root: strawberry.Parent[audit.Reveal], info: Info) -> strawberry.ID | None:
        return None if root.record is None else strawberry.ID(public_id(info.context.ids, root.record))

    @strawberry.field(description=f'The type of the record; "{NO_RECORD}" for one without an id (记录类型).')
    def type_name(root: strawberry.Parent[audit.Reveal]) -> str:
        return NO_RECORD if root.record is None else root.record.type


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
