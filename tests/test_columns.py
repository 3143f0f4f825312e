"""Tables and ages as commands print them."""

from datetime import timedelta

import pytest

from gateway.commands.columns import age, table


@pytest.mark.parametrize(
    ("since", "text"),
    [
        (timedelta(seconds=-5), "0s"),
        (timedelta(seconds=12.9), "12s"),
        (timedelta(minutes=7, seconds=12), "7m 12s"),
        (timedelta(hours=4, minutes=7, seconds=59), "4h 7m"),
        (timedelta(days=3), "3d 0h"),
    ],
)
def test_age_has_two_units(since: timedelta, text: str) -> None:
    assert age(since) == text


def test_columns_are_as_wide_as_their_cells() -> None:
    assert table(("id", "state"), [("a", None), ("long", "DEAD")]) == "id    state\na     -\nlong  DEAD\n"
