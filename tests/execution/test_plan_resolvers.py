"""How plans call resolvers: their arguments, their info, and what Strawberry puts around them."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
import strawberry
import strawberry_schema
from graphql import GraphQLResolveInfo
from loading import Document, execute_planned, make_schema
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission
from strawberry.schema.config import StrawberryConfig

from gateway.execution.executor import Executor

ARGUMENTS = """
input In { a: Int = 1 b: [String] }
type Query { f(n: Int = 3, s: String, list: [Int!], in: In): String rows: [Row!]! }
type Row { f(list: [Int!] = [1], in: In): String }
"""


def record(calls: list[Any]) -> Any:
    def resolve(_source: Any, _info: Any, **arguments: Any) -> str:
        calls.append(arguments)
        return "done"

    return resolve


@pytest.mark.parametrize(
    ("field", "variables", "expected"),
    [
        ("f", {}, {"n": 3}),
        ("f(n: null, s: null)", {}, {"n": None, "s": None}),
        ("f(n: $n, s: $s)", {}, {"n": 3}),
        ("f(n: $n, s: $s)", {"n": None, "s": "x"}, {"n": None, "s": "x"}),
        ('f(list: 1, in: {b: "x"})', {}, {"n": 3, "list": [1], "in": {"a": 1, "b": ["x"]}}),
        ("f(list: [$m, 2], in: {a: $n, b: [$s]})", {"m": 1}, {"n": 3, "list": [1, 2], "in": {"a": 1, "b": [None]}}),
        ("f(in: $in)", {"in": {}}, {"n": 3, "in": {"a": 1}}),
        ("f(in: $in)", {}, {"n": 3}),
    ],
)
async def test_arguments_equal_those_of_graphql_core(
    field: str, variables: dict[str, Any], expected: dict[str, Any]
) -> None:
    calls: list[Any] = []
    schema = make_schema(ARGUMENTS, {"Query.f": record(calls)})
    types = {"n": "Int", "s": "String", "m": "Int! = 7", "in": "In"}
    definitions = ", ".join(f"${name}: {type_}" for name, type_ in types.items() if f"${name}" in field)
    query = f"query{f'({definitions})' if definitions else ''} {{ {field} }}"

    response = await execute_planned(schema, query, None, lambda: None, variables=variables)

    assert response.planned
    assert calls == [expected, expected]


async def test_argument_changes_do_not_outlive_request() -> None:
    def f(_source: Any, _info: Any, **arguments: Any) -> str:
        arguments["list"].append(9)
        arguments["in"]["a"] = 5
        return f"{arguments['list']} {arguments['in']}"

    schema = make_schema(ARGUMENTS, {"Query.f": f})
    executor = Executor(schema)
    for query in ("{ f(list: [1], in: {}) }", "query($n: Int! = 1) { f(list: [$n], in: {}) }"):
        responses = [await executor.execute(Document(query)) for _ in range(4)]
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
    document = Document(query)
    for _ in range(2):
        await executor.execute(document, "Q", {"x": 4}, context="the context", root_value="the root")

    expected, found = infos
    assert isinstance(found, GraphQLResolveInfo)
    for name in set(GraphQLResolveInfo._fields) - {"path", "async_helpers"}:
        assert getattr(found, name) == getattr(expected, name), name
    assert len(found.field_nodes) == 2
    assert await found.async_helpers.gather([asyncio.sleep(0, 1), asyncio.sleep(0, 2)]) == [1, 2]


async def test_default_resolvers_read_and_call_members() -> None:
    @dataclass
    class Row:
        a: Any
        b: Any = None

        def c(self, info: Any, n: int) -> str:
            return f"{info.field_name} {n} {self.a}"

    async def later(_info: Any, n: int) -> str:
        return f"later {n}"

    schema = make_schema(
        "type Query { rows: [Row] } type Row { a: String b: String c(n: Int = 2): String d: String }", {}
    )
    rows = [Row("x", lambda _info: "called"), {"a": "y", "c": later, "d": None}, Row(None)]
    query = "{ rows { a b c d } }"

    response = await execute_planned(schema, query, None, lambda: None, root_value={"rows": rows})

    assert response.planned
    assert response.data == {
        "rows": [
            {"a": "x", "b": "called", "c": "c 2 x", "d": None},
            {"a": "y", "b": None, "c": "later 2", "d": None},
            {"a": None, "b": None, "c": "c 2 None", "d": None},
        ]
    }


async def test_strawberry_extensions_and_permissions_apply() -> None:
    log: list[str] = []

    class Denied(BasePermission):
        message = "not for you"

        def has_permission(self, source: Any, info: Any, **_arguments: Any) -> bool:
            log.append("asked")
            return False

    class Twice(FieldExtension):
        def resolve(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
            return next_(source, info, **arguments) * 2

    @strawberry.type
    class Query:
        @strawberry.field(permission_classes=[Denied])
        def secret(self) -> str | None:
            log.append("leaked")
            return "secret"

        plain_secret: str | None = strawberry.field(permission_classes=[Denied])

        @strawberry.field(extensions=[Twice()])
        def word(self, word: str = "ha") -> str:
            return word

    schema = strawberry.Schema(query=Query)._schema
    response = await execute_planned(schema, "{ secret plainSecret word }", None, lambda: None)

    assert response.data == {"secret": None, "plainSecret": None, "word": "haha"}
    assert [error.message for error in response.errors] == ["not for you", "not for you"]
    assert "leaked" not in log


async def test_custom_info_and_default_resolver_apply() -> None:
    class OwnInfo(strawberry.Info):
        @property
        def user(self) -> str:
            return f"user of {self.context}"

    @strawberry.type
    class Row:
        name: str

    @strawberry.type
    class Query:
        @strawberry.field
        def who(self, info: OwnInfo) -> str:
            return info.user

        @strawberry.field(graphql_type=Row)
        def row(self) -> Any:
            return {"name": "from a dict"}

    config = StrawberryConfig(info_class=OwnInfo, default_resolver=lambda source, name: source[name])
    schema = strawberry.Schema(query=Query, config=config)._schema

    response = await execute_planned(schema, "{ who row { name } }", "ctx", lambda: "ctx")

    assert response.planned
    assert response.data == {"who": "user of ctx", "row": {"name": "from a dict"}}


async def test_replaced_resolver_is_called() -> None:
    schema = strawberry.Schema(query=strawberry_schema.Query)._schema
    schema.query_type.fields["ofClass"].resolve = lambda _source, info: f"replaced for {info.field_name}"

    response = await execute_planned(schema, "{ ofClass }", None, lambda: None)

    assert response.planned
    assert response.data == {"ofClass": "replaced for ofClass"}
