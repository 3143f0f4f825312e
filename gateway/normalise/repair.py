"""Repairs (document 4.1, 4.2)."""

from datetime import datetime
from typing import Annotated

import msgspec

from gateway.normalise.field import Field
from gateway.normalise.kinds import REQUIRED_IDENTIFIER, REQUIRED_TEXT, ROW_NUMBER, TEXT, TIME, number_of, word_of
from gateway.normalise.records import DataIssue, Issues, ListedCommunityCode, PlatformId, Record
from gateway.normalise.table import Rows
from gateway.normalise.times import china_time
from gateway.normalise.values import is_blank
from gateway.normalise.vocabulary import DataProblem, PiiKind, PlatformName, RepairStatus


def _read_reported_at(value: object, path: str, issues: Issues, dated: bool) -> datetime | None:
    """Lists leave it out."""
    if is_blank(value) and dated:
        issues.add(path, value, DataProblem.MISSING)
    return china_time(value, path, issues)


REPORTED_AT = msgspec.structs.replace(
    TIME,
    inline="None if v is None and not dated else c if v is not None and (c := clean_time(v)) else OTHERWISE",
    read=_read_reported_at,
    required=True,
    used=("dated",),
)


class Repair(Record, frozen=True, gc=False):
    """A repair. `reported_at` is known only from the single record; `dated` says this record is one."""

    platform_id: Annotated[PlatformId, Field("The platform's row number (报修id).", "id", ROW_NUMBER)]
    community_code: ListedCommunityCode = None
    location: Annotated[str | None, Field("Where (报修地点).", "possion", REQUIRED_TEXT, free_text=True)] = None
    description: Annotated[
        str | None, Field("What is wrong (报修描述).", "description", REQUIRED_TEXT, free_text=True)
    ] = None
    status: Annotated[
        RepairStatus, Field("Open or resolved (报修状态).", "status", word_of(RepairStatus, required=True))
    ] = RepairStatus.UNRECOGNIZED
    reply: Annotated[
        str | None,
        Field("The property manager's reply; may stand on an open one too (答复).", "reply", TEXT, free_text=True),
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


REPAIRS = Rows(Repair, PlatformName.WJDH, within="repairs", in_list=(False,), alone=(True,))
"""Alone a repair is dated (4.2)."""
