"""The operations of one schema and their plans: kept while they are used."""

from collections.abc import Hashable
from typing import Protocol, TypeAlias

from graphql import DocumentNode, GraphQLSchema
from graphql.execution.values import VariableValues

from gateway.execution.codegen import generate
from gateway.execution.compile import MAX_FIELDS, TooManyFieldsError, compile_operation
from gateway.execution.kept import BYTES_PER_ENTRY, BYTES_PER_TOKEN, Kept
from gateway.execution.operation import Operation, find_operation
from gateway.execution.plan import UnplannableError
from gateway.execution.run import Plan
from gateway.execution.strawberry_adapter import StrawberryFields

PlanKey: TypeAlias = tuple[Hashable, ...]
"""The variant of the request, and the values of the variables in @skip and @include."""

FIELDS_AT_ONCE = 100
"""A plan of so many fields is made on first sight: that takes about as long as graphql-core takes for 20 rows. A larger
one is worth it only if the document comes again."""

PLANS_PER_OPERATION = 16

BYTES_PER_CHARACTER = 5
"""What the code of a plan takes in memory for each character of its source, measured and rounded up."""


class Document(Protocol):
    """A parsed and validated document. Equal keys mean equal text."""

    @property
    def document(self) -> DocumentNode: ...

    @property
    def key(self) -> Hashable: ...


class PlannedOperation:
    """An operation with the plans that were made of it: None for one that graphql-core has to answer."""

    __slots__ = ("known_as", "operation", "plans", "postponed")

    def __init__(self, known_as: Hashable, operation: Operation) -> None:
        self.known_as = known_as
        self.operation = operation
        self.plans: dict[PlanKey, Plan | None] = {}
        self.postponed: set[PlanKey] = set()

    def key(self, variables: VariableValues, variant: Hashable) -> PlanKey:
        conditions, coerced = self.operation.conditions, variables.coerced
        return (variant, *map(coerced.get, conditions)) if conditions else (variant,)

    def give_up(self, key: PlanKey) -> None:
        """It turned out while running that graphql-core has to answer."""
        self.plans[key] = None

    @property
    def bytes(self) -> int:
        """Of memory, with the document that the operation keeps."""
        characters = sum(len(plan.code.source) for plan in self.plans.values() if plan)
        return self.operation.tokens * BYTES_PER_TOKEN + characters * BYTES_PER_CHARACTER


class Plans:
    """At most `size` operations with their plans, and fewer if they are large, the least recently used going first.

    There is a plan for each document, operation, variant and value of the variables in @skip and @include.
    """

    def __init__(self, schema: GraphQLSchema, size: int) -> None:
        self._schema = schema
        self._fields = StrawberryFields(schema)
        self._most_bytes = size * BYTES_PER_ENTRY
        self._operations: Kept[Hashable, PlannedOperation | None] = Kept(self._most_bytes, self._weight)

    def operation(self, prepared: Document, name: str | None) -> PlannedOperation | None:
        """The query of that name; None where plans cover it in no case."""
        known_as = (prepared.key, name)
        try:
            return self._operations.use(known_as)
        except KeyError:
            found = find_operation(self._schema, prepared.document, name)
            planned = PlannedOperation(known_as, found) if found else None
            self._operations.keep(known_as, planned)
            return planned

    def new_plan(self, planned: PlannedOperation, key: PlanKey, variables: VariableValues) -> Plan | None:
        """A plan that the operation has not yet; None where graphql-core has to answer, this time or always."""
        again = key in planned.postponed
        for kept in (planned.plans, planned.postponed):
            if len(kept) >= PLANS_PER_OPERATION:
                kept.clear()
        plan = None
        try:
            plan = self._make(planned.operation, key, variables, MAX_FIELDS if again else FIELDS_AT_ONCE)
        except TooManyFieldsError:
            if not again:
                planned.postponed.add(key)
                return None
        except UnplannableError:
            pass
        planned.plans[key] = plan
        self._operations.keep(planned.known_as, planned)  # it weighs more now
        return plan

    def _make(self, operation: Operation, key: PlanKey, variables: VariableValues, most_fields: int) -> Plan:
        variant, *_conditions = key
        selection = compile_operation(self._schema, self._fields, operation, variables, variant, most_fields)
        return Plan(self._schema, operation, generate(selection))

    def _weight(self, kept: PlannedOperation | None) -> int:
        """Nothing weighs less than its share, so the one bound is on the count as well as on the bytes."""
        return min(max(kept.bytes if kept else 0, BYTES_PER_ENTRY), self._most_bytes)
