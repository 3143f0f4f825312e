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


class Plans:
    """At most `size` plans, the least recently used going first.

    There is one plan for each document, operation and value of the variables in @skip and @include. Most documents that
    come once never come again, so a plan is made when they come a second time.
    """

    def __init__(self, schema: GraphQLSchema, size: int) -> None:
        self._schema = schema
        self._fields = StrawberryFields(schema)
        self._operations: LRUCache[Hashable, Operation | None] = LRUCache(size)
        self._plans: LRUCache[PlanKey, Plan | None] = LRUCache(size)
        self._seen: LRUCache[PlanKey, bool] = LRUCache(size)

    def operation(self, document: DocumentNode, key: Hashable, name: str | None) -> Operation | None:
        """The query of that name; None where plans cover it in no case."""
        known_as = (key, name)
        if known_as not in self._operations:
            self._operations[known_as] = find_operation(self._schema, document, name)
        return self._operations[known_as]

    def key(self, document_key: Hashable, name: str | None, operation: Operation, variables: VariableValues) -> PlanKey:
        coerced = variables.coerced
        return (document_key, name, *(coerced.get(condition) for condition in operation.conditions))

    def plan(self, key: PlanKey, operation: Operation, variables: VariableValues) -> Plan | None:
        """The plan, made now if this is the second time; None where graphql-core has to answer."""
        if key in self._plans:
            return self._plans[key]
        if key not in self._seen:
            self._seen[key] = True
            return None
        del self._seen[key]
        plan = self._plans[key] = self._make(operation, variables)
        return plan

    def give_up(self, key: PlanKey) -> None:
        """It turned out while running that graphql-core has to answer."""
        self._plans[key] = None

    def _make(self, operation: Operation, variables: VariableValues) -> Plan | None:
        try:
            selection = compile_operation(self._schema, self._fields, operation, variables)
        except UnplannableError:
            return None
        return Plan(self._schema, operation, generate(selection, operation.name))
