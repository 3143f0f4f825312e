"""Payment orders: house charges going round ten houses of a community, and personal charges among the older."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.sandbox.model import CHINA, House, Order

_FIRST = datetime(2020, 12, 14, 9, 0, 0, tzinfo=CHINA)
_BETWEEN = timedelta(days=14, hours=13, minutes=11)
_SPREAD = 149
"""One order after the other, from the document's day to November 2026: some are overdue for years."""

Extra = dict[str, str | int] | None

_CHARGES: tuple[tuple[str, int, str | None, Extra], ...] = (
    ("物业费", 128050, "2020年物业费征收", {"每平米价格": "10", "面积": "128.05平方"}),
    ("水费", 4235, "12月份", {"吨数": 11, "单价": "3.85元"}),
    ("车位费", 30000, None, {"车位": "A012"}),
    ("临时停车费", 1500, None, {"每半小时价格": 30}),
    ("装修垃圾清运费", 20000, '含"大件"清运\\搬运', None),
    ("物业费", 96020, None, {"单价": "100元/平方", "最低缴费比例": "70%"}),
    ("电梯维护费", 1, "尾款", {}),
)

CHARGED_HOUSES = 10
NEWEST = 20
"""So many of the newest orders are house charges, so that they lie on all the charged houses, twice over."""


def orders(houses: list[House], amount: int, ids: Iterator[int]) -> list[Order]:
    """`amount` orders of one community, oldest first; a third is paid, every seventh closed."""
    return [_order(houses, turn, amount, next(ids)) for turn in range(amount)]


def itemised(order: Order) -> Order:
    """The same charge with details that no other has."""
    return replace(order, extra={**(order.extra or {}), "缴费编号": order.id})


def _order(houses: list[House], turn: int, amount: int, number: int) -> Order:
    house = houses[turn % CHARGED_HOUSES]
    is_personal = turn % 5 == 4 and turn < amount - NEWEST
    title, fen, remark, extra = _CHARGES[number % len(_CHARGES)]
    order = Order(
        id=number,
        community=house.community,
        number=order_number(_FIRST + number % _SPREAD * _BETWEEN, number),
        title=title,
        fen=fen + number * 100,
        house=None if is_personal else house,
        payer=house.owner,
        is_open=number % 7 != 0,
        remark=remark,
        extra=extra,
    )
    if number % 3 == 0:
        order.shop_number, order.weixin_number = payment_numbers(order)
    return order


def order_number(created_at: datetime, number: int) -> str:
    """20 digits like the document's 20201213104759976889: they look like a time, and are beyond 2^64 (quirk 77)."""
    return f"{created_at:%Y%m%d%H%M%S}{(number * 7919 + 131) % 1_000_000:06d}"


def payment_numbers(order: Order) -> tuple[str, str]:
    """The shop number and the 28 digits of the WeChat number that paying this order gives."""
    return f"1900{order.number[2:]}", f"42000008{order.number}"
