"""When there is a plan, how it and its loaders read whole levels, calls of resolvers, and when graphql-core answers."""

import asyncio
import gc
import itertools
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from graphql import GraphQLDirective, GraphQLSchema, get_introspection_query
from graphql.execution.values import VariableValues
from graphql.language import DirectiveLocation
from loading import make_schema, prepare
from strawberry_schema import SCHEMA, Context
from structlog.testing import capture_logs

from gateway.execution.compile import compile_operation
from gateway.execution.executor import Executor
from gateway.execution.load import Load, Loader
from gateway.execution.run import ObservedField
from gateway.loaders.loader import JournalLoader

SDL = """
type Query { a: Int b: Int echo(n: Int! = 1): Int rows: [Row!]! path: [String!] f(list: [Int!], in: In): String }
type Row { n(least: Int! = 1): Int }
type Mutation { touch: Int }
input In { a: Int = 1 b: [String] }
"""


def schema_with(**resolvers: Any) -> GraphQLSchema:
    return make_schema(
        SDL,
        {
            "Query.a": lambda _source, _info: 1,
            "Query.b": lambda _source, _info: 2,
            "Query.echo": lambda _source, _info, n: n,
            "Query.rows": lambda _source, _info: [],
            "Row.n": lambda _source, _info, least: least,
            "Mutation.touch": lambda _source, _info: 7,
            **{name.replace("_", "."): resolve for name, resolve in resolvers.items()},
        },
    )


@pytest.fixture
async def complaints() -> AsyncIterator[list[dict[str, Any]]]:
    """What asyncio complains about: tasks destroyed while pending, errors that were never retrieved."""
    found: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: found.append(context))
    yield found
    for _ in range(3):
        await asyncio.sleep(0)
    gc.collect()
    assert found == []


async def test_each_condition_value_has_one_of_few_plans() -> None:
    executor = Executor(schema_with())
    conditions = " ".join(f"a{n}: a @skip(if: $c{n})" for n in range(5))
    declared = " ".join(f"$c{n}: Boolean! = false" for n in range(5))
    query = f"query({declared}, $n: Int!) {{ ...F echo(n: $n) }} fragment F on Query {{ b {conditions} }}"
    prepared = prepare(executor.schema, query)
    for n, values in enumerate((*itertools.product((True, False), repeat=5), *[(True,) * 5, (False,) * 5] * 2)):
        given = {f"c{n}": True for n, value in enumerate(values) if value}
        response = await executor.execute(prepared, {"n": n, **given})
        assert response.planned
        assert response.data == {"b": 2, **{f"a{n}": 1 for n, value in enumerate(values) if not value}, "echo": n}
        assert 0 < len(prepared.plans) <= 16


@pytest.mark.parametrize(
    "query",
    [
        *("mutation { touch }", get_introspection_query(), '{ a __type(name: "Query") { name } }', "{ a @custom }"),
        *("{ ...F } fragment F on Query { a @custom }", f"{{ {' '.join(f'a{number}: a' for number in range(401))} }}"),
    ],
    ids=["mutation", "introspection", "type", "directive", "fragment", "large"],
)
async def test_operations_without_plans_go_to_graphql_core(query: str) -> None:
    schema = schema_with()
    custom = GraphQLDirective("custom", [DirectiveLocation.FIELD])
    schema = GraphQLSchema(schema.query_type, schema.mutation_type, directives=[*schema.directives, custom])
    executor = Executor(schema)
    prepared = prepare(schema, query)
    responses = [await executor.execute(prepared) for _ in range(3)]
    expected = await Executor(schema, plans=False).execute(prepared)
    assert [response.planned for response in responses] == [False, False, False]
    assert all(response.data == expected.data for response in responses)
    assert all(response.executed == expected.executed for response in responses)


async def test_resolver_reading_path_disables_its_plan() -> None:
    calls: list[Any] = []
    entered: list[Any] = []

    def path(_source: Any, info: Any) -> list[str]:
        entered.append(info)
        try:
            calls.append(info.path.as_list())
        except Exception:  # noqa: BLE001 # what plans have to get past
            calls.append("swallowed")
        return [str(key) for key in calls[-1]]

    executor = Executor(schema_with(Query_path=path))
    prepared = prepare(executor.schema, "{ p: path }")
    responses = [await executor.execute(prepared) for _ in range(3)]

    assert [response.data for response in responses] == [{"p": ["p"]}] * 3
    assert [response.planned for response in responses] == [False] * 3
    assert calls == [["p"]] * 3
    assert len(entered) == 3 + 1, "a plan has tried once"


async def test_plan_failing_without_graphql_core_is_dropped() -> None:
    outcomes = iter([1, "not an int", 2, 3])
    executor = Executor(schema_with(Query_a=lambda _source, _info: next(outcomes)))
    prepared = prepare(executor.schema, "{ a }")
    with capture_logs() as logs:
        responses = [await executor.execute(prepared) for _ in range(3)]
    assert [response.data for response in responses] == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert [response.planned for response in responses] == [True, False, False]
    assert [(entry["event"], entry["error"]) for entry in logs] == [
        ("plan failed where graphql-core did not", "GraphQLError")
    ]


async def test_unreached_argument_error_does_not_discard_plan() -> None:
    executor = Executor(schema_with())
    query = "query($n: Int) { rows { n(least: $n) } }"
    variables: list[dict[str, Any]] = [{}, {"n": None}, {"n": 1}, {}]
    prepared = prepare(executor.schema, query)
    responses = [await executor.execute(prepared, each) for each in variables]
    assert [response.planned for response in responses] == [True, False, True, True]
    assert all(response.data == {"rows": []} and not response.errors for response in responses)


async def test_level_loads_and_coroutines_run_concurrently() -> None:
    started = asyncio.Event()

    async def slow(_source: Any, _info: Any) -> int:
        started.set()
        return 1

    batches = []

    async def read(keys: Sequence[int]) -> list[int]:
        batches.append(keys)
        await started.wait()
        return [*keys]

    loader = JournalLoader("numbers", read)
    schema = schema_with(Query_a=slow, Query_rows=lambda *_: [1, 2], Row_n=lambda row, _info, **_: Load(loader, row))
    async with asyncio.timeout(60):
        response = await Executor(schema).execute(prepare(schema, "{ rows { n } a }"))
    assert response.planned
    assert response.data == {"rows": [{"n": 1}, {"n": 2}], "a": 1}
    assert batches == [[1, 2]]


LOADS = "{ boxes(count: 9) { lid { box { lid { number } } } lids { number } } many(numbers: [3, 4]) { label } }"
COROUTINES = "{ awaited stickers { later } boxes { numbered { number } future strictLid { number } } }"


@pytest.mark.parametrize("query", [LOADS, COROUTINES])
async def test_cancelled_request_cancels_pending_loads(query: str, complaints: list[dict[str, Any]]) -> None:
    executor, prepared = Executor(SCHEMA), prepare(SCHEMA, query)
    before = asyncio.all_tasks()
    for steps in range(12):
        task = asyncio.ensure_future(executor.execute(prepared, context=Context(failures=False)))
        for _ in range(steps):
            await asyncio.sleep(0)
        if not task.done():
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        for _ in range(5):  # an aiodataloader ends its batch by itself
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == before


async def test_only_a_plan_that_succeeds_observes() -> None:
    """The fields that are shown as they are, once for all objects of a selection; no empty list."""
    executor = Executor(SCHEMA)
    query = "query ($numbers: [Int!]!) { many(numbers: $numbers) { secret weight secretNote other: secret } }"
    prepared, bad = prepare(SCHEMA, query), Context(failures=True, variant="open")
    [failing, *_] = [number for number in range(1, 50) if bad.fails("box", number)]
    secret, note = ObservedField("Box", "secret", "number_text"), ObservedField("Box", "secretNote", "note")
    good = Context(failures=False, variant="open")
    for numbers in ([], [1, 3]):
        assert (await executor.execute(prepared, {"numbers": numbers}, good)).planned
    assert good.observed == [([good.box(1), good.box(3)], (secret, note))]
    by_core = Context(failures=False, variant="open")
    await Executor(SCHEMA, plans=False).execute(prepared, {"numbers": [1, 3]}, by_core)
    assert [boxes for boxes, fields in by_core.observed if fields == (note,)] == [[good.box(3)]]  # box 1 has none
    response = await executor.execute(prepared, {"numbers": [failing]}, bad)
    assert (response.planned, response.data) == (False, {"many": [None]})
    assert {field for _, (field,) in bad.observed} <= {secret, note}


async def test_failed_plan_leaves_no_pending_awaitables(complaints: list[dict[str, Any]]) -> None:
    async def later(_source: Any, _info: Any) -> int:
        return 1

    def future(_source: Any, _info: Any) -> Any:
        made = asyncio.get_running_loop().create_future()
        made.set_exception(ValueError("late"))
        return made

    def broken(_source: Any, info: Any) -> list[int]:
        raise ValueError("broken")

    schema = schema_with(Query_a=later, Query_b=future, Query_rows=broken)
    response = await Executor(schema).execute(prepare(schema, "{ a b rows { n } }"))

    assert response.data is None
    assert [error.message for error in response.errors][-1] == "broken"


async def test_argument_changes_do_not_outlive_request() -> None:
    def f(_source: Any, _info: Any, **arguments: Any) -> str:
        arguments["list"].append(9)
        arguments["in"]["a"] = 5
        return f"{arguments['list']} {arguments['in']}"

    executor = Executor(schema_with(Query_f=f))
    for query in ("{ f(list: [1], in: {}) }", "query($n: Int! = 1) { f(list: [$n], in: {}) }"):
        prepared = prepare(executor.schema, query)
        responses = [await executor.execute(prepared) for _ in range(4)]
        assert [response.planned for response in responses] == [True] * 4
        assert {response.data["f"] for response in responses} == {"[1, 9] {'a': 5}"}


def test_aliases_do_not_appear_in_plan_code() -> None:
    """Python never forgets the words of code that it compiled."""
    schema = schema_with()
    one, other = (
        compile_operation(schema, prepare(schema, query), VariableValues({}, {}), None)
        for query in ("{ mine: rows { no: n } }", "{ yours: rows { nr: n } }")
    )
    assert one.source == other.source


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
