import asyncio
from typing import Any

import pytest

from gateway.execution.fetch import fetch
from gateway.execution.level_loader import LevelLoader
from gateway.execution.load import Load


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


async def test_a_level_is_one_batch_of_distinct_keys_with_its_values_in_order() -> None:
    loader = Doubles()
    assert await loader.load_level([3, 1, 3, 2]) == [6, 2, 6, 4]
    assert loader.batches == [[3, 1, 2]]


async def test_load_and_load_level_share_what_they_know() -> None:
    loader = Doubles()
    assert await loader.load(1) == 2
    assert await loader.load_level([1, 2]) == [2, 4]
    assert await loader.load(2) == 4
    assert loader.batches == [[1], [2]]


async def test_a_level_joins_what_is_under_way() -> None:
    loader = Doubles()
    loaded = asyncio.ensure_future(loader.load(1))
    level = asyncio.ensure_future(loader.load_level([1, 2]))
    await asyncio.sleep(0)
    late = loader.load(2)
    assert (await loaded, await level, await late) == (2, [2, 4], 4)
    assert sorted(loader.batches) == [[1], [2]]


async def test_a_key_fails_alone_and_is_not_asked_again() -> None:
    loader = Doubles()
    for _ in range(2):
        one, error, three = await loader.load_level([1, "bad", 3])
        assert (one, three) == (2, 6)
        assert isinstance(error, LookupError)
    with pytest.raises(LookupError):
        await loader.load("bad")
    assert loader.batches == [[1, "bad", 3]]


@pytest.mark.parametrize(("key", "error"), [("batch", ConnectionError), ("short", TypeError)])
async def test_a_batch_that_fails_fails_every_key_and_may_be_tried_again(key: str, error: type[Exception]) -> None:
    loader = Doubles()
    assert [type(outcome) for outcome in await loader.load_level([1, key])] == [error, error]
    assert await loader.load_level([1]) == [2]


@pytest.mark.parametrize("key", [None, []], ids=["none", "unhashable"])
async def test_a_key_that_load_refuses_is_refused_with_the_same_error(key: Any) -> None:
    loader = Doubles()
    with pytest.raises(TypeError) as refused:
        await loader.load(key)

    first, error, second = await loader.load_level([1, key, 2])

    assert (first, second) == (2, 4)
    assert repr(error) == repr(refused.value)


async def test_cancelling_a_level_stops_its_batch_and_forgets_it(complaints: list[Any]) -> None:
    loader = Doubles()
    level = asyncio.ensure_future(loader.load_level([1, 2]))
    await asyncio.sleep(0)
    shared = loader.load(1)
    level.cancel()
    with pytest.raises(asyncio.CancelledError):
        await level
    assert shared.cancelled(), "whoever awaits it would wait for ever"
    assert await loader.load_level([1, 2]) == [2, 4]
    assert loader.batches == [[1, 2], [1, 2]]


async def test_cancelling_one_who_awaits_a_load_leaves_the_key_to_the_others(complaints: list[Any]) -> None:
    async def wait(load: Load[Any, Any]) -> Any:
        return await load

    loader = Doubles()
    first, second = (asyncio.ensure_future(wait(Load(loader, key))) for key in (1, 1))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == 2
    assert loader.batches == [[1]]


async def test_an_error_that_nobody_waits_for_any_more_is_not_reported(complaints: list[Any]) -> None:
    async def wait(load: Load[Any, Any]) -> Any:
        return await load

    waiting = asyncio.ensure_future(wait(Load(Doubles(), "bad")))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_load_gives_what_it_picks_from_the_value_alone_or_in_a_level() -> None:
    loader = Doubles()
    picked, failed, bad = await fetch(
        [Load(loader, 1, str), Load(loader, 2, lambda value: value / 0), Load(loader, "bad", str)]
    )
    assert picked == "2"
    assert isinstance(failed, ZeroDivisionError)
    assert isinstance(bad, LookupError)
    assert await Load(loader, 1, str) == "2"
    with pytest.raises(ZeroDivisionError):
        await Load(loader, 2, lambda value: value / 0)
