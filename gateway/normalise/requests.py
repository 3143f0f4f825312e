"""The new things the gateway creates on wjdh, as records: orders and announcements.

Attributes carry public values; their wire spelling is the business of the forms. Attributes of payers that the order
list can look for have the names of its filters (`OrderQuery`), which declare how they are sent.
"""

from decimal import Decimal
from typing import ClassVar

from gateway.normalise.order import OrderDetail
from gateway.normalise.records import Record


class HousePayer(Record, frozen=True, gc=False):
    """Everyone entitled to pay for a house."""

    wire_type: ClassVar[str] = "house"
    building: int
    unit: int
    floor: int
    room: int


class PhonePayer(Record, frozen=True, gc=False):
    """The registered user of a phone; with `name`, also a resident who has not registered (quirk 158)."""

    wire_type: ClassVar[str] = "phone"
    phone: str
    name: str | None = None


class IdCardPayer(Record, frozen=True, gc=False):
    """The resident with this identity number."""

    wire_type: ClassVar[str] = "idcard"
    id_card: str


class CarPayer(Record, frozen=True, gc=False):
    """The holder of a number plate; documented as not developed (quirk 104)."""

    wire_type: ClassVar[str] = "car_number"
    number: str


class ParkingPayer(Record, frozen=True, gc=False):
    """The holder of a parking space; documented as not developed (quirk 104)."""

    wire_type: ClassVar[str] = "parking_number"
    space: str


Payer = HousePayer | PhonePayer | IdCardPayer | CarPayer | ParkingPayer
"""Each with names of its own: these alone distinguish the kinds in the fingerprint of a write."""


class NewOrderDetail(OrderDetail, frozen=True, gc=False):
    """One line of a new order; `numeric`: its value is sent as the number that it spells."""

    numeric: bool = False


class NewOrder(Record, frozen=True, gc=False, kw_only=True):
    """An order to create (2.1.1.2). `amount` is in yuan, above 0, with two decimals at most (quirk 160)."""

    community_code: str
    payer: Payer
    title: str
    amount: Decimal
    remark: str | None = None
    details: tuple[NewOrderDetail, ...] = ()
    manager: str | None = None


class NewAnnouncement(Record, frozen=True, gc=False, kw_only=True):
    """An announcement to create (5.1.2). The images travel joined by commas, so none may hold one (quirk 120)."""

    community_code: str
    title: str
    content: str
    weight: int = 0
    pinned: bool = False
    published: bool = True
    manager: str | None = None
    logo: str | None = None
    images: tuple[str, ...] = ()
