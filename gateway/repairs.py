"""Repairs: the record, the list, and their update (document chapter 4)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec

from gateway.actions.action import RowUpdate, masked, too_long, unrecognized
from gateway.auth.principal import Scope
from gateway.journal.records import REPAIR_CHANGED
from gateway.loaders.lists import RecordList, Watched
from gateway.normalise.records import DataIssue, Field, ListedCommunityCode, PlatformId, Record
from gateway.normalise.table import Rows
from gateway.normalise.values import REQUIRED_IDENTIFIER, REQUIRED_TEXT, ROW_NUMBER, TEXT, TIME, number_of, word_of
from gateway.normalise.vocabulary import ChangeKind, PiiKind, PlatformName, WireEnum
from gateway.platforms.endpoint import Effect, Endpoint
from gateway.platforms.wjdh import WJDH, Form, without_none
from gateway.wording.enums import NOT_LISTED, Word
from gateway.wording.wording import Noun, Violation


class RepairStatus(WireEnum, chinese="报修状态", english="Status of a repair"):
    # 4.1.2, 4.3: two pairs of words for the same numbers (quirk 100)
    OPEN = Word("未解决", "Not resolved", code="0", also=("未处理",))
    RESOLVED = Word("已解决", "Resolved", code="1", also=("已处理",))
    UNRECOGNIZED = NOT_LISTED


REPORTED_AT = msgspec.structs.replace(TIME, required="dated")
"""Lists leave it out."""


class Repair(Record, frozen=True, gc=False):
    """A repair. `reported_at` is known only from the single record; `dated` says this record is one."""

    platform_id: Annotated[PlatformId, Field("The platform's row number (报修id).", "id", ROW_NUMBER)]
    community_code: ListedCommunityCode = None
    location: Annotated[str | None, Field("Location (报修地点).", "possion", REQUIRED_TEXT, free_text=True)] = None
    description: Annotated[
        str | None, Field("Description of the problem (报修描述).", "description", REQUIRED_TEXT, free_text=True)
    ] = None
    status: Annotated[
        RepairStatus, Field("Open or resolved (报修状态).", "status", word_of(RepairStatus, required=True))
    ] = RepairStatus.UNRECOGNIZED
    reply: Annotated[
        str | None,
        Field("The property manager's reply; an open repair can have one too (答复).", "reply", TEXT, free_text=True),
    ] = None
    reported_at: Annotated[datetime | None, Field(key="date", kind=REPORTED_AT)] = None
    dated: Annotated[bool, Field()] = False
    reporter_name: Annotated[
        str | None, Field("Name (报修人姓名).", "name", REQUIRED_IDENTIFIER, path="reporter.name", pii=PiiKind.NAME)
    ] = None
    reporter_phone: Annotated[
        str | None,
        Field("Phone number (报修人电话).", "phone", REQUIRED_IDENTIFIER, path="reporter.phone", pii=PiiKind.PHONE),
    ] = None
    data_issues: tuple[DataIssue, ...] = ()


class RepairQuery(Record, frozen=True, gc=False, kw_only=True):
    """The filter of the repair list (4.1.2). Hashable: it is part of loader and cache keys."""

    status: Annotated[
        RepairStatus | None,
        Field("Open or resolved; omitted: both, the open ones first (报修状态).", "status", number_of(RepairStatus)),
    ] = None


REPAIR_ROWS = Rows(Repair, PlatformName.WJDH, within="repairs", alone=(True,))
"""Alone a repair is dated (4.2)."""

REPAIR_LIST = Endpoint(
    WJDH, "repair/list", "POST", "wjdh/repair/list", Effect.READ, decode=REPAIR_ROWS.decode_list, record=Repair
)
REPAIR = Endpoint(WJDH, "repair", "POST", "repair", Effect.READ, decode=REPAIR_ROWS.decode_one, record=Repair)
REPAIR_UPDATE = Endpoint(WJDH, "repair/update", "PUT", "repair", Effect.WRITE)


REPAIRS = RecordList[Repair](
    type_name="Repair",
    noun=Noun("repair", "报修"),
    scope=Scope.REPAIR_READ,
    query=RepairQuery,
    waiting=RepairQuery(status=RepairStatus.OPEN),
    endpoint=REPAIR_LIST,
    rows=REPAIR_ROWS,
    record_endpoint=REPAIR,
    cached_as="repairs",
    statuses=(RepairStatus.OPEN, RepairStatus.RESOLVED),  # it lists one at a time (quirk 146)
    watched=Watched(
        REPAIR_CHANGED,
        lambda repair: (repair.status, repair.reply),  # it has no time of the last change
        {RepairStatus.RESOLVED: ChangeKind.RESOLVED},
    ),
)


LONGEST_REPLY = 1000


class RepairUpdate(Record, frozen=True, gc=False):
    """What a repair is set to."""

    status: RepairStatus
    reply: str | None


class UpdateRepair(RowUpdate[RepairUpdate, Repair]):
    """Set a repair's status, with or without a reply (4.3)."""

    mutation = "updateRepair"
    scope = Scope.REPAIR_WRITE
    endpoint = REPAIR_UPDATE
    records = REPAIRS
    written = ("status", "reply")

    def wrong(self, asked: RepairUpdate) -> Iterator[Violation]:
        yield from unrecognized(asked.status, "status")
        yield from too_long(asked.reply, LONGEST_REPLY, "reply")

    def violations(self, asked: RepairUpdate) -> Iterator[Violation]:
        return masked(asked.reply, "reply")

    async def form(self, _repair: Repair, asked: RepairUpdate) -> Form:
        """An absent reply keeps the old one (quirk 55)."""
        return without_none({"status": asked.status.wire_code, "reply": asked.reply})
