"""Registration reviews (document 1.2.2, 1.2.3), and what the applicant filled in (preface 审核数据)."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec

from gateway.auth.principal import Scope
from gateway.journal.records import SHENHE_CHANGED
from gateway.loaders.lists import RecordList, Watched
from gateway.normalise.people import OWNERSHIP, ROLE, STATUS, USE, House, Occupant, Person
from gateway.normalise.records import (
    Correction,
    DataIssue,
    Field,
    Int32,
    Issues,
    Kind,
    ListedCommunityCode,
    Plain,
    PlatformId,
    ReadOnce,
    Record,
    ReviewKey,
    is_blank,
    raw_text,
)
from gateway.normalise.shapes import NotJsonError, read_json
from gateway.normalise.table import Rows, Table
from gateway.normalise.values import (
    AS_SENT,
    IDENTIFIER,
    INTEGER,
    ROW_NUMBER,
    TIME,
    code_problem,
    free_text,
    number_of,
    number_problem,
    row_id,
    word_of,
)
from gateway.normalise.vocabulary import (
    ChangeKind,
    DataProblem,
    HouseOwnership,
    HouseStatus,
    HouseUse,
    PiiKind,
    PlatformName,
    ResidentRole,
    WireEnum,
)
from gateway.normalise.wire import Wire
from gateway.platforms.endpoint import Effect, Endpoint
from gateway.platforms.wjdh import WJDH
from gateway.wording.enums import NOT_LISTED, Word
from gateway.wording.wording import Noun


class ShenheType(WireEnum, chinese="审核类型", english="What an application asks for"):
    BIND_OWNER = Word("业主绑定", "Bind an owner to a house", note="11月18日已开发")
    BIND_TENANT = Word("租客绑定", "Bind a tenant to a house", note="11月18日已开发")
    BIND_FAMILY = Word("家属绑定", "Bind family of the owner to a house", note="11月18日已开发")
    REPLACE_OWNER = Word("替换业主", "Replace the owner of a house", note="11月18日已开发")
    UNBIND_OWNER = Word("业主解绑", "Unbind an owner", note="11月18日未开发解绑功能")
    UNBIND_TENANT = Word("租客解绑", "Unbind a tenant", note="11月18日未开发解绑功能")
    UNBIND_FAMILY = Word("家属解绑", "Unbind family of the owner", note="11月18日未开发解绑功能")
    CHANGE_HOUSE = Word("修改房屋数据", "Change the data of a house", note="11月18日未开发修改功能")
    CHANGE_PERSON = Word("修改个人信息", "Change the data of a person", note="11月18日未开发修改功能")
    UNRECOGNIZED = NOT_LISTED


class ShenheStatus(WireEnum, chinese="审核状态", english="Status of a review"):
    PENDING = Word("等待审核", "Waiting for a decision", code="2")
    APPROVED = Word("审核通过", "Approved", code="1")
    REJECTED = Word("审核未通过", "Rejected", code="0")
    UNRECOGNIZED = NOT_LISTED


class ShenhePeople(Person, frozen=True, gc=False):
    """The applicant inside a review's content (preface 审核数据; job and company are merged in)."""

    user_id: Annotated[
        Int32 | None, Field("The applicant's number in the mini program (用户id).", "user_id", INTEGER)
    ] = None
    review: Annotated[ReviewKey | None, Field()] = None


def _part(description: str, key: str, part: str, correction: str | None = None) -> Field:
    return Field(description, key, INTEGER, correction=Correction(partial(number_problem, part), correction))


class ShenheHouse(Record, frozen=True, gc=False):
    """The house inside a review's content. `community_code` is what the applicant's form held: no proof (quirk 66). The
    row's `id` is an internal one (quirk 70).
    """

    community_code: Annotated[
        str | None,
        Field(
            "The community as entered by the applicant: not verified, may be a legacy number (小区标识).",
            "community_identifier",
            IDENTIFIER,
            free_text=True,
            identifier=True,
            correction=Correction(code_problem, "The community, one that the reviewer may see (小区标识)."),
        ),
    ] = None
    building: Annotated[Int32 | None, _part("Building number (楼号).", "building_number", "building")] = None
    unit: Annotated[Int32 | None, _part("Unit number (单元号).", "unit_number", "unit")] = None
    floor: Annotated[
        Int32 | None, _part("Floor (楼层).", "floor_number", "floor", "Floor; below 0 is below ground (楼层).")
    ] = None
    room: Annotated[Int32 | None, _part("Room (房间号).", "house_number", "room")] = None
    role: Annotated[
        ResidentRole | None, msgspec.structs.replace(ROLE, description="The applicant's role in the house (居民角色).")
    ] = None
    status: Annotated[HouseStatus | None, STATUS] = None
    use: Annotated[HouseUse | None, USE] = None
    ownership: Annotated[HouseOwnership | None, OWNERSHIP] = None
    occupant_type: Occupant = None
    data_issues: tuple[DataIssue, ...] = ()
    review: Annotated[ReviewKey | None, Field()] = None

    @property
    def house(self) -> House | None:
        """The house at this address in the community of the review; None when a part of that is unknown."""
        community_code = self.review and self.review[0]
        if community_code is None or None in (self.building, self.unit, self.floor, self.room):
            return None
        return House(community_code, self.building, self.unit, self.floor, self.room)


class ShenheContent(Record, frozen=True, gc=False):
    """A review's content: parsed, and word for word in `raw` (unmasked here). `own_issues` are those of no part."""

    user_id: Int32 | None = None
    people: ShenhePeople | None = None
    house: ShenheHouse | None = None
    raw: str | None = None
    review: ReviewKey | None = None
    own_issues: tuple[DataIssue, ...] = ()


APPLICANTS = Rows(ShenhePeople, PlatformName.WJDH, elsewhere=("job_name", "company_name"))
APPLIED_HOUSES = Rows(ShenheHouse, PlatformName.WJDH, unread=("id",))
CONTENTS = Rows(
    ShenheContent,
    PlatformName.WJDH,
    parts={"people": APPLICANTS, "house": APPLIED_HOUSES},
    unread=("people", "house", "job", "company"),
)


class Contents:
    """What reads the contents of reviews, made once of what reads their parts."""

    def __init__(self, wire: "Wire") -> None:
        applicants, houses = wire.table(APPLICANTS), wire.table(APPLIED_HOUSES)
        self._read_applicant, self._read_house = applicants.read, houses.read
        job, company = (msgspec.defstruct(key, [(key, str | None, None)], gc=False) for key in APPLICANTS.elsewhere)
        parts = {"people": applicants.documented, "job": job, "company": company, "house": houses.documented}
        documented = msgspec.defstruct("Content", [(name, part | None, None) for name, part in parts.items()], gc=False)
        self.decode: Callable[[Any], Any] = msgspec.json.Decoder(documented).decode

    def read(self, source: "Table[Any]", sent: Any, review: ReviewKey) -> ShenheContent | None:
        """The content of a review that `source` reads, from JSON text or an object; what is neither is kept as it came
        (quirk 114). None where there is none.
        """
        try:
            parts = self.decode(sent)
            people, house = parts.people, parts.house
            if people is not None:
                people.job_name = parts.job and parts.job.job_name
                people.company_name = parts.company and parts.company.company_name
        except (msgspec.DecodeError, UnicodeError, RecursionError, TypeError):
            if is_blank(sent):
                return None
            people, house = _any_parts(sent)
        applicant, applied_house = self._read_applicant(people, review), self._read_house(house, review)
        raw = sent if type(sent) is str else raw_text(sent)
        if applicant is not None and applied_house is not None:
            return ShenheContent(applicant.user_id, applicant, applied_house, raw, review)
        issues = Issues(source)
        if _is_absent(people) and _is_absent(house):  # whatever it is, it is no application
            issues.add("content", sent, DataProblem.MALFORMED)
        for path, part, read in (("content.people", people, applicant), ("content.house", house, applied_house)):
            if read is None and not _is_absent(part):
                issues.add(path, part, DataProblem.MALFORMED)
        user_id = None if applicant is None else applicant.user_id
        return ShenheContent(user_id, applicant, applied_house, raw, review, issues.found)


def _any_parts(sent: object) -> tuple[Any, Any]:
    """The applicant and the house of an object, or of a text that may be encoded twice; none of anything else."""
    try:
        content = read_json(sent) if isinstance(sent, str) else sent
    except NotJsonError:
        content = None
    if not isinstance(content, dict):
        return None, None
    people = content.get("people")
    if isinstance(people, dict):
        for section, key in (("job", "job_name"), ("company", "company_name")):
            part = content.get(section)
            people = {**people, key: part.get(key) if isinstance(part, dict) else part or None}
    return people, content.get("house")


def _is_absent(part: object) -> bool:
    """Whether a part of the content is left out, or empty as PHP spells it."""
    return part is None or part == []


def _read_number(own: object, other: object, path: str, issues: Issues) -> int | None:
    """The first id that can be read: the second row of the document's example is keyed otherwise (quirk 71)."""
    number = row_id(own) or row_id(other)
    for value in (own, other):
        if row_id(value) != number and not is_blank(value):
            issues.add(path, value, DataProblem.CONTRADICTORY)
    return number


NUMBER = Kind(read=_read_number, wire=ROW_NUMBER.wire, plain=Plain.AS_SENT, required=True, identifies=True)


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
        str | None, free_text("The house as free text; may be wrong (审核房屋地址简介).", "shenhe_house_introduction")
    ] = None
    action_introduction: Annotated[
        str | None,
        free_text("The application as free text; may be wrong (审核动作简介).", "shenhe_action_introduction"),
    ] = None
    rejection_reason: Annotated[str | None, free_text("Why it was rejected (拒绝理由).", "shenhe_refuse_reason")] = None
    created_at: Annotated[datetime | None, Field("When it was submitted (审核记录创建时间).", "created_at", TIME)] = (
        None
    )
    updated_at: Annotated[
        datetime | None, Field("When it was last changed (审核记录修改时间).", "updated_at", TIME)
    ] = None
    own_issues: tuple[DataIssue, ...] = ()
    source: Any = None
    content_read: Any = msgspec.UNSET

    @ReadOnce
    def content(self) -> ShenheContent | None:
        """What was submitted: two thirds of the time that a review takes, and most lists do not ask for it."""
        source, review = self.source, (self.community_code, self.platform_id)
        return None if source is None else source.wire.made[Contents].read(source, self.content_sent, review)

    @property
    def inner(self) -> tuple[Record, ...]:
        """The records within, which have data issues of their own."""
        content = self.content
        return () if content is None else tuple([part for part in (content.people, content.house) if part is not None])

    @property
    def data_issues(self) -> tuple[DataIssue, ...]:
        """Of the content, too."""
        content = self.content
        if content is not None:
            return self.own_issues + content.own_issues
        issues = Issues(self.source)
        if self.source is not None:
            issues.add("content", self.content_sent, DataProblem.MISSING)
        return self.own_issues + issues.found


class ShenheQuery(Record, frozen=True, gc=False, kw_only=True):
    """The filters of the review list (1.2.2.1): the word of the one, the number of the other (quirk 98)."""

    type: Annotated[ShenheType | None, Field("What is applied for (审核类型).", "type", word_of(ShenheType))] = None
    status: Annotated[ShenheStatus | None, Field("Status (审核状态).", "status", number_of(ShenheStatus))] = None


SHENHE_ROWS = Rows(Shenhe, PlatformName.WJDH, info="meta", parts={"shenhe_content": CONTENTS})
"""Success has no `code` here: the array is its only sign (quirk 15)."""

SHENHE_LIST = Endpoint(
    WJDH, "shenheList", "POST", "wjdh/shenheList", Effect.READ, decode=SHENHE_ROWS.decode_list, record=Shenhe
)
SHENHE = Endpoint(WJDH, "shenhe", "POST", "wjdh/shenhe", Effect.READ, decode=SHENHE_ROWS.decode_one, record=Shenhe)


SHENHES = RecordList[Shenhe](
    type_name="Shenhe",
    noun=Noun("review", "审核"),
    scope=Scope.SHENHE_READ,
    query=ShenheQuery,
    waiting=ShenheQuery(status=ShenheStatus.PENDING),
    endpoint=SHENHE_LIST,
    rows=SHENHE_ROWS,
    community_key="community_identifier",
    record_endpoint=SHENHE,
    cached_as="shenhes",
    watched=Watched(
        SHENHE_CHANGED,
        lambda review: (review.status, review.updated_at),
        {ShenheStatus.APPROVED: ChangeKind.DECIDED, ShenheStatus.REJECTED: ChangeKind.DECIDED},
        others=("people", "owner"),
    ),
)
