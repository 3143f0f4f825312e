"""A plan loads whole levels, and handles failures within them."""

import asyncio
from typing import Any

import pytest
from loading import Context, Document, House, execute_planned, make_schema

from gateway.execution.executor import Executor
from gateway.execution.load import Load

SCHEMA = make_schema()
FAN_OUT = "{ orders { number house { owner { phone } } payer { phone } } reviews { applicant { phone } } }"


def by_path(response: Any) -> list[dict[str, Any]]:
    return sorted((error.formatted for error in response.errors), key=lambda error: str(error["path"]))


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


async def test_second_level_asks_only_for_missing_keys() -> None:
    context = Context()

    await execute_planned(SCHEMA, "{ orders { house { owner { phone } } } }", context, Context)

    assert context.houses.batches == [[0, 1, 2, 3, 4]]
    assert context.owners.batches == [[0, 1, 2, 3, 4]]


async def test_list_items_belong_to_the_level() -> None:
    context = Context()

    response = await execute_planned(SCHEMA, "{ orders { houses { number } } }", context, Context)

    assert response.planned
    assert context.houses.batches == [[*range(12)]]
    assert response.data["orders"][4] == {"houses": [{"number": 4}, {"number": 5}, {"number": 6}]}


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

    async with asyncio.timeout(5):
        query = "{ orders(count: 2) { house { number } } slow }"
        response = await execute_planned(schema, query, context, Context)

    assert response.planned
    assert response.data["slow"] == "done"


@pytest.mark.parametrize("bad", [set(), {3}, set(range(10)), {"batch"}], ids=["0", "1", "10", "batch"])
async def test_failed_lookups_null_their_own_fields(bad: set[Any]) -> None:
    query = "{ orders { number payer { phone } } }"
    context = Context(bad)

    response = await execute_planned(SCHEMA, query, context, lambda: Context(bad))
    expected = await Executor(SCHEMA, plans=False).execute(Document(query), context=Context(bad))

    assert response.planned
    assert response.data == expected.data
    assert by_path(response) == by_path(expected)
    assert len(response.errors) == (10 if "batch" in bad else len(bad))
    assert [type(error.original_error) for error in response.errors] == [
        type(error.original_error) for error in expected.errors
    ]
    assert len(context.owners.batches) == 1


async def test_fallback_does_not_repeat_awaited_calls() -> None:
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
    assert sorted(context.calls) == ["slow", *(f"strictHouse {number}" for number in range(4))]


async def test_fallback_does_not_repeat_awaited_list_items() -> None:
    asked: list[int] = []

    async def item(number: int) -> Any:
        asked.append(number)
        await asyncio.sleep(0)
        return House(number if number < 12 else "no number")  # type: ignore[arg-type]

    async def houses(source: Any, _info: Any) -> Any:
        return [item(source.number), [item(10)], (House(11), item(12))]

    schema = make_schema("type Query { rows: [Row!]! } type Row { houses: [[House]] } type House { number: Int }", {})
    schema.query_type.fields["rows"].resolve = lambda _source, _info: [House(1), House(2)]
    types: dict[str, Any] = schema.type_map
    types["Row"].fields["houses"].resolve = houses

    response = await execute_planned(schema, "{ rows { houses { number } } }", None, lambda: None)

    first, second = asked[: len(asked) // 2], asked[len(asked) // 2 :]
    assert not response.planned
    assert sorted(first) == sorted(second)
    assert [error.path for error in response.errors if error.path[1] == 0][-1] == ["rows", 0, "houses", 2, 1, "number"]


async def test_loader_error_path_matches_graphql_core() -> None:
    query = "{ order { house { owner { phone } } } }"
    response = await execute_planned(SCHEMA, query, Context({0}), lambda: Context({0}))

    assert response.planned
    assert response.data == {"order": {"house": None}}
    assert response.errors[0].message == "no 0"
    assert response.errors[0].path == ["order", "house"]
    assert response.errors[0].locations[0].column == query.index("house") + 1


async def test_unloadable_keys_are_errors_of_their_fields() -> None:
    schema = make_schema()
    types: dict[str, Any] = schema.type_map
    types["Order"].fields["house"].resolve = lambda source, info: Load(
        info.context.houses, None if source.number == 1 else [] if source.number == 2 else source.number
    )
    query = "{ orders(count: 4) { house { number } } }"

    response = await execute_planned(schema, query, Context(), Context)
    expected = await Executor(schema, plans=False).execute(Document(query), context=Context())

    assert response.planned
    assert response.data == expected.data
    assert by_path(response) == by_path(expected)
    assert len(response.errors) == 2


@pytest.mark.parametrize("query", [FAN_OUT, "{ slow orders { houses { number } strictHouse { number } } }"])
async def test_cancelled_request_cancels_pending_loads(query: str, complaints: list[dict[str, Any]]) -> None:
    executor = Executor(SCHEMA)
    for _ in range(2):
        await executor.execute(Document(query), context=Context())
    before = asyncio.all_tasks()

    for steps in range(12):
        task = asyncio.ensure_future(executor.execute(Document(query), context=Context()))
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


async def test_cancelling_stops_all_batches_of_a_level() -> None:
    context = Context()
    started = asyncio.Event()
    running = 0

    async def endless(_keys: list[Any]) -> list[Any]:
        nonlocal running
        running += 1
        if running == 2:
            started.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # as closing what it holds takes
            running -= 1
        return []

    executor = Executor(SCHEMA)
    query = Document("{ orders { house { number } payer { phone } } }")
    for _ in range(2):
        await executor.execute(query, context=Context())
    context.houses.batch_load_fn = context.owners.batch_load_fn = endless

    task = asyncio.ensure_future(executor.execute(query, context=context))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert running == 0


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
