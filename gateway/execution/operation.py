"""An operation of a document, prepared once: whether plans cover it, and how its variables are read."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableDefinitionNode,
    VariableNode,
    get_nullable_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

from gateway.execution.outline import BYTES_PER_TOKEN, Outline
from gateway.execution.plan import Code

CONDITIONS = ("skip", "include")

BYTES_PER_CHARACTER = 5
"""What the code of a plan takes in memory for each character of its source, measured and rounded up."""

PlanKey: TypeAlias = tuple[Hashable, ...]
"""The variant of the request, and the values of the variables in @skip and @include."""


class Variables:
    """What graphql-core's `get_variable_values` gives, without finding the types again for each request.

    It coerces whatever is not a scalar or enum that the request gives.
    """

    def __init__(self, schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode]) -> None:
        self._schema = schema
        self._variables = []
        for node in definitions:
            signature = get_variable_signature(schema, node)
            type_ = None if isinstance(signature, GraphQLError) else get_nullable_type(signature.type)
            coerce = type_.coerce_input_value if is_leaf_type(type_) else None
            self._variables.append((node.variable.name.value, node, signature, coerce))

    def read(self, inputs: dict[str, Any]) -> VariableValues | None:
        """The values; None where they are in error, which graphql-core then has to word."""
        values = VariableValues({}, {})
        for name, node, signature, coerce in self._variables:
            value = inputs.get(name)
            if value is None or isinstance(signature, GraphQLError) or coerce is None:
                others = get_variable_values(self._schema, [node], inputs, 0, hide_suggestions=True)
                if isinstance(others, list):
                    return None
                values.sources.update(others.sources)
                values.coerced.update(others.coerced)
                continue
            try:
                values.coerced[name] = coerce(value)
            except Exception:  # noqa: BLE001 # a scalar may raise any, as graphql-core has it
                return None
            values.sources[name] = VariableValueSource(signature, value)
        return values


@dataclass(slots=True, eq=False)
class Operation:
    """A query, its document's fragments, and the variables that decide which fields are asked for.

    `tokens` is the length of the document. `plans` are those made so far, None for one that graphql-core has to answer;
    those that are made when they are asked for again are `postponed`.
    """

    schema: GraphQLSchema
    node: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    fragment_definitions: dict[str, FragmentDefinitionNode]
    variables: Variables
    conditions: tuple[str, ...]
    tokens: int
    plans: dict[PlanKey, Code | None] = field(default_factory=dict)
    postponed: set[PlanKey] = field(default_factory=set)

    def plan_key(self, variables: VariableValues, variant: Hashable) -> PlanKey:
        coerced = variables.coerced
        return (variant, *map(coerced.get, self.conditions)) if self.conditions else (variant,)

    @property
    def bytes(self) -> int:
        """Of memory, with the document and the plans."""
        characters = sum(len(code.source) for code in self.plans.values() if code)
        return self.tokens * BYTES_PER_TOKEN + characters * BYTES_PER_CHARACTER


def find_operation(schema: GraphQLSchema, document: DocumentNode, name: str | None) -> Operation | None:
    """The query that a plan could be made of.

    None for whatever graphql-core has to answer: mutations and subscriptions, names that fit none or several, and
    documents with directives other than @skip and @include (such as @defer and @stream).
    """
    outline = Outline(schema, document)
    operations = [node for node, _ in outline.operations if name is None or (node.name and node.name.value == name)]
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        return None
    directives = list(outline.directives())
    if any(directive.name.value not in CONDITIONS for directive in directives):
        return None
    arguments = [argument.value for directive in directives for argument in directive.arguments or ()]
    conditions = {value.name.value for value in arguments if isinstance(value, VariableNode)}
    definitions = {name: node for name, (node, _) in outline.fragments.items()}
    return Operation(
        schema,
        operations[0],
        {name: FragmentDetails(definition) for name, definition in definitions.items()},
        definitions,
        Variables(schema, operations[0].variable_definitions or ()),
        tuple(sorted(conditions)),
        document.token_count,
    )
