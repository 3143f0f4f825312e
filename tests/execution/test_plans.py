"""When there is a plan, how it loads whole levels and calls resolvers, and when graphql-core answers."""

import asyncio
import itertools
from typing import Any

import pytest
from graphql import GraphQLDirective, GraphQLResolveInfo, GraphQLSchema, get_introspection_query
from graphql.execution.values import VariableValues
from graphql.language import DirectiveLocation
from loading import Context, House, make_schema, prepare
from structlog.testing import capture_logs

from gateway.execution.compile import compile_operation
from gateway.execution.executor import Executor

SDL = """
type Query { a: Int b: Int echo(n: Int! = 1): Int rows: [Row!]! path: [String!] }
type Row { n(least: Int! = 1): Int }
type Mutation { touch: Int }
"""
SCHEMA = make_schema()
FAN_OUT = "{ orders { number house { owner { phone } } payer { phone } } reviews { applicant { phone } } }"


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


async def test_plans_are_bounded_in_number() -> None:
    executor = Executor(schema_with())
    conditions = " ".join(f"a{n}: a @skip(if: $c{n})" for n in range(5))
    query = f"query({' '.join(f'$c{n}: Boolean!' for n in range(5))}) {{ b {conditions} }}"
    prepared = prepare(executor.schema, query)
    for values in itertools.product((True, False), repeat=5):
        response = await executor.execute(prepared, {f"c{n}": value for n, value in enumerate(values)})
        assert response.planned
        assert 0 < len(prepared.plans) <= 16


async def test_each_condition_value_has_its_plan() -> None:
    executor = Executor(schema_with())
    query = """
        query($c: Boolean! = true, $n: Int!) { a @include(if: $c) ...F echo(n: $n) }
        fragment F on Query { b @skip(if: $c) }
    """

    prepared = prepare(executor.schema, query)

    async def execute(**variables: Any) -> tuple[bool, Any]:
        response = await executor.execute(prepared, variables)
        return response.planned, response.data

    for n, given in enumerate(({"c": True}, {}, {"c": False}, {"c": False}, {"c": True})):
        shown = {"a": 1} if given.get("c", True) else {"b": 2}
        assert await execute(n=n, **given) == (True, shown | {"echo": n})


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


async def test_invalid_variables_are_a_request_error() -> None:
    executor = Executor(schema_with())
    query = "query($n: Int!) { echo(n: $n) }"
    prepared = prepare(executor.schema, query)
    for _ in range(3):
        response = await executor.execute(prepared, {"n": "x"})
        assert not response.executed
        assert response.data is None
        assert response.errors[0].message == (
            "Variable '$n' has invalid value: Int cannot represent non-integer value: 'x'"
        )
        assert response.to_bytes([{"message": "formatted"}]) == b'{"errors":[{"message":"formatted"}]}'


async def test_executor_serves_simultaneous_requests() -> None:
    executor = Executor(SCHEMA)
    query = prepare(SCHEMA, "query($n: Int!) { orders(count: $n) { number house { number } } }")
    for _ in range(2):
        await executor.execute(query, {"n": 1}, Context())
    responses = await asyncio.gather(*(executor.execute(query, {"n": n}, Context()) for n in range(20)))
    assert [len(response.data["orders"]) for response in responses] == [*range(20)]
    assert all(response.planned for response in responses)


async def test_empty_list_of_personal_data_keeps_its_plan(gateway: Any) -> None:
    with capture_logs() as logs:
        query = (
            '{ orders(communityCode: "10002", filter: {title: "无"}) { nodes { remark house { owner { phone } } } } }'
        )
        answer = await gateway.ask(query)
    assert answer.data == {"orders": {"nodes": []}}
    assert not logs


async def test_level_asks_each_loader_once() -> None:
    context = Context()
    response = await Executor(SCHEMA).execute(prepare(SCHEMA, FAN_OUT), context=context)
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
    context.houses.read = wait_for_slow

    async with asyncio.timeout(60):
        query = "{ orders(count: 2) { house { number } } slow }"
        response = await Executor(schema).execute(prepare(schema, query), context=context)

    assert response.planned
    assert response.data["slow"] == "done"


async def test_fallback_does_not_ask_loaders_again() -> None:
    query = "{ orders(count: 4) { payer { phone } strictHouse { owner { phone } } } slow }"
    context = Context({2})
    response = await Executor(SCHEMA).execute(prepare(SCHEMA, query), context=context)
    assert not response.planned
    assert response.data is None
    assert [error.path for error in response.errors if "non-nullable" in error.message] == [
        ["orders", 2, "strictHouse"]
    ]
    assert context.owners.batches == [[0, 1, 2, 3]]


@pytest.mark.parametrize("query", [FAN_OUT, "{ slow orders { houses { number } strictHouse { number } } }"])
async def test_cancelled_request_cancels_pending_loads(query: str, complaints: list[dict[str, Any]]) -> None:
    executor, prepared = Executor(SCHEMA), prepare(SCHEMA, query)
    for _ in range(2):
        await executor.execute(prepared, context=Context())
    before = asyncio.all_tasks()

    for steps in range(12):
        task = asyncio.ensure_future(executor.execute(prepared, context=Context()))
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

    response = await Executor(schema).execute(prepare(schema, "{ later future broken }"), context=None)

    assert response.data is None
    assert [error.message for error in response.errors][-1] == "broken"


ARGUMENTS = """
input In { a: Int = 1 b: [String] }
type Query { f(n: Int = 3, s: String, list: [Int!], in: In): String }
"""


async def test_argument_changes_do_not_outlive_request() -> None:
    def f(_source: Any, _info: Any, **arguments: Any) -> str:
        arguments["list"].append(9)
        arguments["in"]["a"] = 5
        return f"{arguments['list']} {arguments['in']}"

    schema = make_schema(ARGUMENTS, {"Query.f": f})
    executor = Executor(schema)
    for query in ("{ f(list: [1], in: {}) }", "query($n: Int! = 1) { f(list: [$n], in: {}) }"):
        prepared = prepare(schema, query)
        responses = [await executor.execute(prepared) for _ in range(4)]
        assert [response.planned for response in responses] == [True] * 4
        assert {response.data["f"] for response in responses} == {"[1, 9] {'a': 5}"}


async def test_plan_info_equals_graphql_core_except_path() -> None:
    infos: list[Any] = []
    schema = make_schema("type Query { row: Row! } type Row { n(x: Int): Int }", {})
    schema.query_type.fields["row"].resolve = lambda _source, _info: object()
    types: dict[str, Any] = schema.type_map
    types["Row"].fields["n"].resolve = lambda _source, info, **_: infos.append(info)
    query = "query Q($x: Int) { r: row { m: n(x: $x) } ...F } fragment F on Query { r: row { m: n(x: $x) } }"
    executor = Executor(schema)
    document = prepare(schema, query, "Q")
    await executor.execute(document, {"x": 4}, context="the context")
    await Executor(schema, plans=False).execute(document, {"x": 4}, context="the context")

    found, expected = infos
    assert isinstance(found, GraphQLResolveInfo)
    for name in set(GraphQLResolveInfo._fields) - {"path", "async_helpers"}:
        assert getattr(found, name) == getattr(expected, name), name
    assert len(found.field_nodes) == 2


CODE = "type Query { order: Order orders: [Order!] } type Order { number: Int title: String }"


def compile_source(query: str) -> str:
    schema = make_schema(CODE, {})
    return compile_operation(schema, prepare(schema, query), VariableValues({}, {}), None).source


def test_response_names_do_not_clash_with_plan_code() -> None:
    names = "settle each o v out run bind values object_query list_orders title_2 class None __v"
    fields = " ".join(f"{name}: title" for name in names.split())
    source = compile_source(f"{{ settle: orders {{ {fields} }} orders {{ title title_2: title }} }}")
    compile(source, "plan", "exec")
    assert source.count("def ") == len({line.split("(")[0] for line in source.split("\n") if "def " in line})


def test_aliases_do_not_appear_in_plan_code() -> None:
    """Python never forgets the words of code that it compiled."""
    assert compile_source("{ mine: order { no: number } }") == compile_source("{ yours: order { nr: number } }")
