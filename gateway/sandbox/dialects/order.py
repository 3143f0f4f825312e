"""Orders as wjdh writes them (2.1.2.3, 2.1.2.4)."""

import json
from collections.abc import Callable, Mapping

from gateway.sandbox.dialects.dialect import Dialect, Row, Stain, put, soil
from gateway.sandbox.model import Order


def documented(order: Order) -> Row:
    """`paied` a boolean, `amount` a float, `extra` an object; `house` left out of personal charges."""
    row = _row(order, paied=order.is_paid, amount=order.fen / 100, extra=order.extra)
    if order.house is None:
        del row["house"]
    return row


def examples(order: Order) -> Row:
    """`paied` in words, `amount` with its unit, `extra` with single quotes, which is not JSON (quirk 7)."""
    return _row(order, paied=_paied_word(order), amount=_yuan(order), extra=_single_quoted(order.extra))


def mixed(order: Order) -> Row:
    """A choice for each field, by the order's number."""
    row = documented(order) if order.id % 4 == 1 else examples(order)
    if order.id % 5 == 2:
        row["paied"] = int(order.is_paid)
    if order.id % 6 == 3:
        row["amount"] = f"{order.fen / 100:.2f}"
    if order.id % 3 == 1 and order.extra is not None:
        row["extra"] = json.dumps(order.extra, ensure_ascii=False)
    if order.id % 9 == 5:
        row["number"] = int(order.number)  # beyond 64 bits (quirk 77)
    return soil(row, order, STAINS)


STAINS: tuple[Stain, ...] = (
    put("extra", "{'单价':__import__('os')}"),  # 7
    put("paied", "部分付款"),  # 106
    put("amount", "待定"),  # 109
    put("status", "已作废"),  # 106
    put("number", None),  # 76
    put("amount", "1,280.50元"),  # 109
    put("status", 2),  # 99
    put("title", None),  # 118
    put("house", "晨曦家园底商3号"),  # 118
    put("paied", None),  # 101
)

RENDER: Mapping[Dialect, Callable[[Order], Row]] = {
    Dialect.DOCUMENTED: documented,
    Dialect.EXAMPLES: examples,
    Dialect.MIXED: mixed,
}


def _row(order: Order, paied: object, amount: object, extra: object) -> Row:
    return {
        "id": order.id,
        "paied": paied,
        "shop_number": order.shop_number,
        "number": order.number,
        "title": order.title,
        "amount": amount,
        "house": order.house.label if order.house else None,
        "status": "进行中" if order.is_open else "已关闭",
        "remark": order.remark,
        "extra": extra,
    }


def _paied_word(order: Order) -> str:
    return "已付款" if order.is_paid else "未付款"


def _yuan(order: Order) -> str:
    return f"{order.fen / 100:.2f}元"


def _single_quoted(extra: Mapping[str, str | int | float] | None) -> str | None:
    """{'单价':'100元/平方','最低缴费比例':'70%'}"""
    if extra is None:
        return None
    return "{" + ",".join(f"{name!r}:{value!r}" for name, value in extra.items()) + "}"
