"""When there is a plan, and when graphql-core answers."""

import itertools
from typing import Any

import pytest
from graphql import GraphQLDirective, GraphQLSchema, get_introspection_query
from graphql.language import DirectiveLocation
from loading import Context, make_schema, parsed
from structlog.testing import capture_logs

from gateway.execution.executor import Executor

SDL = """
type Query { a: Int b: Int echo(n: Int! = 1): Int rows: [Row!]! path: [String!] }
type Row { n(least: Int! = 1): Int }
type Mutation { touch: Int }
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


async def planned(executor: Executor, query: str, name: str | None = None, variables: Any = None) -> bool:
    return (await executor.execute(parsed(query), name, variables)).planned


def many(count: int) -> str:
    return f"{{ {' '.join(f'a{number}: a' for number in range(count))} }}"


async def test_large_plan_is_made_on_second_request() -> None:
    executor = Executor(schema_with())
    for query, expected in (("{ a }", [True] * 3), (many(100), [True] * 3), (many(101), [False, True, True])):
        assert [await planned(executor, query) for _ in range(3)] == expected


async def test_least_recently_used_plan_is_evicted_first() -> None:
    executor = Executor(schema_with(), size=2)
    for query in ("{ a }", "{ b }", "{ a }", "{ a b }"):
        assert await planned(executor, query)

    operations: Any = executor._operations
    assert [text for text, _name in operations] == ["{ a }", "{ a b }"]


@pytest.mark.parametrize("more_fields", [0, 100])
async def test_plans_are_bounded_in_number(more_fields: int) -> None:
    executor = Executor(schema_with(), size=3)
    more = " ".join(f"more{n}: b" for n in range(more_fields))
    conditions = " ".join(f"a{n}: a @skip(if: $c{n})" for n in range(6))
    for number in range(4):
        query = f"query({' '.join(f'$c{n}: Boolean!' for n in range(6))}) {{ b{number}: b {conditions} {more} }}"
        for values in itertools.product((True, False), repeat=6):
            await planned(executor, query, variables={f"c{n}": value for n, value in enumerate(values)})

    assert 0 < len(executor._operations) <= 3
    for operation in executor._operations.values():
        assert operation is not None
        assert 0 < len(operation.plans) + len(operation.postponed) <= 16


async def test_each_condition_value_has_its_plan() -> None:
    executor = Executor(schema_with())
    query = """
        query($c: Boolean! = true, $n: Int!) { a @include(if: $c) ...F echo(n: $n) }
        fragment F on Query { b @skip(if: $c) }
    """

    async def execute(**variables: Any) -> tuple[bool, Any]:
        response = await executor.execute(parsed(query), None, variables)
        return response.planned, response.data

    assert await execute(c=True, n=1) == (True, {"a": 1, "echo": 1})
    assert await execute(n=2) == (True, {"a": 1, "echo": 2})
    assert await execute(c=False, n=3) == (True, {"b": 2, "echo": 3})
    assert await execute(c=False, n=4) == (True, {"b": 2, "echo": 4})
    assert await execute(c=True, n=5) == (True, {"a": 1, "echo": 5})


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("mutation { touch }", None),
        (get_introspection_query(), None),
        ('{ a __type(name: "Query") { name } }', None),
        ("{ a @custom }", None),
        ("query @experimental_disableErrorPropagation { a }", None),
        ("{ ...F } fragment F on Query { a @custom }", None),
        ("query A { a } query B { b }", None),
        ("query A { a }", "B"),
        (many(1_001), None),
    ],
    ids=["mutation", "introspection", "type", "directive", "operation", "fragment", "ambiguous", "missing", "large"],
)
async def test_operations_without_plans_go_to_graphql_core(query: str, name: str | None) -> None:
    schema = schema_with()
    custom = GraphQLDirective("custom", [DirectiveLocation.FIELD])
    schema = GraphQLSchema(schema.query_type, schema.mutation_type, directives=[*schema.directives, custom])
    executor = Executor(schema)

    responses = [await executor.execute(parsed(query), name) for _ in range(3)]

    expected = await Executor(schema, plans=False).execute(parsed(query), name)
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
    responses = [await executor.execute(parsed("{ p: path }")) for _ in range(3)]

    assert [response.data for response in responses] == [{"p": ["p"]}] * 3
    assert [response.planned for response in responses] == [False] * 3
    assert calls == [["p"]] * 3
    assert len(entered) == 3 + 1, "a plan has tried once"


async def test_plan_failing_without_graphql_core_is_dropped() -> None:
    outcomes = iter([1, "not an int", 2, 3])
    executor = Executor(schema_with(Query_a=lambda _source, _info: next(outcomes)))

    with capture_logs() as logs:
        responses = [await executor.execute(parsed("{ a }")) for _ in range(3)]

    assert [response.data for response in responses] == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert [response.planned for response in responses] == [True, False, False]
    assert [(entry["event"], entry["error"]) for entry in logs] == [
        ("plan failed where graphql-core did not", "GraphQLError")
    ]


async def test_unreached_argument_error_does_not_discard_plan() -> None:
    executor = Executor(schema_with())
    query = "query($n: Int) { rows { n(least: $n) } }"
    variables: list[dict[str, Any]] = [{}, {"n": None}, {"n": 1}, {}]

    responses = [await executor.execute(parsed(query), None, each) for each in variables]

    assert [response.planned for response in responses] == [True, False, True, True]
    assert all(response.data == {"rows": []} and not response.errors for response in responses)


async def test_invalid_variables_are_a_request_error() -> None:
    executor = Executor(schema_with())
    query = "query($n: Int!) { echo(n: $n) }"
    for _ in range(3):
        response = await executor.execute(parsed(query), None, {"n": "x"})
        assert not response.executed
        assert response.data is None
        assert response.errors[0].message == (
            "Variable '$n' has invalid value: Int cannot represent non-integer value: 'x'"
        )
        assert response.to_bytes().startswith(b'{"errors":[{"message"')


async def test_middleware_wraps_every_field_without_plans() -> None:
    class Guard:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def check(self, resolve: Any, source: Any, info: Any, **arguments: Any) -> Any:
            self.seen.append(info.field_name)
            return resolve(source, info, **arguments)

    executor = Executor(schema_with())
    guard = Guard()
    for _ in range(3):
        assert not (await executor.execute(parsed("{ a b }"), middleware=guard.check)).planned

    assert guard.seen == ["a", "b"] * 3


async def test_executor_serves_simultaneous_requests() -> None:
    import asyncio

    schema = make_schema()
    executor = Executor(schema)
    query = parsed("query($n: Int!) { orders(count: $n) { number house { number } } }")
    for _ in range(2):
        await executor.execute(query, None, {"n": 1}, Context())

    responses = await asyncio.gather(*(executor.execute(query, None, {"n": n}, Context()) for n in range(20)))

    assert [len(response.data["orders"]) for response in responses] == [*range(20)]
    assert all(response.planned for response in responses)
