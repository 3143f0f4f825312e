import asyncio
from typing import Any

import pytest

from gateway.execution.load import LevelLoader, Load


class Doubles(LevelLoader[Any, Any]):
    """Doubles numbers; "bad" is an error of its own, "batch" one of the whole batch, "short" forgets a value."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[Any]] = []

    async def batch_load_fn(self, keys: list[Any]) -> list[Any]:
        self.batches.append(keys)
        await asyncio.sleep(0)
        if "batch" in keys:
            raise ConnectionError("down")
        if "short" in keys:
            return []
        return [LookupError(key) if key == "bad" else key * 2 for key in keys]


async def test_level_and_loads_of_a_turn_are_one_batch() -> None:
    loader = Doubles()
    loaded = loader.load(1)
    level = asyncio.ensure_future(loader.load_level([1, 2]))
    await asyncio.sleep(0)
    late = loader.load(2)
    assert (await loaded, await level, await late) == (2, [2, 4], 4)
    assert await loader.load_level([2, 3]) == [4, 6]
    assert loader.batches == [[1, 2], [3]]


async def test_failed_key_fails_alone_and_is_not_reloaded() -> None:
    loader = Doubles()
    for _ in range(2):
        one, error, three = await loader.load_level([1, "bad", 3])
        assert (one, three) == (2, 6)
        assert isinstance(error, LookupError)
    with pytest.raises(LookupError):
        await loader.load("bad")
    assert loader.batches == [[1, "bad", 3]]


@pytest.mark.parametrize(("key", "error"), [("batch", ConnectionError), ("short", TypeError)])
async def test_failed_batch_fails_every_key_and_may_retry(key: str, error: type[Exception]) -> None:
    loader = Doubles()
    assert [type(outcome) for outcome in await loader.load_level([1, key])] == [error, error]
    assert await loader.load_level([1]) == [2]


async def wait(load: Load[Any, Any]) -> Any:
    return await load


async def test_cancelled_load_leaves_key_to_other_waiters(complaints: list[Any]) -> None:
    loader = Doubles()
    first, second = (asyncio.ensure_future(wait(Load(loader, key))) for key in (1, 1))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == 2
    assert loader.batches == [[1]]


async def test_error_of_a_cancelled_load_is_not_reported(complaints: list[Any]) -> None:
    waiting = asyncio.ensure_future(wait(Load(Doubles(), "bad")))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
