"""How plans call resolvers: their arguments, their info, and what Strawberry puts around them."""

from typing import Any

import strawberry
from graphql import GraphQLResolveInfo
from loading import execute_planned, make_schema, parsed
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission

from gateway.execution.executor import Executor

ARGUMENTS = """
input In { a: Int = 1 b: [String] }
type Query { f(n: Int = 3, s: String, list: [Int!], in: In): String rows: [Row!]! }
type Row { f(list: [Int!] = [1], in: In): String }
"""


async def test_argument_changes_do_not_outlive_request() -> None:
    def f(_source: Any, _info: Any, **arguments: Any) -> str:
        arguments["list"].append(9)
        arguments["in"]["a"] = 5
        return f"{arguments['list']} {arguments['in']}"

    schema = make_schema(ARGUMENTS, {"Query.f": f})
    executor = Executor(schema)
    for query in ("{ f(list: [1], in: {}) }", "query($n: Int! = 1) { f(list: [$n], in: {}) }"):
        responses = [await executor.execute(parsed(query)) for _ in range(4)]
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
    document = parsed(query)
    for _ in range(2):
        await executor.execute(document, "Q", {"x": 4}, context="the context", root_value="the root")

    expected, found = infos
    assert isinstance(found, GraphQLResolveInfo)
    for name in set(GraphQLResolveInfo._fields) - {"path", "async_helpers"}:
        assert getattr(found, name) == getattr(expected, name), name
    assert len(found.field_nodes) == 2


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
