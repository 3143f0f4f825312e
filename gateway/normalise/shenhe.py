"""Registration reviews (document 1.2.2, 1.2.3)."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from gateway.normalise.records import DataIssue, Page, PlatformId, Shenhe
from gateway.normalise.shapes import (
    PageInfo,
    ReadWire,
    data_of,
    identified,
    one_row,
    read_clean_page,
    read_page,
    row_list,
)
from gateway.normalise.shenhe_content import ShenheIssues, read_content, read_documented_content, read_odd_content
from gateway.normalise.times import LONGEST_TIME, china_time, clean_time
from gateway.normalise.values import is_blank, required_word, row_id, text
from gateway.normalise.vocabulary import DataProblem, ShenheStatus, ShenheType

_Time = Annotated[str, msgspec.Meta(max_length=LONGEST_TIME)] | int | None

if TYPE_CHECKING:  # what it is, and how it is decoded
    _Type = ShenheType | str | None
else:
    _Type = ShenheType.spelling(required=True) | None


class ShenheWire(msgspec.Struct, gc=False):
    """A row of the list as documented, its number under either key (quirk 71)."""

    id: PlatformId | None = None
    shenhe_id: PlatformId | None = None
    shenhe_type: _Type = None
    shenhe_content: str | dict[str, Any] | None = None
    shenhe_status: str | int | None = None
    shenhe_house_introduction: str | None = None
    shenhe_action_introduction: str | None = None
    shenhe_refuse_reason: str | None = None
    created_at: _Time = None
    updated_at: _Time = None


class ShenheListWire(ReadWire, gc=False, kw_only=True):
    data: list[ShenheWire]
    meta: PageInfo | None = None


decode_shenhes: Callable[[bytes], ShenheListWire] = msgspec.json.Decoder(ShenheListWire).decode
"""The body of shenheList, where it came as documented. Raises msgspec.DecodeError for any other."""

_STATUSES = ShenheStatus.by_value


def read_shenhes(body: ShenheListWire, community_code: str, page: int) -> Page[Shenhe]:
    """As `parse_shenhe_page`, for a body that came as documented."""
    return read_clean_page(body.data, _documented_shenhe, _shenhe, community_code, page, body.meta)


def _documented_shenhe(row: ShenheWire, community_code: str, found: list[DataIssue]) -> Shenhe | None:
    """The row's record; None where it is to be read value by value. `found` gets the issues of its content."""
    platform_id, other_id = row.id or row.shenhe_id, row.shenhe_id
    kind, status = row.shenhe_type, _STATUSES.get(row.shenhe_status)
    created, updated = row.created_at, row.updated_at
    created_at = None if created is None else clean_time(created)
    updated_at = None if updated is None else clean_time(updated)
    if (
        platform_id is None
        or type(kind) is not ShenheType
        or status is None
        or (other_id is not None and other_id != platform_id)
        or (created_at is None and created is not None)
        or (updated_at is None and updated is not None)
    ):
        return None
    review = (community_code, platform_id)
    issues: tuple[DataIssue, ...] = ()
    content = read_documented_content(row.shenhe_content, review)
    if content is None:
        own = ShenheIssues()
        content = read_odd_content(row.shenhe_content, review, own)
        issues = own.found
        found += issues
    if content is not None:
        people, house = content.people, content.house
        if people is not None and people.data_issues:
            found += people.data_issues
        if house is not None and house.data_issues:
            found += house.data_issues
    return Shenhe(
        platform_id,
        community_code,
        kind,
        status,
        content,
        row.shenhe_house_introduction or None,
        row.shenhe_action_introduction or None,
        row.shenhe_refuse_reason or None,
        created_at,
        updated_at,
        issues,
    )


def parse_shenhe_page(body: Mapping[str, object], community_code: str, page: int) -> Page[Shenhe]:
    """The whole body of shenheList, asked for this community and page. Raises ShapeError.

    Success has no `code` here: the array is all that tells it (quirk 15).
    """
    return read_page(row_list(data_of(body)), _shenhe, community_code, page, body.get("meta"))


def parse_shenhe(data: object, community_code: str | None) -> Shenhe | None:
    """The `data` of a single review; None when it is empty (quirk 31). Raises ShapeError, also where it has no id."""
    row = one_row(data)
    return None if row is None else identified(_shenhe(row, community_code))


def _shenhe(row: object, community_code: str | None) -> Shenhe | None:
    if not isinstance(row, dict):
        return None
    get = row.get
    issues = ShenheIssues()
    platform_id = _platform_id(get("id"), get("shenhe_id"), issues)
    if platform_id is None:
        return None
    return Shenhe(
        platform_id=platform_id,
        community_code=community_code,
        type=required_word(ShenheType, get("shenhe_type"), "type", issues),
        status=required_word(ShenheStatus, get("shenhe_status"), "status", issues),
        content=read_content(get("shenhe_content"), (community_code, platform_id), issues),
        house_introduction=text(get("shenhe_house_introduction"), "houseIntroduction", issues),
        action_introduction=text(get("shenhe_action_introduction"), "actionIntroduction", issues),
        rejection_reason=text(get("shenhe_refuse_reason"), "rejectionReason", issues),
        created_at=china_time(get("created_at"), "createdAt", issues),
        updated_at=china_time(get("updated_at"), "updatedAt", issues),
        data_issues=issues.found,
    )


def _platform_id(own: object, other: object, issues: ShenheIssues) -> int | None:
    """The first id that can be read: the second row of the document's example is keyed otherwise (quirk 71)."""
    platform_id = row_id(own) or row_id(other)
    for value in (own, other):
        if row_id(value) != platform_id and not is_blank(value):
            issues.add("platformId", value, DataProblem.CONTRADICTORY)
    return platform_id
