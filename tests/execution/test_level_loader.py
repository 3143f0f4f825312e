import asyncio
from typing import Any

import pytest

from gateway.execution.load import Load, Loader


class Doubles(Loader[Any, Any]):
    """Doubles numbers; "bad" is an error of its own, "batch" one of the whole batch, "short" forgets a value."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[Any]] = []
        self.answered = 0

    async def read(self, keys: Any) -> list[Any]:
        self.batches.append(keys)
        await asyncio.sleep(0)
        self.answered += 1
        if "batch" in keys:
            raise ConnectionError("down")
        return [LookupError(key) if key == "bad" else key * 2 for key in keys if key != "short"]


async def wait(loader: Doubles, key: Any) -> Any:
    return await Load(loader, key)


async def test_keys_of_a_turn_are_one_batch_and_read_once() -> None:
    loader = Doubles()
    assert await asyncio.gather(*(wait(loader, key) for key in (1, 2, 1))) == [2, 4, 2]
    assert await loader.load_level([2, 3]) == [4, 6]
    assert loader.batches == [[1, 2], [3]]


async def test_failed_key_fails_alone_and_is_not_reloaded() -> None:
    loader = Doubles()
    for _ in range(2):
        one, error, three = await loader.load_level([1, "bad", 3])
        assert (one, three) == (2, 6)
        assert isinstance(error, LookupError)
    with pytest.raises(LookupError):
        await wait(loader, "bad")
    assert loader.batches == [[1, "bad", 3]]


@pytest.mark.parametrize(("key", "error"), [("batch", ConnectionError), ("short", ValueError)])
async def test_failed_batch_fails_every_key_and_may_retry(key: str, error: type[Exception]) -> None:
    loader = Doubles()
    assert [type(outcome) for outcome in await loader.load_level([1, key])] == [error, error]
    assert await loader.load_level([1]) == [2]


@pytest.mark.parametrize("key", [1, "bad"])
async def test_cancelled_load_leaves_key_to_other_waiters(key: Any, complaints: list[Any]) -> None:
    loader = Doubles()
    first, second = (asyncio.ensure_future(wait(loader, key)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError, int if key == 1 else LookupError]
    assert loader.batches == [[key]]


@pytest.mark.parametrize("turns", [1, 3])
async def test_keys_that_all_cancelled_are_read_anew(turns: int, complaints: list[Any]) -> None:
    loader = Doubles()
    waiting = asyncio.ensure_future(wait(loader, "bad"))
    for _ in range(turns):
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(0.01)
    assert (loader.batches, loader.answered) == ([["bad"]] * (turns > 1), 0)
    assert await wait(loader, 1) == 2
