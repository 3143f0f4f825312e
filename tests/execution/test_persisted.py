import sys

from gateway.execution.persisted import PersistedQueries


def test_persisted_store_evicts_unused_by_bytes() -> None:
    texts = {str(number): f"{{ field{number} }}" + "#" * 100 for number in range(10)}
    store = PersistedQueries(4 * sys.getsizeof(texts["0"]))
    store.keep("0", texts["0"])
    for number in range(1, 10):
        assert store.get("0") == texts["0"]
        store.keep(str(number), texts[str(number)])

    assert [number for number in texts if store.get(number)] == ["0", "7", "8", "9"]


def test_text_larger_than_the_store_is_not_stored() -> None:
    store = PersistedQueries(100)
    store.keep("x", "#" * 1000)

    assert store.get("x") is None
