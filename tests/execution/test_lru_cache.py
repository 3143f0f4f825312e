import pytest

from gateway.execution.kept import Kept


@pytest.fixture
def kept() -> Kept[str, str]:
    return Kept(4, len)


def test_least_recently_used_entry_is_evicted_first(kept: Kept[str, str]) -> None:
    for key in "abcd":
        kept.keep(key, "1")
    kept.use("a")
    kept.keep("e", "22")

    assert list(kept) == ["d", "a", "e"]
    with pytest.raises(KeyError):
        kept.use("b")


def test_heavier_value_is_weighed_again(kept: Kept[str, str]) -> None:
    for key in "abc":
        kept.keep(key, "1")
    kept.keep("a", "333")

    assert dict(kept) == {"c": "1", "a": "333"}


def test_oversized_value_is_dropped_with_its_old_value(kept: Kept[str, str]) -> None:
    kept.keep("a", "1")
    kept.keep("b", "1")
    kept.keep("a", "55555")

    assert list(kept) == ["b"]


def test_clear_forgets_entries_and_weights(kept: Kept[str, str]) -> None:
    kept.keep("a", "4444")
    kept.clear()
    kept.keep("b", "4444")

    assert list(kept) == ["b"]
