"""Plans answer what graphql-core answers: data, the order of keys, errors."""

from typing import Any

import pytest
import strawberry_schema
from differential import Comparison

BATCHES = [0, *(pytest.param(batch, marks=pytest.mark.slow) for batch in range(1, 10))]
BATCH = 300


def core_drops_coroutines(test: Any) -> Any:
    """graphql-core drops coroutines that it has cancelled before they began: not what is tested here."""
    for ignored in (
        "ignore:coroutine .* was never awaited:RuntimeWarning",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ):
        test = pytest.mark.filterwarnings(ignored)(test)
    return test


def make_comparison(size: int = 6) -> Comparison:
    return Comparison(
        strawberry_schema.SCHEMA,
        lambda seed: strawberry_schema.Context(seed % 2 == 1, "open" if seed % 4 < 2 else "shut"),
        scalars=strawberry_schema.CUSTOM_SCALARS,
        uncovered=["where"],
        size=size,
    )


@core_drops_coroutines
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
