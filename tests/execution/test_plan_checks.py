"""Checked mode: a value that breaks the schema is an error in a plan as it is in graphql-core."""

from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema
from graphql.pyutils import Undefined
from loading import prepare

from gateway.execution.executor import Executor
from gateway.execution.run import Response

SDL = """
scalar Stamp
enum Word { YES NO }
interface Named { name: String }
type Cat implements Named { name: String lives: Int }
type Dog implements Named { name: String barks: Boolean! }
union Pet = Cat | Dog
type Query {
  int: Int int_: Int! float: Float string: String string_: String! boolean: Boolean id: ID id_: ID! stamp: Stamp
  word: Word word_: Word! list: [Int] list_: [Int!]! grid: [[Int!]]
  cat: Cat cat_: Cat! cats: [Cat!] named: Named pet: Pet
}
"""


class Text(str):
    pass


class Number(int):
    pass


class Small(IntEnum):
    ONE = 1


class Answer(StrEnum):
    YES = "YES"


class Shown:
    def __str__(self) -> str:
        return "shown"

    def __repr__(self) -> str:
        return "Shown"


class Animal:
    def __init__(self, kind: str | None, **attributes: Any) -> None:
        self.kind = kind
        self.__dict__.update(attributes)

    def __repr__(self) -> str:
        return f"Animal {self.kind}"


class Iterated:
    def __iter__(self) -> Any:
        return iter([1, 2])


ANY = [
    *(None, Undefined, ValueError("returned"), True, False, 0, -1, 2**31 - 1, 2**31, -(2**31) - 1, 2**70),
    *(0.0, 1.5, 3.0, float("nan"), float("inf"), "", "x", "12", "YES", b"bytes"),
    *(Decimal("1.5"), Decimal(2), Fraction(1, 2), Text("text"), Number(5), Small.ONE, Answer.YES, Shown()),
    *([], [1, None], [1, "x", None], (1, 2), [[1], None, [None]], [1, [2]], {1, 2}, {"a": 1}, {1: 2}.keys(), range(3)),
    *(Iterated(), str, Exception, {"kind": "Cat", "name": "Tom"}),
    *(Animal("Cat", name="Tom", lives=9), Animal("Dog", name="Rex", barks=None), Animal("Dog", name=5, barks=True)),
    *(Animal("Fish"), Animal(None), [Animal("Cat", name="Tom", lives="many")]),
]
SELECTIONS = {
    "cat": " { __typename name lives }",
    "cat_": " { name }",
    "cats": " { name lives }",
    "named": " { __typename name ... on Cat { lives } ... on Dog { barks } }",
    "pet": " { __typename ... on Named { name } ... on Dog { barks } }",
}


def kind_of(value: Any, _info: Any = None, _type: Any = None) -> Any:
    return value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)


def write_stamp(value: Any) -> Any:
    return {0: None, "": Undefined, "x": {"any": ["JSON"]}}.get(value, f"<{value}>")


def make_schema(get: Any) -> GraphQLSchema:
    schema = build_schema(SDL)
    types: dict[str, Any] = schema.type_map
    types["Stamp"].coerce_output_value = write_stamp
    types["Named"].resolve_type = kind_of
    types["Pet"].resolve_type = kind_of
    types["Cat"].is_type_of = lambda value, _info: kind_of(value) == "Cat"
    for field in schema.query_type.fields.values():
        field.resolve = lambda _source, _info: get()
    return schema


def describe(response: Response) -> Any:
    return repr(response.data), [(error.formatted, type(error.original_error)) for error in response.errors]


@pytest.mark.parametrize("name", build_schema(SDL).query_type.fields)
async def test_plan_checks_any_value_as_graphql_core_does(name: str) -> None:
    values: list[Any] = []
    schema = make_schema(lambda: values[0])
    executor, reference = Executor(schema), Executor(schema, plans=False)
    query = prepare(schema, f"{{ {name} {SELECTIONS.get(name, '')} }}")
    for value in ANY * 2:  # a plan meets each class for the first time, and again
        values[:] = [value]
        query.plans.clear()
        expected = await reference.execute(query)
        shown = [value for value in (expected.data or {}).values() if isinstance(value, list)]
        for _ in range(2):
            found = await executor.execute(query)
            assert describe(found) == describe(expected)
            assert found.planned or expected.errors or shown, "only of lists, plans take two classes"
