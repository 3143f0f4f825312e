"""Filters and writes are spelt as the document says (quirks 55, 62, 65, 98 to 102, 110, 120, 121, 146, 151)."""

from decimal import Decimal

import pytest

from gateway.normalise.forms import (
    module_form,
    new_announcement_form,
    new_order_form,
    query_form,
    repair_update_form,
    shenhe_decision_form,
)
from gateway.normalise.order import OrderQuery
from gateway.normalise.repair import RepairQuery
from gateway.normalise.requests import (
    CarPayer,
    HousePayer,
    IdCardPayer,
    NewAnnouncement,
    NewOrder,
    NewOrderDetail,
    ParkingPayer,
    Payer,
    PhonePayer,
)
from gateway.normalise.shenhe import ShenheQuery
from gateway.normalise.vocabulary import (
    ModuleName,
    OrderStatus,
    PaymentStatus,
    RepairStatus,
    ShenheStatus,
    ShenheType,
)


def test_quirk_98_review_filter_sends_word_and_number() -> None:
    assert query_form(ShenheQuery(type=ShenheType.BIND_OWNER, status=ShenheStatus.PENDING)) == {
        "type": "业主绑定",
        "status": "2",
    }


def test_quirk_151_unset_filters_are_omitted() -> None:
    assert query_form(ShenheQuery()) == {}
    assert query_form(OrderQuery()) == {}
    assert query_form(OrderQuery(building=0)) == {"louhao": "0"}


def test_decision_form_sends_content_only_when_given() -> None:
    assert shenhe_decision_form(ShenheStatus.APPROVED, None) == {"status": "1"}
    assert shenhe_decision_form(ShenheStatus.REJECTED, "{}") == {"status": "0", "content": "{}"}


def test_order_filters_have_their_form_fields() -> None:
    query = OrderQuery(
        building=1,
        unit=2,
        floor=-1,
        room=101,
        id_card="999302199211302517",
        phone="19900000001",
        name="李明",
        title="物业费",
        status=OrderStatus.CLOSED,
        payment_status=PaymentStatus.PAID,
    )
    assert query_form(query) == {
        "louhao": "1",
        "danyuan": "2",
        "louceng": "-1",
        "fangjian": "101",
        "idcard": "999302199211302517",
        "phone": "19900000001",
        "name": "李明",
        "title": "物业费",
        "status": "0",
        "paied": "1",
    }


@pytest.mark.parametrize(
    ("payer", "type_", "identifier"),
    [
        (HousePayer(1, 1, 1, 101), "house", '{"louhao":"1","danyuan":"1","louceng":"1","fangjian":"101"}'),
        (PhonePayer("19900000001"), "phone", '{"phone":"19900000001"}'),
        (PhonePayer("19900000001", "李明"), "phone", '{"phone":"19900000001","name":"李明"}'),
        (IdCardPayer("999302199211302517"), "idcard", '{"idcard":"999302199211302517"}'),
        (CarPayer("GK12001"), "car_number", '{"number":"GK12001"}'),
        (ParkingPayer("A012"), "parking_number", '{"number":"A012"}'),
    ],
)
def test_quirk_110_payer_is_sent_as_type_and_json(payer: Payer, type_: str, identifier: str) -> None:
    form = new_order_form(NewOrder(community_code="00001", payer=payer, title="水费", amount=Decimal("30")))
    assert form == {"xiaoqu": "00001", "type": type_, "identifier": identifier, "title": "水费", "amount": "30"}


def test_quirk_110_details_are_encoded_once() -> None:
    order = NewOrder(
        community_code="00001",
        payer=PhonePayer("19900000001"),
        title="水费",
        amount=Decimal("1E+2"),
        remark="2020年",
        details=(
            NewOrderDetail("单价", '"10"'),
            NewOrderDetail("最低", "70%"),
            NewOrderDetail("面积", "89.50", numeric=True),
            NewOrderDetail("表号", "12345678901234567890", numeric=True),
        ),
        manager="晨曦家园物业",
    )
    form = new_order_form(order)
    assert form["extra"] == '{"单价":"\\"10\\"","最低":"70%","面积":89.50,"表号":12345678901234567890}'
    assert (form["amount"], form["remark"], form["manager"]) == ("100", "2020年", "晨曦家园物业")


def test_quirk_146_repair_list_always_has_a_status() -> None:
    assert query_form(RepairQuery(status=RepairStatus.OPEN)) == {"status": "0"}
    assert query_form(RepairQuery(status=RepairStatus.RESOLVED)) == {"status": "1"}


def test_quirk_55_absent_reply_is_not_sent() -> None:
    assert repair_update_form(RepairStatus.RESOLVED, None) == {"status": "1"}
    assert repair_update_form(RepairStatus.OPEN, "已派人") == {"status": "0", "reply": "已派人"}


@pytest.mark.parametrize(("enabled", "status"), [(True, "1"), (False, "0")])
def test_quirk_62_80_module_form_sends_name_and_number(enabled: bool, status: str) -> None:
    assert module_form("00001", "投诉建议", enabled) == {
        "xiaoqu": "00001",
        "module_name": "投诉建议",
        "module_status": status,
    }


def test_quirk_120_121_announcement_form_is_as_documented() -> None:
    announcement = NewAnnouncement(
        community_code="00001", title="停水", content="明天", weight=3, pinned=True, images=("a.png", "b.png")
    )
    assert new_announcement_form(announcement) == {
        "xiaoqu": "00001",
        "title": "停水",
        "content": "明天",
        "order": "3",
        "top": "1",
        "status": "1",
        "images": "a.png,b.png",
    }


def test_quirk_151_announcement_without_images_omits_them() -> None:
    form = new_announcement_form(NewAnnouncement(community_code="00001", title="停水", content="明天"))
    assert "images" not in form


@pytest.mark.parametrize(("pinned", "published"), [(True, False), (False, True)])
def test_quirk_121_pinned_and_published_are_separate(pinned: bool, published: bool) -> None:
    form = new_announcement_form(
        NewAnnouncement(community_code="00001", title="停水", content="明天", pinned=pinned, published=published)
    )
    assert (form["top"], form["status"]) == (str(int(pinned)), str(int(published)))


def test_unrecognized_is_never_sent() -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        query_form(ShenheQuery(type=ShenheType.UNRECOGNIZED))
    with pytest.raises(ValueError, match="cannot be sent"):
        _ = ModuleName.UNRECOGNIZED.wire_label
