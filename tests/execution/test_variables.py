from types import SimpleNamespace
from typing import Any

import pytest
import strawberry_schema
from graphql import OperationDefinitionNode, build_schema, parse
from graphql.execution.values import VariableValueSource, get_variable_values

from gateway.execution.executor import Plans

VALUES = [
    *(None, 0, 7, 2**31, -1.5, 3.0, float("nan"), True, "", "x", "RED"),
    *([], [1], ["x", None], {}, {"span": "y"}, object()),
]


def describe(item: tuple[str, VariableValueSource]) -> tuple[object, ...]:
    name, (signature, value) = item
    return name, signature.name, str(signature.type), signature.default and signature.default.literal, repr(value)


def assert_same(schema: Any, text: str, inputs: dict[str, Any]) -> None:
    operation = next(node for node in parse(text).definitions if isinstance(node, OperationDefinitionNode))
    definitions = operation.variable_definitions or ()
    expected = get_variable_values(schema, definitions, inputs, 50)
    asked: Any = SimpleNamespace(operation=operation)
    found = Plans(schema, asked).read(inputs)
    assert (found is None) == isinstance(expected, list)
    if found is not None and not isinstance(expected, list):
        assert repr(found.coerced) == repr(expected.coerced)
        assert list(map(describe, found.sources.items())) == list(map(describe, expected.sources.items()))


@pytest.mark.parametrize(
    "type_", ["Int", "Int!", "Float", "String!", "Boolean", "ID!", "Color", "Date!", "BoxFilter", "[Int!]!"]
)
@pytest.mark.parametrize("default", ["", " = null", " = 1", ' = "x"'])
def test_any_variable_value_coerces_as_in_graphql_core(type_: str, default: str) -> None:
    text = f"query($a: {type_}{default}, $b: String, $c: [ID] = [1]) {{ __typename }}"
    for value in VALUES:
        assert_same(strawberry_schema.SCHEMA, text, {"a": value, "unknown": 1})
        assert_same(strawberry_schema.SCHEMA, text, {"a": value, "b": value, "c": value})
    assert_same(strawberry_schema.SCHEMA, text, {})


def test_non_input_variable_types_fail_as_in_graphql_core() -> None:
    schema = build_schema("type Query { a: Int }")
    for type_ in ("Query", "Nothing", "[Query!]!"):
        assert_same(schema, f"query($a: {type_}, $b: Int) {{ a }}", {"a": 1, "b": 2})
