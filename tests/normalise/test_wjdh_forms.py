"""Filters are spelt as the document says (quirks 98, 99, 101, 146, 151)."""

from typing import Any

import pytest

from gateway.modules import ModuleName
from gateway.orders.record import OrderQuery, OrderStatus, PaymentStatus
from gateway.platforms.wjdh import query_form
from gateway.repairs import RepairQuery, RepairStatus
from gateway.shenhe.record import ShenheQuery, ShenheStatus, ShenheType

EVERY_FILTER = OrderQuery(
    building=1, unit=2, floor=-1, room=101, id_card="999302199211302517", phone="19900000001", name="李明",
    title="物业费", status=OrderStatus.CLOSED, payment_status=PaymentStatus.PAID,
)  # fmt: skip
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
]  # fmt: skip


@pytest.mark.parametrize(("quirks", "form", "documented"), FORMS)
def test_form_is_as_documented(quirks: str, form: dict[str, Any], documented: dict[str, Any]) -> None:
    assert form == documented


def test_unrecognized_is_never_sent() -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        query_form(ShenheQuery(type=ShenheType.UNRECOGNIZED))
    with pytest.raises(ValueError, match="cannot be sent"):
        _ = ModuleName.UNRECOGNIZED.wire_label
