"""Repairs (document 4.1, 4.2)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import msgspec

from gateway.normalise.field import Field
from gateway.normalise.issues import Issues
from gateway.normalise.kinds import REQUIRED_IDENTIFIER, REQUIRED_TEXT, ROW_NUMBER, TEXT, TIME, word_of
from gateway.normalise.records import DataIssue, Page, PlatformId, Record
from gateway.normalise.shapes import (
    PageInfo,
    ShapeError,
    documented_body,
    identified,
    one_row,
    read_page,
    row_list,
    unwrap,
)
from gateway.normalise.table import Table
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
    guard=f"(v is None and not dated) or ({TIME.guard})",
    value="v and c",
    read=_read_reported_at,
    required=True,
    used=("dated",),
)


class Repair(Record, frozen=True, gc=False):
    """A repair. `reported_at` is known only from the single record; `dated` says this record is one."""

    platform_id: Annotated[PlatformId, Field("The platform's row number (报修id).", "id", ROW_NUMBER)]
    community_code: Annotated[
        str | None,
        Field(
            "Code of the community whose list told of it; null when reached by the bare number (小区标识).",
            identifier=True,
        ),
    ] = None
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


REPAIRS = Table(Repair, PlatformName.WJDH)


class _Repairs(msgspec.Struct, gc=False):
    """The `data` of the list as documented."""

    repairs: list[REPAIRS.documented]  # type: ignore[name-defined] # made of the declarations above
    pages: PageInfo | None = None


decode_repairs = documented_body(_Repairs)
"""The body of repair/list, where it came as documented. Raises msgspec.DecodeError for any other."""


def parse_repair_page(body: Mapping[str, object], community_code: str, page: int) -> Page[Repair]:
    """The whole body of repair/list, asked for this community and page. Raises ShapeError.

    `data` may be empty, but is always there (4.1.3), and has the total that would tell if rows were lost.
    """
    if "data" not in body:
        raise ShapeError("expected data")
    data = unwrap(body["data"])
    if isinstance(data, _Repairs):
        data = msgspec.structs.asdict(data)
    if data is None or data == []:
        data = {"repairs": []}
    if not isinstance(data, dict) or "repairs" not in data:
        raise ShapeError("expected an object with repairs")
    return read_page(REPAIRS, row_list(data["repairs"]), page, data.get("pages"), community_code, False)


def parse_repair(data: object, community_code: str | None) -> Repair | None:
    """The `data` of a single repair (4.2); None when it is empty (quirk 31). Raises ShapeError, also without an id."""
    row = one_row(data)
    return None if row is None else identified(REPAIRS.read(row, [], community_code, True))
