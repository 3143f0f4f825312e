"""What the platforms know, free of any dialect.

`is_touched` of a record: a write has changed it since the start. The mixed dialect keeps its dirty values to records
nobody has touched, so that a write can be read back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")


class HouseAddress(NamedTuple):
    """Where a house is, within a community."""

    building: int
    unit: int
    floor: int
    room: int


@dataclass(frozen=True, slots=True)
class Community:
    """A community on wjdh. The gateway's account may manage it only when `authorised` (message Se104)."""

    code: str
    name: str
    authorised: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A natural person (preface, 审核数据)."""

    name: str
    phone: str
    sex: str
    birth: date
    id_card: str
    address: str
    nation: str = "汉族"
    photo: str = "https://tc.mg.cool/uploads/test.png"
    political_status: str = "群众"
    is_veteran: bool = False
    receives_allowance: bool = False
    is_petitioner: bool = False
    job_name: str = "WEB工程师"
    company_name: str = "万家灯火科技（河北）有限责任公司"


@dataclass(frozen=True, slots=True)
class Member:
    """A person as listed under a house: a copy that may differ from the person's own record (quirk 83)."""

    person: Person
    role: str


@dataclass(slots=True)
class House:
    """A house on the security platform."""

    community: Community
    address: HouseAddress
    use: str
    ownership: str
    status: str
    owner: Person | None = None
    members: list[Member] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The house as wjdh prints it: 楼 is the floor here (quirk 86)."""
        building, unit, floor, room = self.address
        return f"{self.community.name}{building}栋{unit}单元{floor}楼{room}号"


@dataclass(frozen=True, slots=True)
class Residency:
    """A person's residence in a house."""

    house: House
    role: str
    occupant_type: str


@dataclass(slots=True)
class Resident:
    """A person of the security platform. Only some have an account in the mini program (order/new, code 3)."""

    person: Person
    residencies: list[Residency] = field(default_factory=list)
    uses_mini_program: bool = True


@dataclass(slots=True, kw_only=True)
class Shenhe:
    """A registration review. `content` is what a decision sent in its place, word for word."""

    id: int
    community: Community
    type: str
    applicant: Person
    house: House
    role: str
    occupant_type: str
    status: int
    refuse_reason: str | None
    created_at: datetime
    updated_at: datetime
    content: str | None = None
    is_touched: bool = False


@dataclass(slots=True, kw_only=True)
class Order:
    """A payment order. `house` is None for a personal charge; `payer` is who the person filters find."""

    id: int
    community: Community
    number: str
    title: str
    fen: int
    house: House | None
    payer: Person | None
    is_open: bool = True
    remark: str | None = None
    extra: Mapping[str, str | int | float] | None = None
    shop_number: str | None = None
    weixin_number: str | None = None
    is_touched: bool = False

    @property
    def is_paid(self) -> bool:
        return self.shop_number is not None


@dataclass(slots=True, kw_only=True)
class Repair:
    """A repair a resident reported."""

    id: int
    community: Community
    position: str
    description: str
    name: str
    phone: str
    reported_at: datetime
    is_resolved: bool = False
    reply: str | None = None
    is_touched: bool = False


@dataclass(slots=True)
class Module:
    """A feature module of a community on wjdh."""

    id: int
    community: Community
    name: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class Announcement:
    """A published announcement: the form it came in."""

    id: int
    community: Community
    form: dict[str, str]
