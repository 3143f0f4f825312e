"""Registration reviews (document 1.2.2, 1.2.3)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from gateway.normalise.field import Field, Kind
from gateway.normalise.issues import Issues
from gateway.normalise.kinds import ROW_NUMBER, TEXT, TIME, number_of, word_of
from gateway.normalise.records import DataIssue, ListedCommunityCode, Page, PlatformId, Record
from gateway.normalise.shapes import documented_body, get_data, identified, one_row, read_page, row_list
from gateway.normalise.shenhe_content import CONTENT, ShenheContent
from gateway.normalise.table import Table
from gateway.normalise.values import is_blank, row_id
from gateway.normalise.vocabulary import DataProblem, PiiKind, PlatformName, ShenheStatus, ShenheType


def _read_number(own: object, other: object, path: str, issues: Issues) -> int | None:
    """The first id that can be read: the second row of the document's example is keyed otherwise (quirk 71)."""
    number = row_id(own) or row_id(other)
    for value in (own, other):
        if row_id(value) != number and not is_blank(value):
            issues.add(path, value, DataProblem.CONTRADICTORY)
    return number


NUMBER = Kind(
    read=_read_number,
    wire=ROW_NUMBER.wire,
    inline="v if v2 is None and v is not None else OTHERWISE",
    required=True,
    identifies=True,
)


class Shenhe(Record, frozen=True, gc=False):
    """A registration review (1.2.2). `community_code` is the community whose list was asked, or None (quirk 175)."""

    platform_id: Annotated[PlatformId, Field("The platform's row number (审核id).", ("id", "shenhe_id"), NUMBER)]
    community_code: ListedCommunityCode = None
    type: Annotated[
        ShenheType, Field("What is applied for (审核类型).", "shenhe_type", word_of(ShenheType, required=True))
    ] = ShenheType.UNRECOGNIZED
    status: Annotated[
        ShenheStatus,
        Field("Pending, approved or rejected (审核状态).", "shenhe_status", word_of(ShenheStatus, required=True)),
    ] = ShenheStatus.UNRECOGNIZED
    content: Annotated[
        ShenheContent | None, Field(key="shenhe_content", kind=CONTENT, pii=PiiKind.SENSITIVE_STATUS)
    ] = None
    house_introduction: Annotated[
        str | None,
        Field(
            "The house in words: free text, and at times wrong (审核房屋地址简介).",
            "shenhe_house_introduction",
            TEXT,
            free_text=True,
        ),
    ] = None
    action_introduction: Annotated[
        str | None,
        Field(
            "The application in words: free text, and at times wrong (审核动作简介).",
            "shenhe_action_introduction",
            TEXT,
            free_text=True,
        ),
    ] = None
    rejection_reason: Annotated[
        str | None, Field("Why it was rejected (拒绝理由).", "shenhe_refuse_reason", TEXT, free_text=True)
    ] = None
    created_at: Annotated[datetime | None, Field("When it was submitted (审核记录创建时间).", "created_at", TIME)] = (
        None
    )
    updated_at: Annotated[
        datetime | None, Field("When it was last changed (审核记录修改时间).", "updated_at", TIME)
    ] = None
    data_issues: tuple[DataIssue, ...] = ()


class ShenheQuery(Record, frozen=True, gc=False, kw_only=True):
    """The filters of the review list (1.2.2.1): the word of the one, the number of the other (quirk 98)."""

    type: Annotated[ShenheType | None, Field("What is applied for (审核类型).", "type", word_of(ShenheType))] = None
    status: Annotated[ShenheStatus | None, Field("How it stands (审核状态).", "status", number_of(ShenheStatus))] = None


REVIEWS = Table(Shenhe, PlatformName.WJDH)

decode_shenhes = documented_body(lambda: list[REVIEWS.documented], "meta")  # type: ignore[name-defined] # made of the declarations
"""The body of shenheList, where it came as documented. Raises msgspec.DecodeError for any other."""


def parse_shenhe_page(body: Mapping[str, object], community_code: str, page: int) -> Page[Shenhe]:
    """The whole body of shenheList, asked for this community and page. Raises ShapeError.

    Success has no `code` here: the array is its only sign (quirk 15).
    """
    return read_page(REVIEWS, row_list(get_data(body)), page, body.get("meta"), community_code)


def parse_shenhe(data: object, community_code: str | None) -> Shenhe | None:
    """The `data` of a single review; None when it is empty (quirk 31). Raises ShapeError, also where it has no id."""
    row = one_row(data)
    return None if row is None else identified(REVIEWS.read(row, [], community_code))
