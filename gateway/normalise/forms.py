"""Form fields of wjdh's filters and writes, spelt as the document says.

Values are always text, so that no HTTP client turns true into "true" or a code into a number (quirks 62, 65). What is
None is left out (quirk 151). Page numbers and record ids are the client's to add.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec

from gateway.normalise.field import declared_fields
from gateway.normalise.order import OrderQuery
from gateway.normalise.records import Record
from gateway.normalise.requests import CarPayer, NewAnnouncement, NewOrder, NewOrderDetail, ParkingPayer, Payer
from gateway.normalise.vocabulary import FLAG_FORM, RepairStatus, ShenheStatus

Form = dict[str, str]


def shenhe_decision_form(status: ShenheStatus, content: str | None) -> Form:
    """`status` and `content` of PUT shenhe (1.2.4.1); `content` is a complete document or nothing (quirk 116)."""
    return _without_none({"status": status.wire_code, "content": content})


def query_form(query: Record) -> Form:
    """The filters of a list: those that are set, under the keys that the record class declares."""
    filters = _filters(type(query))
    return {
        key: str(write(value, ""))
        for attribute, key, write in filters
        if (value := getattr(query, attribute)) is not None
    }


@cache
def _filters(query: type[Record]) -> tuple[tuple[str, str, Callable[[Any, object], object]], ...]:
    """The attributes of a record class that can be sent, with their keys and what writes them."""
    return tuple(
        (attribute, declared.field.keys[0], declared.field.kind.write)
        for attribute, declared in declared_fields(query).items()
        if declared.field.kind is not None and declared.field.kind.write is not None
    )


def new_order_form(order: NewOrder) -> Form:
    """All fields of order/new (2.1.1.2). `identifier` and `extra` are JSON texts, encoded once (quirk 110)."""
    return _without_none(
        {
            "xiaoqu": order.community_code,
            "type": order.payer.wire_type,
            "identifier": _json(_identifier(order.payer)),
            "title": order.title,
            "remark": order.remark,
            "extra": _json({detail.name: _detail(detail) for detail in order.details}) if order.details else None,
            "amount": format(order.amount, "f"),
            "manager": order.manager,
        }
    )


def _identifier(payer: Payer) -> Form:
    """Who pays (2.1.1.5): by what the order list looks for as well, or by a number that it cannot look for."""
    match payer:
        case CarPayer(number) | ParkingPayer(number):
            return {"number": number}
        case _:
            return query_form(OrderQuery(**msgspec.structs.asdict(payer)))


def repair_update_form(status: RepairStatus, reply: str | None) -> Form:
    """`status` and `reply` of PUT repair (4.3.2); an absent reply keeps the old one (quirk 55)."""
    return _without_none({"status": status.wire_code, "reply": reply})


def module_form(community_code: str, label: str, enabled: bool) -> Form:
    """All fields of PUT module (3.2.2.2), which goes by the module's Chinese name (quirk 80)."""
    return {"xiaoqu": community_code, "module_name": label, "module_status": FLAG_FORM[enabled]}


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


def _detail(detail: NewOrderDetail) -> object:
    """The value, digit for digit: a number is not read as a float."""
    return msgspec.Raw(detail.value.encode()) if detail.numeric else detail.value


def _json(value: Mapping[str, object]) -> str:
    return msgspec.json.encode(value).decode()
