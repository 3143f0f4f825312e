"""Registration reviews (document 1.2.2, 1.2.3)."""

from collections.abc import Mapping

from schema.normalise.records import Page, Shenhe
from schema.normalise.shapes import data_of, one_row, read_page, row_list
from schema.normalise.shenhe_content import ShenheIssues, read_content
from schema.normalise.times import china_time
from schema.normalise.values import required_word, row_id, text
from schema.normalise.vocabulary import DataProblem
from schema.normalise.words import SHENHE_STATUS, SHENHE_TYPE


def parse_shenhe_page(body: Mapping[str, object], community_code: str, page: int) -> Page[Shenhe]:
    """The whole body of shenheList, asked for this community and page. Raises ShapeError.

    Success has no `code` here: the array is all that tells it (quirk 15).
    """
    return read_page(row_list(data_of(body)), _shenhe, community_code, page, body.get("meta"))


def parse_shenhe(data: object, community_code: str | None) -> Shenhe | None:
    """The `data` of a single review; None when it is empty or has no id (quirk 31). Raises ShapeError."""
    return _shenhe(one_row(data), community_code)


def _shenhe(row: object, community_code: str | None) -> Shenhe | None:
    if not isinstance(row, dict):
        return None
    get = row.get
    issues = ShenheIssues()
    platform_id = row_id(get("id"))
    if "shenhe_id" in row:
        platform_id = _platform_id(platform_id, row["shenhe_id"], issues)
    if platform_id is None:
        return None
    return Shenhe(
        platform_id=platform_id,
        community_code=community_code,
        type=required_word(SHENHE_TYPE, get("shenhe_type"), "type", issues),
        status=required_word(SHENHE_STATUS, get("shenhe_status"), "status", issues),
        content=read_content(get("shenhe_content"), community_code, issues),
        house_introduction=text(get("shenhe_house_introduction"), "houseIntroduction", issues),
        action_introduction=text(get("shenhe_action_introduction"), "actionIntroduction", issues),
        rejection_reason=text(get("shenhe_refuse_reason"), "rejectionReason", issues),
        created_at=china_time(get("created_at"), "createdAt", issues),
        updated_at=china_time(get("updated_at"), "updatedAt", issues),
        data_issues=issues.found,
    )


def _platform_id(platform_id: int | None, shenhe_id: object, issues: ShenheIssues) -> int | None:
    """The second row of the document's example is keyed otherwise (quirk 71)."""
    other = row_id(shenhe_id)
    if platform_id is None:
        return other
    if other not in (None, platform_id):
        issues.add("platformId", shenhe_id, DataProblem.CONTRADICTORY)
    return platform_id
