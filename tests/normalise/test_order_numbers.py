"""When an order was created, by its number (quirk 131)."""

import pytest

from gateway.normalise.order import Order


@pytest.mark.parametrize(
    ("number", "created"),
    [
        ("20201213104759976889", "2020-12-13T10:47:59+08:00"),
        ("20201213104759", "2020-12-13T10:47:59+08:00"),
        ("20240229000000-A7", "2024-02-29T00:00:00+08:00"),
        ("20201213235959000001", "2020-12-13T23:59:59+08:00"),
        ("19870601120000000001", "1987-06-01T12:00:00+09:00"),  # China's summer time (quirk 128)
        (None, None),
        ("", None),
        ("2020121310475", None),
        ("20201213 10475976889", None),
        ("20200230104759976889", None),
        ("20201313104759976889", None),
        ("20201213240000000000", None),
        ("20201213106059976889", None),
        ("20201213104760976889", None),
        ("00000000000000000000", None),
        ("18991213104759976889", None),
        ("２０２０１２１３１０４７５９", None),
        ("2020-12-13T10:47:59", None),
        ("null", None),
    ],
)
def test_first_digits_of_a_number_are_the_time(number, created):
    found = Order(platform_id=1, community_code="10002", number=number).created_at

    assert (found and found.isoformat()) == created
