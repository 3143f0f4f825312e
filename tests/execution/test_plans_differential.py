"""Plans answer what graphql-core answers: data, the order of keys, errors."""

from typing import Any

import core_schema
import pytest
import strawberry_schema
from differential import Comparison
from graphql import parse, validate

BATCHES = [0, *(pytest.param(batch, marks=pytest.mark.slow) for batch in range(1, 10))]
CORE_BATCH = 205
STRAWBERRY_BATCH = 300


def core_drops_coroutines(test: Any) -> Any:
    """graphql-core drops coroutines that it has cancelled before they began: not what is tested here."""
    for ignored in (
        "ignore:coroutine .* was never awaited:RuntimeWarning",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ):
        test = pytest.mark.filterwarnings(ignored)(test)
    return test


def core_comparison(size: int = 6) -> Comparison:
    return Comparison(
        core_schema.SCHEMA,
        lambda seed: core_schema.Context(seed % 2 == 1),
        lambda context: core_schema.Thing("root", context),
        core_schema.CUSTOM_SCALARS,
        size=size,
    )


def strawberry_comparison(size: int = 6) -> Comparison:
    return Comparison(
        strawberry_schema.SCHEMA,
        lambda seed: strawberry_schema.Context(seed % 2 == 1, "open" if seed % 4 < 2 else "shut"),
        scalars=strawberry_schema.CUSTOM_SCALARS,
        uncovered=["where"],
        size=size,
    )


@core_drops_coroutines
@pytest.mark.parametrize("batch", BATCHES)
async def test_core_plans_answer_as_graphql_core(batch: int) -> None:
    comparison = core_comparison()
    for seed in range(batch * CORE_BATCH, (batch + 1) * CORE_BATCH):
        await comparison.check(seed)

    counts = comparison.counts
    assert counts.planned > 0.6 * counts.operations
    assert counts.with_errors > 0.1 * counts.operations
    assert counts.left_to_graphql_core < 0.01 * counts.operations


@core_drops_coroutines
@pytest.mark.parametrize("batch", BATCHES)
async def test_strawberry_plans_answer_as_graphql_core(batch: int) -> None:
    comparison = strawberry_comparison()
    for seed in range(batch * STRAWBERRY_BATCH, (batch + 1) * STRAWBERRY_BATCH):
        await comparison.check(seed)

    counts = comparison.counts
    assert counts.planned > 0.7 * counts.operations
    assert counts.with_errors > 0.015 * counts.operations
    assert counts.observing_plans > 0.08 * counts.operations
    assert counts.left_to_graphql_core < 0.01 * counts.operations


@pytest.mark.parametrize("comparison", [core_comparison(), strawberry_comparison()], ids=["core", "strawberry"])
def test_generated_operations_are_valid(comparison: Comparison) -> None:
    for seed in range(150):
        assert validate(comparison.schema, parse(comparison.generate(seed).text)) == []
