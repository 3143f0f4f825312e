"""Filters and writes are spelt as the document says (quirks 55, 62, 65, 98 to 102, 110, 120, 121, 146, 151)."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.announcements import NewAnnouncement, new_announcement_form
from gateway.modules import ModuleName, set_module
from gateway.orders.record import (
    CarPayer,
    HousePayer,
    IdCardPayer,
    NewOrder,
    NewOrderDetail,
    OrderQuery,
    OrderStatus,
    ParkingPayer,
    Payer,
    PaymentStatus,
    PhonePayer,
    new_order_form,
)
from gateway.platforms.wjdh import query_form
from gateway.repairs import RepairQuery, RepairStatus
from gateway.shenhe.record import ShenheQuery, ShenheStatus, ShenheType

HOUSE_101 = '{"louhao":"1","danyuan":"1","louceng":"1","fangjian":"101"}'
PAYERS: list[tuple[Payer, str, str]] = [
    (HousePayer(1, 1, 1, 101), "house", HOUSE_101),
    (PhonePayer("19900000001"), "phone", '{"phone":"19900000001"}'),
    (PhonePayer("19900000001", "李明"), "phone", '{"phone":"19900000001","name":"李明"}'),
    (IdCardPayer("999302199211302517"), "idcard", '{"idcard":"999302199211302517"}'),
    (CarPayer("GK12001"), "car_number", '{"number":"GK12001"}'),
    (ParkingPayer("A012"), "parking_number", '{"number":"A012"}'),
]
EVERY_FILTER = OrderQuery(
    building=1, unit=2, floor=-1, room=101, id_card="999302199211302517", phone="19900000001", name="李明",
    title="物业费", status=OrderStatus.CLOSED, payment_status=PaymentStatus.PAID,
)  # fmt: skip
DETAILS = (
    NewOrderDetail("单价", '"10"'),
    NewOrderDetail("最低", "70%"),
    NewOrderDetail("面积", "89.50", numeric=True),
    NewOrderDetail("表号", "12345678901234567890", numeric=True),
)
ENCODED = '{"单价":"\\"10\\"","最低":"70%","面积":89.50,"表号":12345678901234567890}'


def sent_form(write: Callable[[Any], Coroutine[Any, Any, object]]) -> dict[str, Any]:
    """The form that a write sends to the platform that it is given."""
    forms = []

    async def succeed(_endpoint: object, form: dict[str, Any]) -> dict[str, Any]:
        forms.append(dict(form))
        return {}

    asyncio.run(write(SimpleNamespace(succeed=succeed)))
    [form] = forms
    return form


def charge(payer: Payer, amount: str, **more: Any) -> dict[str, Any]:
    return new_order_form(NewOrder(community_code="00001", payer=payer, title="水费", amount=Decimal(amount), **more))


def announce(**more: Any) -> dict[str, Any]:
    return new_announcement_form(NewAnnouncement(community_code="00001", title="停水", content="明天", **more))


def switch(enabled: bool) -> dict[str, Any]:
    return sent_form(lambda wjdh: set_module(wjdh, "00001", "投诉建议", enabled))


PLAIN = {"xiaoqu": "00001", "title": "停水", "content": "明天"}
FORMS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "98",
        query_form(ShenheQuery(type=ShenheType.BIND_OWNER, status=ShenheStatus.PENDING)),
        {"type": "业主绑定", "status": "2"},
    ),
    ("151", query_form(ShenheQuery()) | query_form(OrderQuery()), {}),
    ("151", query_form(OrderQuery(building=0)), {"louhao": "0"}),
    (
        "99, 101",
        query_form(EVERY_FILTER),
        {
            "louhao": "1", "danyuan": "2", "louceng": "-1", "fangjian": "101", "idcard": "999302199211302517",
            "phone": "19900000001", "name": "李明", "title": "物业费", "status": "0", "paied": "1",
        },
    ),
    ("146", query_form(RepairQuery(status=RepairStatus.OPEN)), {"status": "0"}),
    ("146", query_form(RepairQuery(status=RepairStatus.RESOLVED)), {"status": "1"}),
    *(
        (
            "110",
            charge(payer, "30"),
            {"xiaoqu": "00001", "type": kind, "identifier": identifier, "title": "水费", "amount": "30"},
        )
        for payer, kind, identifier in PAYERS
    ),
    (
        "110",
        charge(HousePayer(1, 1, 1, 101), "1E+2", remark="2020年", details=DETAILS, manager="晨曦家园物业"),
        {
            "xiaoqu": "00001", "type": "house", "identifier": HOUSE_101, "title": "水费", "amount": "100",
            "remark": "2020年", "extra": ENCODED, "manager": "晨曦家园物业",
        },
    ),
    *(
        (
            "62, 80",
            switch(enabled),
            {"xiaoqu": "00001", "module_name": "投诉建议", "module_status": status},
        )
        for enabled, status in ((True, "1"), (False, "0"))
    ),
    (
        "120, 121",
        announce(weight=3, pinned=True, images=("a.png", "b.png"), manager="物业", logo="l.png"),
        PLAIN | {"order": "3", "top": "1", "status": "1", "images": "a.png,b.png", "manager": "物业", "logo": "l.png"},
    ),
    ("121, 151", announce(pinned=True, published=False), PLAIN | {"order": "0", "top": "1", "status": "0"}),
    ("121, 151", announce(pinned=False, published=True), PLAIN | {"order": "0", "top": "0", "status": "1"}),
]  # fmt: skip


@pytest.mark.parametrize(("quirks", "form", "documented"), FORMS)
def test_form_is_as_documented(quirks: str, form: dict[str, Any], documented: dict[str, Any]) -> None:
    assert form == documented


def test_unrecognized_is_never_sent() -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        query_form(ShenheQuery(type=ShenheType.UNRECOGNIZED))
    with pytest.raises(ValueError, match="cannot be sent"):
        _ = ModuleName.UNRECOGNIZED.wire_label
