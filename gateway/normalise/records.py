"""What the parsers make of upstream rows: frozen, slotted records whose attributes are the plain fields of the types.

An attribute has the name of its GraphQL field in snake case, its value is what the field shows unmasked. What a
platform did not send, or sent unreadably, is None (or the enum's UNRECOGNIZED) and has a `DataIssue` beside it.

Parsers fill records that come in lists by position, which takes a quarter less time: the order of their fields counts.
"""

from datetime import date, datetime
from typing import Annotated, Generic, NamedTuple, TypeVar

import msgspec

from gateway.normalise.vocabulary import (
    DataProblem,
    FeeType,
    HouseOwnership,
    HouseStatus,
    HouseUse,
    ModuleName,
    OccupantType,
    OrderStatus,
    PaymentStatus,
    PiiKind,
    PlatformName,
    PoliticalStatus,
    RepairStatus,
    ResidentRole,
    Sex,
    ShenheStatus,
    ShenheType,
)

RecordT = TypeVar("RecordT")

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
"""The bounds of GraphQL's Int."""

Int32 = Annotated[int, msgspec.Meta(ge=INT32_MIN, le=INT32_MAX)]

PlatformId = Annotated[int, msgspec.Meta(gt=0, le=INT32_MAX)]
"""A platform's number of a row."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """Base of all records."""


class DataIssue(Record, frozen=True, gc=False):
    """One value that did not arrive as documented.

    `field` is the dotted path of public (camelCase) field names from the record that carries the issue. `raw` is the
    upstream text, unmasked here; `pii` is the kind of personal data it holds, so that it is masked like the field.
    `of_any_community`: it may tell of any community, so only who sees all of them is shown it.
    """

    field: str
    raw: str | None
    problem: DataProblem
    platform: PlatformName
    pii: PiiKind | None = None
    of_any_community: bool = False


class Page(Record, Generic[RecordT], frozen=True, gc=False):
    """One page of a platform's list, as the platform cut it.

    `total` is None where the platform gave no page information (nothing found, or a page beyond the end: quirks 138
    and 139). `per_page` and `last_page` are the platform's own; where it does not tell the last page, the total does.
    `dropped` counts rows that had no identifier. `issues` are those of all records, where they were gathered while the
    rows were read; None: somebody would have to look.
    """

    items: tuple[RecordT, ...]
    per_page: int | None = None
    last_page: int | None = None
    total: int | None = None
    dropped: int = 0
    issues: tuple[DataIssue, ...] | None = None


class HouseKey(NamedTuple):
    """The full address of a house: what the owner look-up needs and what a node id carries."""

    community_code: str
    building: int
    unit: int
    floor: int
    room: int


class Money(Record, frozen=True, gc=False):
    """An amount. `yuan` is the exact number as it is written out, "0.01"; `fen` is None beyond 32 bits or below one
    fen; `text` is for display: "¥0.01".
    """

    yuan: str
    fen: Int32 | None
    text: str


class Person(Record, frozen=True, gc=False):
    """What both platforms tell of a natural person (document 1.1.2.5 and preface 审核数据).

    `user_id` is told of applicants only.
    """

    name: str | None = None
    phone: str | None = None
    sex: Sex | None = None
    nation: str | None = None
    birth_date: date | None = None
    registered_address: str | None = None
    id_card: str | None = None
    photo: str | None = None
    political_status: PoliticalStatus | None = None
    is_veteran: bool | None = None
    receives_subsistence_allowance: bool | None = None
    is_petitioner: bool | None = None
    job_name: str | None = None
    company_name: str | None = None
    data_issues: tuple[DataIssue, ...] = ()
    user_id: Int32 | None = None


class Member(Person, frozen=True, gc=False):
    """A member of a house, as listed under the person asked for (1.1.2.5, members)."""

    role: ResidentRole = ResidentRole.UNRECOGNIZED


class House(Record, frozen=True, gc=False, kw_only=True):
    """A house. `members` is None unless the house was reached through a person (quirk 73, 74).

    `use`, `ownership` and `status` are None where the source of this record does not tell them; `described` is True
    where it does, so that nobody asks again for what the platform has already answered. `key` is the full address, and
    `address` how it is written, "10002 1-1-1-101"; both are made of the parts, None when one of them is unreadable.
    """

    community_code: str
    building: Int32 | None = None
    unit: Int32 | None = None
    floor: Int32 | None = None
    room: Int32 | None = None
    use: HouseUse | None = None
    ownership: HouseOwnership | None = None
    status: HouseStatus | None = None
    members: tuple[Member, ...] | None = None
    described: bool = False
    data_issues: tuple[DataIssue, ...] = ()
    key: HouseKey | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        """Once, for they are asked for again and again."""
        code, building, unit, floor, room = self.community_code, self.building, self.unit, self.floor, self.room
        if building is not None and unit is not None and floor is not None and room is not None:
            msgspec.structs.force_setattr(self, "key", HouseKey(code, building, unit, floor, room))
            msgspec.structs.force_setattr(self, "address", f"{code} {building}-{unit}-{floor}-{room}")

    @property
    def identifying_parts(self) -> tuple[str | int | None, ...]:
        """What tells this house from others: its address, where a part is unreadable with what the platform sent."""
        if self.key is not None:
            return self.key
        sent = [
            part for issue in self.data_issues if issue.field in HouseKey._fields for part in (issue.field, issue.raw)
        ]
        return (self.community_code, self.building, self.unit, self.floor, self.room, *sent)


class HouseOwner(Record, frozen=True, gc=False):
    """The answer of the owner look-up (1.1.3): the owner's phone and role, and what it tells of the house itself.

    `house` is the address that was asked for.
    """

    phone: str | None = None
    role: ResidentRole | None = None
    occupant_type: OccupantType | None = None
    use: HouseUse | None = None
    ownership: HouseOwnership | None = None
    status: HouseStatus | None = None
    data_issues: tuple[DataIssue, ...] = ()
    house: HouseKey | None = None


class Residency(Record, frozen=True, gc=False, kw_only=True):
    """A person's place in a house (1.1.2.5, houses[])."""

    house: House
    role: ResidentRole = ResidentRole.UNRECOGNIZED
    occupant_type: OccupantType | None = None
    data_issues: tuple[DataIssue, ...] = ()


class People(Person, frozen=True, gc=False):
    """A person as the security platform knows them (1.1.2)."""

    residencies: tuple[Residency, ...] = ()


ReviewKey = tuple[str | None, int]
"""Which review: the community whose list was asked, None where that is not known (quirk 175), and the row's number."""


class ShenhePeople(Person, frozen=True, gc=False):
    """The applicant inside a review's content (preface 审核数据; job and company are merged in)."""

    review: ReviewKey | None = None


class ShenheHouse(Record, frozen=True, gc=False):
    """The house inside a review's content. `community_code` is what the applicant's form held: no proof (quirk 66)."""

    community_code: str | None = None
    building: Int32 | None = None
    unit: Int32 | None = None
    floor: Int32 | None = None
    room: Int32 | None = None
    role: ResidentRole | None = None
    status: HouseStatus | None = None
    use: HouseUse | None = None
    ownership: HouseOwnership | None = None
    occupant_type: OccupantType | None = None
    data_issues: tuple[DataIssue, ...] = ()
    review: ReviewKey | None = None

    @property
    def house(self) -> House | None:
        """The house at this address in the community of the review; None when a part of that is unknown."""
        community_code = self.review and self.review[0]
        if community_code is None or None in (self.building, self.unit, self.floor, self.room):
            return None
        return House(
            community_code=community_code,
            building=self.building,
            unit=self.unit,
            floor=self.floor,
            room=self.room,
        )


class ShenheContent(Record, frozen=True, gc=False):
    """A review's content: parsed, and word for word in `raw` (unmasked here)."""

    user_id: Int32 | None = None
    people: ShenhePeople | None = None
    house: ShenheHouse | None = None
    raw: str | None = None
    review: ReviewKey | None = None


class Shenhe(Record, frozen=True, gc=False):
    """A registration review (1.2.2). `community_code` is the community whose list was asked, or None (quirk 175)."""

    platform_id: PlatformId
    community_code: str | None = None
    type: ShenheType = ShenheType.UNRECOGNIZED
    status: ShenheStatus = ShenheStatus.UNRECOGNIZED
    content: ShenheContent | None = None
    house_introduction: str | None = None
    action_introduction: str | None = None
    rejection_reason: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    data_issues: tuple[DataIssue, ...] = ()


class OrderDetail(Record, frozen=True, gc=False):
    """One name and value of an order's `extra`."""

    name: str
    value: str


class Order(Record, frozen=True, gc=False):
    """A payment order (2.1.2). `community_code` is the community whose list was asked.

    `house` is the house its label names; None for a personal charge or a label that is not of the known form.
    """

    platform_id: PlatformId
    community_code: str
    number: str | None = None
    title: str = ""
    fee_type: FeeType = FeeType.OTHER
    amount: Money | None = None
    payment_status: PaymentStatus = PaymentStatus.UNRECOGNIZED
    status: OrderStatus = OrderStatus.UNRECOGNIZED
    remark: str | None = None
    details: tuple[OrderDetail, ...] | None = ()
    shop_number: str | None = None
    address: str | None = None
    house: House | None = None
    data_issues: tuple[DataIssue, ...] = ()


class OrderQuery(Record, frozen=True, gc=False, kw_only=True):
    """The filters of the order list (2.1.2.2), all optional. Hashable: it is part of loader and cache keys.

    A house filter needs those before it: unit needs building, floor needs unit, room needs floor (quirk 147).
    """

    building: int | None = None
    unit: int | None = None
    floor: int | None = None
    room: int | None = None
    id_card: str | None = None
    phone: str | None = None
    name: str | None = None
    title: str | None = None
    status: OrderStatus | None = None
    payment_status: PaymentStatus | None = None


class Repair(Record, frozen=True, gc=False, kw_only=True):
    """A repair (4.1, 4.2). `reported_at` is known only from the single record; `dated` says this record is one."""

    platform_id: PlatformId
    community_code: str | None = None
    location: str | None = None
    description: str | None = None
    status: RepairStatus = RepairStatus.UNRECOGNIZED
    reply: str | None = None
    reported_at: datetime | None = None
    dated: bool = False
    reporter_name: str | None = None
    reporter_phone: str | None = None
    data_issues: tuple[DataIssue, ...] = ()


class Module(Record, frozen=True, gc=False, kw_only=True):
    """A feature module of a community on wjdh (3.2.1). `label` is the platform's word; `enabled` may be unknown."""

    community_code: str
    name: ModuleName
    label: str
    enabled: bool | None = None
    data_issues: tuple[DataIssue, ...] = ()


class ModuleState(Record, frozen=True, gc=False):
    """A module's production state on the security platform (3.1.1)."""

    name: ModuleName
    label: str
    enabled: bool | None
    data_issues: tuple[DataIssue, ...] = ()
