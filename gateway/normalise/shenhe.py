"""Registration reviews (document 1.2.2, 1.2.3)."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from gateway.normalise.field import Field, Kind
from gateway.normalise.kinds import AS_SENT, ROW_NUMBER, TEXT, TIME, number_of, word_of
from gateway.normalise.records import DataIssue, Issues, ListedCommunityCode, PlatformId, ReadOnce, Record
from gateway.normalise.shenhe_content import ShenheContent, read_content
from gateway.normalise.table import Rows
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


CONTENT = msgspec.structs.replace(AS_SENT, wire=str | dict)


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
    content_sent: Annotated[
        Any, Field(key="shenhe_content", kind=CONTENT, path="content", pii=PiiKind.SENSITIVE_STATUS)
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
    own_issues: tuple[DataIssue, ...] = ()
    source: Any = None
    submitted_read: Any = msgspec.UNSET

    @ReadOnce
    def submitted(self) -> tuple[ShenheContent | None, tuple[DataIssue, ...]]:
        """The content and its issues: two thirds of the time that a review takes, and most lists do not ask for it."""
        if self.source is None:
            return None, ()
        issues = Issues(self.source, [])
        content = read_content(self.content_sent, "content", issues, self.platform_id, self.community_code)
        return content, issues.found

    @property
    def content(self) -> ShenheContent | None:
        """What was submitted."""
        return self.submitted[0]

    @property
    def data_issues(self) -> tuple[DataIssue, ...]:
        """Of the content, too."""
        return self.own_issues + self.submitted[1]


class ShenheQuery(Record, frozen=True, gc=False, kw_only=True):
    """The filters of the review list (1.2.2.1): the word of the one, the number of the other (quirk 98)."""

    type: Annotated[ShenheType | None, Field("What is applied for (审核类型).", "type", word_of(ShenheType))] = None
    status: Annotated[ShenheStatus | None, Field("How it stands (审核状态).", "status", number_of(ShenheStatus))] = None


REVIEWS = Rows(Shenhe, PlatformName.WJDH, info="meta")
"""Success has no `code` here: the array is its only sign (quirk 15)."""
