"""Plans answer what graphql-core answers: data, the order of keys, errors; and variables are read alike."""

from types import SimpleNamespace
from typing import Any

import pytest
import strawberry_schema
from differential import Comparison
from graphql import parse
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValueSource, get_variable_values
from strawberry_schema import SCHEMA

from gateway.execution.executor import read_variables

BATCHES = [0, *(pytest.param(batch, marks=pytest.mark.slow) for batch in range(1, 10))]
BATCH = 300


def make_comparison(size: int = 6) -> Comparison:
    return Comparison(
        SCHEMA,
        lambda seed: strawberry_schema.Context(seed % 2 == 1, "open" if seed % 4 < 2 else "shut"),
        scalars=strawberry_schema.CUSTOM_SCALARS,
        uncovered=["where"],
        size=size,
    )


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")  # which graphql-core drops
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("batch", BATCHES)
async def test_plans_answer_as_graphql_core(batch: int) -> None:
    comparison = make_comparison()
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        await comparison.check(seed)
    counts = comparison.counts
    assert counts.planned > 0.7 * counts.operations
    assert counts.with_errors > 0.015 * counts.operations
    assert counts.observing_plans > 0.05 * counts.operations
    assert counts.left_to_graphql_core < 0.01 * counts.operations


VALUES = [
    *(None, 0, 7, 2**31, -1.5, 3.0, float("nan"), True, "", "x", "RED"),
    *([], [1], ["x", None], {}, {"span": "y"}, object()),
]


def describe(item: tuple[str, VariableValueSource]) -> tuple[object, ...]:
    name, (signature, value) = item
    return name, signature.name, str(signature.type), signature.default and signature.default.literal, repr(value)


def assert_same(text: str, inputs: dict[str, Any]) -> None:
    operation: Any = parse(text).definitions[0]
    definitions = operation.variable_definitions
    expected = get_variable_values(SCHEMA, definitions, inputs, 50)
    prepared: Any = SimpleNamespace(signatures=[(node, get_variable_signature(SCHEMA, node)) for node in definitions])
    found = read_variables(SCHEMA, prepared, inputs)
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
        assert_same(text, {"a": value, "unknown": 1})
        assert_same(text, {"a": value, "b": value, "c": value})
    assert_same(text, {})
