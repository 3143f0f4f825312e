"""Repairs (document 4.1, 4.2)."""

from collections.abc import Mapping

from schema.normalise.issues import REPAIR_PII, Issues
from schema.normalise.records import Page, Repair
from schema.normalise.shapes import ShapeError, data_of, one_row, read_page, row_list, unwrap
from schema.normalise.times import china_time
from schema.normalise.values import identifier, required_text, required_word, row_id, text
from schema.normalise.vocabulary import PlatformName
from schema.normalise.words import REPAIR_STATUS


class RepairIssues(Issues):
    platform = PlatformName.WJDH
    pii = REPAIR_PII


def parse_repair_page(body: Mapping[str, object], community_code: str, page: int) -> Page[Repair]:
    """The whole body of repair/list, asked for this community and page. Raises ShapeError."""
    data = unwrap(data_of(body))
    if data is None or data == []:
        return read_page((), _repair_of_row, community_code, page, None)
    if not isinstance(data, dict) or "repairs" not in data:
        raise ShapeError("expected an object with repairs")
    return read_page(row_list(data["repairs"]), _repair_of_row, community_code, page, data.get("pages"))


def parse_repair(data: object, community_code: str | None) -> Repair | None:
    """The `data` of a single repair (4.2); None when it is empty or has no id (quirk 31). Raises ShapeError."""
    row = one_row(data)
    return None if row is None else _repair(row, community_code, dated=True)


def _repair_of_row(row: object, community_code: str) -> Repair | None:
    return _repair(row, community_code, dated=False) if isinstance(row, dict) else None


def _repair(row: Mapping[str, object], community_code: str | None, *, dated: bool) -> Repair | None:
    get = row.get
    platform_id = row_id(get("id"))
    if platform_id is None:
        return None
    issues = RepairIssues()
    return Repair(
        platform_id=platform_id,
        community_code=community_code,
        location=required_text(get("possion"), "location", issues),
        description=required_text(get("description"), "description", issues),
        status=required_word(REPAIR_STATUS, get("status"), "status", issues),
        reply=text(get("reply"), "reply", issues),
        reported_at=china_time(get("date"), "reportedAt", issues),
        dated=dated,
        reporter_name=identifier(get("name"), "reporter.name", issues),
        reporter_phone=identifier(get("phone"), "reporter.phone", issues),
        data_issues=issues.found,
    )
