"""Form fields of wjdh's filters and writes, spelt as the document says.

Values are always text, so that no HTTP client turns true into "true" or a code into a number (quirks 62, 65). What is
None is left out (quirk 151). Page numbers and record ids are the client's to add.
"""

from collections.abc import Iterator

import msgspec

from gateway.normalise.field import declared_fields
from gateway.normalise.order import OrderQuery
from gateway.normalise.records import Record
from gateway.normalise.requests import (
    CarPayer,
    HousePayer,
    IdCardPayer,
    NewAnnouncement,
    NewOrder,
    ParkingPayer,
    Payer,
    PhonePayer,
)
from gateway.normalise.vocabulary import (
    FLAG_FORM,
    ModuleName,
    RepairStatus,
    ShenheStatus,
    ShenheType,
)

Form = dict[str, str]


def shenhe_filter_form(type_: ShenheType | None, status: ShenheStatus | None) -> Form:
    """`type` and `status` of shenheList (1.2.2.1): the word of the one, the number of the other (quirk 98)."""
    return _without_none(
        {
            "type": None if type_ is None else type_.wire_label,
            "status": None if status is None else status.wire_code,
        }
    )


def shenhe_decision_form(status: ShenheStatus, content: str | None) -> Form:
    """`status` and `content` of PUT shenhe (1.2.4.1); `content` is a complete document or nothing (quirk 116)."""
    return _without_none({"status": status.wire_code, "content": content})


def order_query_form(query: OrderQuery) -> Form:
    """The filters of order/list (2.1.2.2)."""
    return dict(_fields(query))


def _fields(record: Record) -> Iterator[tuple[str, str]]:
    """The attributes of a record under their keys, as form text."""
    for attribute, declared in declared_fields(type(record)).items():
        value, kind = getattr(record, attribute), declared.field.kind
        if value is not None and kind is not None and kind.write is not None:
            yield declared.field.keys[0], str(kind.write(value, ""))


def new_order_form(order: NewOrder) -> Form:
    """All fields of order/new (2.1.1.2). `identifier` and `extra` are JSON texts, encoded once (quirk 110)."""
    type_, identifier = _payer(order.payer)
    return _without_none(
        {
            "xiaoqu": order.community_code,
            "type": type_,
            "identifier": _json(identifier),
            "title": order.title,
            "remark": order.remark,
            "extra": _json({detail.name: detail.value for detail in order.details}) if order.details else None,
            "amount": format(order.amount, "f"),
            "manager": order.manager,
        }
    )


def _payer(payer: Payer) -> tuple[str, dict[str, str]]:
    """`type` and `identifier` (2.1.1.5)."""
    match payer:
        case HousePayer(building, unit, floor, room):
            return "house", {
                "louhao": str(building),
                "danyuan": str(unit),
                "louceng": str(floor),
                "fangjian": str(room),
            }
        case PhonePayer(phone, name):
            return "phone", {"phone": phone} if name is None else {"name": name, "phone": phone}
        case IdCardPayer(id_card):
            return "idcard", {"idcard": id_card}
        case CarPayer(number):
            return "car_number", {"number": number}
        case ParkingPayer(space):
            return "parking_number", {"number": space}


def repair_filter_form(status: RepairStatus) -> Form:
    """`status` of repair/list (4.1.2), which always has one: the platform's default is not "all" (quirk 146)."""
    return {"status": status.wire_code}


def repair_update_form(status: RepairStatus, reply: str | None) -> Form:
    """`status` and `reply` of PUT repair (4.3.2); an absent reply keeps the old one (quirk 55)."""
    return _without_none({"status": status.wire_code, "reply": reply})


def module_form(community_code: str, name: ModuleName, enabled: bool) -> Form:
    """All fields of PUT module (3.2.2.2), which goes by the module's Chinese name (quirk 80)."""
    return {"xiaoqu": community_code, "module_name": name.wire_label, "module_status": FLAG_FORM[enabled]}


def new_announcement_form(announcement: NewAnnouncement) -> Form:
    """All fields of announcement/new (5.1.2). `order` is the weight (quirk 121); images are joined by commas."""
    return _without_none(
        {
            "xiaoqu": announcement.community_code,
            "title": announcement.title,
            "content": announcement.content,
            "order": str(announcement.weight),
            "top": FLAG_FORM[announcement.pinned],
            "status": FLAG_FORM[announcement.published],
            "manager": announcement.manager,
            "logo": announcement.logo,
            "images": ",".join(announcement.images) or None,
        }
    )


def _without_none(fields: dict[str, str | None]) -> Form:
    return {name: value for name, value in fields.items() if value is not None}


def _json(value: dict[str, str]) -> str:
    return msgspec.json.encode(value).decode()
