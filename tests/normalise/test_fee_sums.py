"""Sums of amounts are exact, and say what is not in them."""

from datetime import UTC, datetime
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.normalise.fees import summarise
from gateway.normalise.order import Order
from gateway.normalise.records import WholeList
from gateway.normalise.states import FeeGrouping
from gateway.normalise.values import money

NOW = datetime(2026, 11, 24, 15, 59, 59, tzinfo=UTC)
"""A second before midnight in China."""

AMOUNTS = st.one_of(
    st.decimals(places=2, min_value=-(10**9), max_value=10**9).map(lambda yuan: f"{yuan:f}"),
    st.from_regex(r"-?[0-9]{1,30}\.[0-9]{1,30}", fullmatch=True),
    st.sampled_from(["待定", "", "1,280.50元", "¥0.01"]),
)


def order(platform_id=1, **fields):
    return Order(platform_id=platform_id, community_code="10002", **fields)


def summary(orders, grouping=None, *, dropped=0, missing=0, whole=True, now=NOW):
    read = WholeList(tuple(orders), dropped, missing, whole, now)
    return summarise(read, grouping, now, str)


def groups(orders, grouping, **options):
    return [(group.key, group.count) for group in summary(orders, grouping, **options).groups]


@given(st.lists(AMOUNTS), st.sampled_from(FeeGrouping), st.integers(0, 3))
def test_groups_add_up_to_the_exact_whole(texts, grouping, dropped):
    orders = [order(number=f"2026{n % 15:02}01000000", amount=money(text)) for n, text in enumerate(texts)]
    found = summary(orders, grouping, dropped=dropped)

    with localcontext(prec=300):
        exact = sum((Decimal(each.amount.yuan) for each in orders if each.amount), Decimal())
        assert Decimal(found.amount.yuan) == exact
        assert sum((Decimal(group.amount.yuan) for group in found.groups), Decimal()) == exact
    assert found.count == len(texts) + dropped == sum(group.count for group in found.groups)
    unreadable = sum(each.amount is None for each in orders) + dropped
    assert found.unreadable == unreadable == sum(group.unreadable for group in found.groups)
    assert found.complete == (not unreadable)


def test_list_that_is_not_whole_is_incomplete():
    found = summary([order(amount=money("1"))], whole=False, missing=4)

    assert (found.amount.text, found.missing, found.complete) == ("¥1.00", 4, False)


@pytest.mark.parametrize(
    ("day", "band"),
    [
        ("20261124", "0-30"),
        ("20261025", "0-30"),
        ("20261024", "31-90"),
        ("20260826", "31-90"),
        ("20260825", "91-180"),
        ("20260528", "91-180"),
        ("20260527", "181-365"),
        ("20251124", "181-365"),
        ("20251123", "366+"),
        ("20201213", "366+"),
        ("20261125", "UNKNOWN"),  # it is not there yet
        ("20261131", "UNKNOWN"),
    ],
)
def test_age_is_counted_in_days_of_china(day, band):
    assert groups([order(number=f"{day}235959000001")], FeeGrouping.AGE) == [(band, 1)]


def test_age_grows_at_midnight_in_china():
    created = [order(number="20261025000000000001")]
    midnight = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)

    assert groups(created, FeeGrouping.AGE) == [("0-30", 1)]
    assert groups(created, FeeGrouping.AGE, now=midnight) == [("31-90", 1)]


def test_groups_stand_in_a_fixed_order():
    numbers = ["20261124000000", None, "20200101000000", "20260801000000"]
    created = [order(number=number, title=title) for number, title in zip(numbers, ["水费", "", "B", "A"], strict=True)]

    for orders in (created, created[::-1]):
        assert [key for key, _ in groups(orders, FeeGrouping.AGE)] == ["0-30", "91-180", "366+", "UNKNOWN"]
        assert [key for key, _ in groups(orders, FeeGrouping.MONTH)] == ["2020-01", "2026-08", "2026-11", "UNKNOWN"]
        assert [key for key, _ in groups(orders, FeeGrouping.TITLE)] == ["A", "B", "水费", "UNKNOWN"]


def test_rows_that_are_no_records_are_a_group():
    assert groups([], FeeGrouping.FEE_TYPE, dropped=2) == [("UNKNOWN", 2)]
    assert groups([order()], None, dropped=2) == []
