"""Compares what a plan answers with what graphql-core answers."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, execute, parse
from loading import prepare
from operation_generator import GeneratedOperation, OperationGenerator

from gateway.execution.executor import Executor
from gateway.execution.run import ObservedField, Response


@dataclass
class Counts:
    """What a comparison covered, so that a test can check that it was enough."""

    operations: int = 0
    planned: int = 0
    with_errors: int = 0
    left_to_graphql_core: int = 0
    observing_plans: int = 0


class Comparison:
    """Executes random operations by plan and by graphql-core, each with a context of its own, and asserts equality.

    `make_context` gives a new context for a seed, equal for equal seeds: those of odd ones have failures in them. What
    a context has `observed` must be equal too.
    `uncovered` are the fields that plans have to leave to graphql-core; `size` is about how many fields are asked for.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        make_context: Callable[[int], Any],
        scalars: Mapping[str, Sequence[Any]] | None = None,
        uncovered: Sequence[str] = (),
        size: int = 6,
    ) -> None:
        self.schema = schema
        self._uncovered = uncovered
        self.counts = Counts()
        self._make_context = make_context
        self._generator = OperationGenerator(schema, size=size, scalars=scalars)

    def generate(self, seed: int) -> GeneratedOperation:
        return self._generator.generate(Random(seed))

    async def check(self, seed: int) -> None:
        """Raises AssertionError that names the seed."""
        operation = self.generate(seed)
        first, observed = await self._execute(False, operation, seed)
        second, observed_by_plan = await self._execute(True, operation, seed)
        self._count(operation, first, second)
        where = f"seed {seed}: {operation}"
        assert second.executed == first.executed, where
        assert orjson.dumps(second.data) == orjson.dumps(first.data), where
        # What is below a place that an error made null may have been resolved by then, or not.
        assert observed_by_plan == observed or any(nulls_a_parent(second.data, error) for error in second.errors), where
        self.counts.observing_plans += second.planned and bool(observed)
        await self._compare_errors(operation, first, second, seed, where)

    def _count(self, operation: GeneratedOperation, first: Response, second: Response) -> None:
        self.counts.operations += 1
        self.counts.planned += second.planned
        self.counts.with_errors += bool(first.errors)
        if not first.errors and not second.planned:
            self.counts.left_to_graphql_core += not any(name in operation.text for name in self._uncovered)

    async def _execute(
        self, plans: bool, operation: GeneratedOperation, seed: int
    ) -> tuple[Response, set[tuple[str, ObservedField]]]:
        context = self._make_context(seed)
        prepared = prepare(self.schema, operation.text, operation.operation_name)
        response = await Executor(self.schema, plans=plans).execute(prepared, operation.variables, context)
        observed = getattr(context, "observed", ())
        return response, {
            (repr(source), field)
            for sources, fields in observed
            for source in sources
            for field in fields
            if getattr(source, field.attribute) is not None
        }

    async def _compare_errors(
        self, operation: GeneratedOperation, first: Response, second: Response, seed: int, where: str
    ) -> None:
        expected, found = sorted(map(describe, first.errors)), sorted(map(describe, second.errors))
        if expected == found:
            return
        every = {describe(error): error for error in await self._every_error(operation, seed)}
        assert set(found) <= set(every), where
        nulled = {null_position(second.data, error) for error in second.errors}
        for description, error in every.items():
            assert description in found or null_position(second.data, error) in nulled, where

    async def _every_error(self, operation: GeneratedOperation, seed: int) -> list[GraphQLError]:
        """Which error nulls a parent and which are dropped with it depends on timing, in graphql-core as in a plan.

        So where the two differ, both must have chosen among what graphql-core reports if errors null nothing but their
        own field, and must have left out only errors below a place that is null because of another one.
        """
        directive = "@experimental_disableErrorPropagation"
        texts = [
            line.replace(" {", f" {directive} {{", 1) if line.startswith("query") else line
            for line in operation.text.split("\n")
        ]
        context = self._make_context(seed)
        result = execute(
            self.schema,
            parse("\n".join(texts)),
            context_value=context,
            variable_values=operation.variables,
            operation_name=operation.operation_name,
        )
        result = result if isinstance(result, ExecutionResult) else await result
        return result.errors or []


def describe(error: GraphQLError) -> str:
    """All that callers and operators can see of an error; the columns of the directive above are taken out."""
    locations = [location.line for location in error.locations or ()]
    original = re.sub(r"column=\d+", "column", repr(error.original_error))
    return repr((error.message, error.path, locations, original, error.extensions))


def nulls_a_parent(data: Any, error: GraphQLError) -> bool:
    return len(null_position(data, error)) < len(error.path or ())


def null_position(data: Any, error: GraphQLError) -> tuple[str | int, ...]:
    """The outermost place on the way to the error that is null."""
    position: tuple[str | int, ...] = ()
    for key in error.path or ():
        if data is None:
            break
        data = data[key]
        position = (*position, key)
    return position
