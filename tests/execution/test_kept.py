import pytest

from gateway.execution.kept import Kept


@pytest.fixture
def kept() -> Kept[str, str]:
    return Kept(4, len)


def test_what_was_not_used_for_longest_goes_first(kept: Kept[str, str]) -> None:
    for key in "abcd":
        kept.keep(key, "1")
    kept.use("a")
    kept.keep("e", "22")

    assert list(kept) == ["d", "a", "e"]
    with pytest.raises(KeyError):
        kept.use("b")


def test_a_value_that_weighs_more_by_now_is_weighed_anew(kept: Kept[str, str]) -> None:
    for key in "abc":
        kept.keep(key, "1")
    kept.keep("a", "333")

    assert dict(kept) == {"c": "1", "a": "333"}


def test_what_is_heavier_than_all_may_be_is_not_kept_nor_what_it_was_before(kept: Kept[str, str]) -> None:
    kept.keep("a", "1")
    kept.keep("b", "1")
    kept.keep("a", "55555")

    assert list(kept) == ["b"]


def test_nothing_is_left_of_what_was_cleared(kept: Kept[str, str]) -> None:
    kept.keep("a", "4444")
    kept.clear()
    kept.keep("b", "4444")

    assert list(kept) == ["b"]
