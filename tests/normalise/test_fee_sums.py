"""Sums of amounts are exact, and say what is not in them."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from random import Random

import platform_rows
import pytest
import readers
from hypothesis import given
from hypothesis import strategies as st

from gateway.normalise.records import Money, WholeList
from gateway.normalise.values import money
from gateway.orders.record import Order
from gateway.orders.sums import FeeGrouping, summarise

NOW = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
"""Midnight in China, where it is November 25."""

AMOUNTS = st.one_of(
    st.decimals(places=2, min_value=-(10**9), max_value=10**9).map(lambda yuan: f"{yuan:f}"),
    st.from_regex(r"-?[0-9]{1,30}\.[0-9]{1,30}", fullmatch=True),
    st.sampled_from(["待定", "", "1,280.50元", "¥0.01"]),
)


def summary(orders, grouping, dropped=0):
    return summarise(WholeList(tuple(orders), dropped, 0, True, NOW), grouping, NOW, str)


@given(st.lists(AMOUNTS), st.sampled_from(FeeGrouping), st.integers(0, 3))
def test_groups_add_up_to_the_exact_whole(texts, grouping, dropped):
    orders = [
        Order(platform_id=1, community_code="10002", number=f"2026{n % 15:02}01000000", amount=money(text))
        for n, text in enumerate(texts)
    ]
    found = summary(orders, grouping, dropped)
    with localcontext(prec=300):
        exact = sum((Decimal(each.amount.yuan) for each in orders if each.amount), Decimal())
        assert Decimal(found.amount.yuan) == exact
        assert sum((Decimal(group.amount.yuan) for group in found.groups), Decimal()) == exact
    assert found.count == len(texts) + dropped == sum(group.count for group in found.groups)
    unreadable = sum(each.amount is None for each in orders) + dropped
    assert found.unreadable == unreadable == sum(group.unreadable for group in found.groups)
    assert found.complete == (not unreadable)


HOUSE = "晨曦家园{}栋1单元1楼101号"
BANDS = [
    *(("20261125", "0-30"), ("20261026", "0-30"), ("20261025", "31-90"), ("20260827", "31-90")),
    *(("20260826", "91-180"), ("20260529", "91-180"), ("20260528", "181-365"), ("20251125", "181-365")),
    *(("20251124", "366+"), ("20201213", "366+")),
    *(("20261126", "UNKNOWN"), ("20261131", "UNKNOWN")),  # it is not there yet, or never
]
GROUPED: dict[FeeGrouping, list[tuple[str | None, str]]] = {
    FeeGrouping.FEE_TYPE: [
        *(("物业费", "PROPERTY"), ("水费", "WATER"), ("车位费", "PARKING_SPACE"), ("临时停车费", "TEMPORARY_PARKING")),
        ("别的费", "OTHER"),
    ],
    FeeGrouping.TITLE: [("水费", "水费"), ("物业费", "物业费"), ("", "UNKNOWN")],
    FeeGrouping.BUILDING: [
        *((HOUSE.format(building), building) for building in ("1", "2", "10")),
        *((None, "PERSONAL"), ("晨曦家园", "UNKNOWN")),
    ],
    FeeGrouping.PAYMENT_STATUS: [("未付款", "UNPAID"), ("已付款", "PAID"), ("部分付款", "UNRECOGNIZED")],
    FeeGrouping.MONTH: [("20251231000000000001", "2025-12"), ("20260101000000000001", "2026-01"), (None, "UNKNOWN")],
    FeeGrouping.AGE: [(f"{day}235959000001", band) for day, band in BANDS],
}
KEYS = {"FEE_TYPE": "title", "TITLE": "title", "BUILDING": "house", "PAYMENT_STATUS": "paied"}


@pytest.mark.parametrize("grouping", GROUPED)
def test_groups_have_their_orders_and_stand_in_order(grouping):
    """Ages are counted in days of China."""
    key, wanted = KEYS.get(grouping.name, "number"), Counter(group for _, group in GROUPED[grouping])
    rows = [
        readers.parse_order(platform_rows.order(**{key: value}), "10002") for value, _ in reversed(GROUPED[grouping])
    ]
    assert [(group.key, group.count) for group in summary(rows, grouping).groups] == [*wanted.items()]


def test_float_amounts_equal_their_text():
    rng = Random(1)
    for fen in [1, 9, 99, 100, 101, 2**31 - 2, 2**31 - 1, 2**31, *(rng.randrange(2**32) for _ in range(2000))]:
        printed = money(f"{fen / 100:.2f}元")
        assert printed == money(fen / 100) == money(f" {fen / 100:.2f}") == Money(f"{fen / 100:.2f}", printed.fen)
        assert printed.fen == (fen if fen < 2**31 else None)
    for odd in (0.001, 0.105, 1.005, 21474836.475, 1e9, 1e15, -0.01):
        assert money(odd) == money(format(Decimal(repr(odd)), "f"))
