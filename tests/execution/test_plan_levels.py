"""A plan loads whole levels, and handles failures within them."""

import asyncio
from typing import Any

import pytest
from loading import Context, House, execute_planned, make_schema, parsed

from gateway.execution.executor import Executor

SCHEMA = make_schema()
FAN_OUT = "{ orders { number house { owner { phone } } payer { phone } } reviews { applicant { phone } } }"


async def test_level_asks_each_loader_once() -> None:
    context = Context()

    response = await execute_planned(SCHEMA, FAN_OUT, context, Context)

    assert response.planned
    assert context.houses.batches == [[0, 1, 2, 3, 4]]
    assert context.owners.batches == [[*range(10)]]  # the owners of the houses are among the payers
    assert response.data["orders"][9] == {
        "number": 9,
        "house": {"owner": {"phone": "19900004"}},
        "payer": {"phone": "19900009"},
    }


async def test_level_loads_and_coroutines_run_concurrently() -> None:
    context = Context()
    started = asyncio.Event()

    async def slow(_source: Any, _info: Any) -> str:
        started.set()
        return "done"

    async def wait_for_slow(keys: list[Any]) -> list[Any]:
        await started.wait()
        return [House(key) for key in keys]

    schema = make_schema()
    schema.query_type.fields["slow"].resolve = slow
    context.houses.batch_load_fn = wait_for_slow

    async with asyncio.timeout(60):
        query = "{ orders(count: 2) { house { number } } slow }"
        response = await execute_planned(schema, query, context, Context)

    assert response.planned
    assert response.data["slow"] == "done"


async def test_fallback_does_not_ask_loaders_again() -> None:
    query = "{ orders(count: 4) { payer { phone } strictHouse { owner { phone } } } slow }"
    bad = {2}
    context = Context(bad)

    response = await execute_planned(SCHEMA, query, context, lambda: Context(bad))

    assert not response.planned
    assert response.data is None
    assert [error.path for error in response.errors if "non-nullable" in error.message] == [
        ["orders", 2, "strictHouse"]
    ]
    assert context.owners.batches == [[0, 1, 2, 3]]


@pytest.mark.parametrize("query", [FAN_OUT, "{ slow orders { houses { number } strictHouse { number } } }"])
async def test_cancelled_request_cancels_pending_loads(query: str, complaints: list[dict[str, Any]]) -> None:
    executor = Executor(SCHEMA)
    for _ in range(2):
        await executor.execute(parsed(query), context=Context())
    before = asyncio.all_tasks()

    for steps in range(12):
        task = asyncio.ensure_future(executor.execute(parsed(query), context=Context()))
        for _ in range(steps):
            await asyncio.sleep(0)
        if not task.done():
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        for _ in range(5):  # an aiodataloader ends its batch by itself
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == before

    assert complaints == []


async def test_failed_plan_leaves_no_pending_awaitables(complaints: list[dict[str, Any]]) -> None:
    sdl = "type Query { later: Int future: Int broken: Int! }"

    async def later(_source: Any, _info: Any) -> int:
        return 1

    def future(_source: Any, _info: Any) -> Any:
        made = asyncio.get_running_loop().create_future()
        made.set_exception(ValueError("late"))
        return made

    def broken(_source: Any, info: Any) -> int:
        raise ValueError("broken")

    schema = make_schema(sdl, {"Query.later": later, "Query.future": future, "Query.broken": broken})

    response = await execute_planned(schema, "{ later future broken }", None, lambda: None)

    assert response.data is None
    assert [error.message for error in response.errors][-1] == "broken"
