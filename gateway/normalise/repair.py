"""Repairs (document 4.1, 4.2)."""

from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec

from gateway.normalise.issues import REPAIR_PII, Issues
from gateway.normalise.records import DataIssue, Page, PlatformId, Repair
from gateway.normalise.shapes import (
    PageInfo,
    ReadWire,
    ShapeError,
    identified,
    one_row,
    read_clean_page,
    read_page,
    row_list,
    unwrap,
)
from gateway.normalise.times import LONGEST_TIME, china_time, clean_time
from gateway.normalise.values import is_blank, required_identifier, required_text, required_word, row_id, text
from gateway.normalise.vocabulary import DataProblem, PlatformName, RepairStatus


class RepairIssues(Issues):
    platform = PlatformName.WJDH
    pii = REPAIR_PII


class RepairWire(msgspec.Struct, gc=False):
    """A row of the list as documented (4.1)."""

    id: PlatformId
    possion: str | None = None
    description: str | None = None
    status: str | int | bool | None = None
    reply: str | None = None
    date: Annotated[str, msgspec.Meta(max_length=LONGEST_TIME)] | int | None = None
    name: str | None = None
    phone: str | None = None


class RepairsWire(msgspec.Struct, gc=False):
    repairs: list[RepairWire]
    pages: PageInfo | None = None


class RepairListWire(ReadWire, gc=False, kw_only=True):
    data: RepairsWire


decode_repairs: Callable[[bytes], RepairListWire] = msgspec.json.Decoder(RepairListWire).decode
"""The body of repair/list, where it came as documented. Raises msgspec.DecodeError for any other."""

_STATUSES = RepairStatus.by_value


def read_repairs(body: RepairListWire, community_code: str, page: int) -> Page[Repair]:
    """As `parse_repair_page`, for a body that came as documented."""
    return read_clean_page(body.data.repairs, _clean_repair, _repair_of_row, community_code, page, body.data.pages)


def _clean_repair(row: RepairWire, community_code: str, _found: list[DataIssue]) -> Repair | None:
    """The row's record; None where a value is absent that the document promises, or one has an issue."""
    location, description, name, phone = row.possion, row.description, row.name, row.phone
    status = _STATUSES.get(row.status)
    reported_at = None if row.date is None else clean_time(row.date)
    if not (location and description and status and name and phone) or (reported_at is None and row.date is not None):
        return None
    name, phone = name.strip(), phone.strip()
    if not (name and phone):
        return None
    return Repair(
        platform_id=row.id,
        community_code=community_code,
        location=location,
        description=description,
        status=status,
        reply=row.reply or None,
        reported_at=reported_at,
        reporter_name=name,
        reporter_phone=phone,
    )


def parse_repair_page(body: Mapping[str, object], community_code: str, page: int) -> Page[Repair]:
    """The whole body of repair/list, asked for this community and page. Raises ShapeError.

    `data` may be empty, but is always there (4.1.3), and has the total that would tell if rows were lost.
    """
    if "data" not in body:
        raise ShapeError("expected data")
    data = unwrap(body["data"])
    if data is None or data == []:
        return read_page((), _repair_of_row, community_code, page, None)
    if not isinstance(data, dict) or "repairs" not in data:
        raise ShapeError("expected an object with repairs")
    return read_page(row_list(data["repairs"]), _repair_of_row, community_code, page, data.get("pages"))


def parse_repair(data: object, community_code: str | None) -> Repair | None:
    """The `data` of a single repair (4.2); None when it is empty (quirk 31). Raises ShapeError, also without an id."""
    row = one_row(data)
    return None if row is None else identified(_repair(row, community_code, dated=True))


def _repair_of_row(row: object, community_code: str) -> Repair | None:
    return _repair(row, community_code, dated=False) if isinstance(row, dict) else None


def _repair(row: Mapping[str, object], community_code: str | None, *, dated: bool) -> Repair | None:
    get = row.get
    platform_id = row_id(get("id"))
    if platform_id is None:
        return None
    issues = RepairIssues()
    date = get("date")
    if dated and is_blank(date):
        issues.add("reportedAt", date, DataProblem.MISSING)
    return Repair(
        platform_id=platform_id,
        community_code=community_code,
        location=required_text(get("possion"), "location", issues),
        description=required_text(get("description"), "description", issues),
        status=required_word(RepairStatus, get("status"), "status", issues),
        reply=text(get("reply"), "reply", issues),
        reported_at=china_time(date, "reportedAt", issues),
        dated=dated,
        reporter_name=required_identifier(get("name"), "reporter.name", issues),
        reporter_phone=required_identifier(get("phone"), "reporter.phone", issues),
        data_issues=issues.found,
    )
