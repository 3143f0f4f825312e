"""The plans of one schema: made on second sight, and kept while they are used."""

from collections.abc import Hashable
from typing import TypeAlias

from cachetools import LRUCache
from graphql import DocumentNode, GraphQLSchema
from graphql.execution.values import VariableValues

from gateway.execution.codegen import generate
from gateway.execution.compile import compile_operation
from gateway.execution.operation import Operation, find_operation
from gateway.execution.plan import UnplannableError
from gateway.execution.run import Plan
from gateway.execution.strawberry_adapter import StrawberryFields

PlanKey: TypeAlias = tuple[Hashable, ...]


BYTES_PER_PLAN = 128 * 1024
"""Of memory, on average, before plans leave earlier than their count asks for."""

BYTES_PER_TOKEN = 600
"""What the parsed form of one token takes, measured and rounded up: a plan keeps its document."""

BYTES_PER_CHARACTER = 5
"""What the code of a plan takes for each character of its source, measured likewise."""


class Plans:
    """At most `size` plans, and fewer if they are large, the least recently used going first.

    There is one plan for each document, operation, variant and value of the variables in @skip and @include. Most
    documents that come once never come again, so a plan is made when they come a second time.
    """

    def __init__(self, schema: GraphQLSchema, size: int) -> None:
        self._schema = schema
        self._fields = StrawberryFields(schema)
        self._most_bytes = size * BYTES_PER_PLAN
        self._operations: LRUCache[Hashable, Operation | None] = LRUCache(self._most_bytes, self._weight)
        self._plans: LRUCache[PlanKey, Plan | None] = LRUCache(self._most_bytes, self._weight)
        self._seen: LRUCache[PlanKey, bool] = LRUCache(size)

    def operation(self, document: DocumentNode, key: Hashable, name: str | None) -> Operation | None:
        """The query of that name; None where plans cover it in no case."""
        known_as = (key, name)
        if known_as not in self._operations:
            self._operations[known_as] = find_operation(self._schema, document, name)
        return self._operations[known_as]

    def key(
        self,
        document_key: Hashable,
        name: str | None,
        operation: Operation,
        variables: VariableValues,
        variant: Hashable,
    ) -> PlanKey:
        coerced = variables.coerced
        return (document_key, name, variant, *(coerced.get(condition) for condition in operation.conditions))

    def plan(self, key: PlanKey, operation: Operation, variables: VariableValues, variant: Hashable) -> Plan | None:
        """The plan, made now if this is the second time; None where graphql-core has to answer."""
        if key in self._plans:
            return self._plans[key]
        if key not in self._seen:
            self._seen[key] = True
            return None
        del self._seen[key]
        plan = self._plans[key] = self._make(operation, variables, variant)
        return plan

    def give_up(self, key: PlanKey) -> None:
        """It turned out while running that graphql-core has to answer."""
        self._plans[key] = None

    def _weight(self, kept: Operation | Plan | None) -> int:
        """Nothing weighs less than its share, so the one bound is on the count as well as on the bytes."""
        operation = kept.operation if isinstance(kept, Plan) else kept
        weight = operation.tokens * BYTES_PER_TOKEN if operation else 0
        if isinstance(kept, Plan):
            weight += len(kept.code.source) * BYTES_PER_CHARACTER
        return min(max(weight, BYTES_PER_PLAN), self._most_bytes)

    def _make(self, operation: Operation, variables: VariableValues, variant: Hashable) -> Plan | None:
        try:
            selection = compile_operation(self._schema, self._fields, operation, variables, variant)
        except UnplannableError:
            return None
        return Plan(self._schema, operation, generate(selection, operation.name))
