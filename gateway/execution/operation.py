"""An operation of a document, prepared once: whether plans cover it, and how its variables and arguments are read."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, NamedTuple, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    GraphQLString,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    VariableDefinitionNode,
    VariableNode,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
    is_required_argument,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_argument_values, get_variable_values

from gateway.execution.outline import BYTES_PER_TOKEN, Outline

CONDITIONS = ("skip", "include")

BYTES_PER_CHARACTER = 5
"""What the code of a plan takes in memory for each character of its source, measured and rounded up."""

Convert: TypeAlias = Callable[[dict[str, Any], Any], dict[str, Any]]
"""From graphql-core's argument values, and the resolver's info, to the keyword arguments of the resolver.

Each by itself: what is constant is converted once, when the plan is made.
"""

IMMUTABLE = (str, int, float, NoneType, Enum, Decimal, date, time)

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


class Arguments:
    """The arguments of one field in one operation.

    `constant` holds the keyword arguments if they are the same for every request, else None. What can be changed in
    place is made anew for each request, never kept in the plan; within a request all objects of a list share it.
    """

    __slots__ = ("_constants", "_convert", "_field", "_node", "_variables", "constant")

    def __init__(self, field: GraphQLField, node: FieldNode, convert: Convert = lambda values, _: values) -> None:
        """Raises GraphQLError where graphql-core would."""
        self._field = field
        self._node = node
        self._convert = convert
        self._constants: dict[str, Any] = {}
        self._variables = self._read_variables()
        self.constant = self._constants if self._variables == [] else None

    def bind(self, variables: VariableValues, info: Any) -> dict[str, Any]:
        """The keyword arguments for one request. Raises what graphql-core or the conversion raises."""
        if self._variables is None:
            return self._convert(get_argument_values(self._field, self._node, variables), info)
        values = {}
        for name, variable, default, non_null in self._variables:
            value = variables.coerced.get(variable, default)
            if non_null and (value is None or value is Undefined):
                raise LookupError(name)  # graphql-core words the error
            if value is not Undefined:
                values[name] = value
        return self._constants | self._convert(values, info)

    def _read_variables(self) -> list[tuple[str, str, Any, bool]] | None:
        """The arguments that are variables: their name, the variable's, the default and whether null is not allowed.

        None where an argument is more than a variable or an immutable constant: then graphql-core reads them all.
        """
        arguments, definitions = self._node.arguments or (), self._field.args
        given = {node.name.value: node.value.name.value for node in arguments if isinstance(node.value, VariableNode)}
        literals = tuple(node for node in arguments if node.name.value not in given)
        if any(isinstance(node.value, ListValueNode | ObjectValueNode) for node in literals):
            return None
        known = {
            name: each for name, each in definitions.items() if name not in given or not is_required_argument(each)
        }
        constants = {}
        if known:  # graphql-core gives the literals, and the defaults of all others
            node = FieldNode(name=self._node.name, arguments=literals)
            constants = get_argument_values(GraphQLField(GraphQLString, known), node)
        if not all(isinstance(value, IMMUTABLE) for value in constants.values()):
            return None
        variables = []
        for name, variable in given.items():
            out_name = definitions[name].out_name or name
            default = constants.pop(out_name, Undefined)
            variables.append((out_name, variable, default, is_non_null_type(definitions[name].type)))
        self._constants = self._convert(constants, None)
        return variables


class Code(NamedTuple):
    """A plan. `source` is for reading; `bind(run)` gives the function of the root object, for one request."""

    source: str
    bind: Callable[[Any], Callable[[Any], dict[str, Any]]]


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
