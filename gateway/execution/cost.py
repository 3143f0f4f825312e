"""What an operation may cost at most, weighed before anything of it is run.

A field of the schema declares what resolving it once may cause: `calls` of what is dear, and how many `items` its value
has at most, each of which has the fields below resolved anew. Either may depend on an argument:

    Cost(calls=Amount("first", pages), items=Amount("first"))        # orders(first: 20): 3 calls, 20 items
    Cost(calls=1)                                                    # owner: a call
    { orders(first: 20) { nodes { house { owner { phone } } } } }    # 3 + 20 × 1 = 23

The sum is an upper bound. A look-up that is shared, written twice or left out by @skip is counted wherever it stands.
Fragments are weighed once, so the work is linear in the document.

Introspection calls nobody and takes time: its fields are counted, as often as they are resolved in an average type, and
FIELDS_PER_CALL of them weigh as much as a call.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from math import ceil
from typing import Any, NamedTuple, TypeAlias, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_introspection_type,
)
from graphql.utilities.coerce_input_value import coerce_default_value

from gateway.execution.introspection import ENTRIES, FIELDS_PER_CALL, usual_items

MOST_REMEMBERED = 64
"""Sums that one operation remembers, for as many combinations of its variables."""


class Amount(NamedTuple):
    """A number that an argument decides: `of` the number given, or of the length of the list given.

    `argument` may lead into an input object: "input.ids". Left out, the argument has its default; null counts as 0.
    Where the argument is a list, anything else that is given is a list of one.
    """

    argument: str
    of: Callable[[int], int] = int


class Cost(NamedTuple):
    """What resolving a field once may cause."""

    calls: int | Amount = 0
    items: int | Amount = 1


CostOf: TypeAlias = Callable[[GraphQLField], Cost]
"""Reads the declaration of a field."""


class _Source(NamedTuple):
    """A variable that the sum depends on, the path inside its value, and whether a list is wanted there."""

    variable: str
    path: tuple[str, ...]
    of_list: bool


class OperationCost:
    """The cost of one operation, for any variables: remembered for those that were seen."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, cost_of: CostOf
    ) -> None:
        self._schema = schema
        self._document = document
        self._operation = operation
        self._cost_of = cost_of
        walk = self._walk({})
        self._without_variables = walk.total()
        self._sources = tuple(walk.sources)
        self._known: dict[tuple[int | None, ...], int] = {}

    def of(self, variables: Mapping[str, Any] | None) -> int:
        """How many calls the operation may cause with these variables, which need not be of the right types."""
        if not self._sources:
            return self._without_variables
        given = variables or {}
        magnitudes = tuple([_given(given, *source) for source in self._sources])
        cost = self._known.get(magnitudes)
        if cost is None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            cost = self._walk(dict(zip(self._sources, magnitudes, strict=True))).total()
            self._known[magnitudes] = cost
        return cost

    def _walk(self, magnitudes: Mapping[_Source, int | None]) -> "_Walk":
        return _Walk(self._schema, self._document, self._operation, self._cost_of, magnitudes)


class _Walk:
    """Sums up an operation. `sources` are the variables that it came upon."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        cost_of: CostOf,
        magnitudes: Mapping[_Source, int | None],
    ) -> None:
        self.sources: dict[_Source, None] = {}
        self._schema = schema
        self._operation = operation
        self._cost_of = cost_of
        self._magnitudes = magnitudes
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._weighed: dict[str, float] = {}
        self._defaults = {
            definition.variable.name.value: definition.default_value
            for definition in operation.variable_definitions or ()
        }

    def total(self) -> int:
        root = self._schema.get_root_type(self._operation.operation)
        return int(self._selections(self._operation.selection_set, root))

    def _selections(self, selection_set: SelectionSetNode | None, parent: GraphQLNamedType | None) -> float:
        """A whole number, but inside introspection."""
        total: float = 0
        for selection in selection_set.selections if selection_set else ():
            if isinstance(selection, FieldNode):
                total += self._field(selection, parent)
            elif isinstance(selection, FragmentSpreadNode):
                total += self._fragment(selection.name.value)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                within = self._schema.get_type(condition.name.value) if condition else parent
                total += self._selections(selection.selection_set, within)
        return total

    def _fragment(self, name: str) -> float:
        if name not in self._weighed:
            fragment = self._fragments[name]
            within = self._schema.get_type(fragment.type_condition.name.value)
            self._weighed[name] = self._selections(fragment.selection_set, within)
        return self._weighed[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None) -> float:
        name = node.name.value
        field = getattr(parent, "fields", {}).get(name)
        if field is None or parent is None:
            return ceil(self._selections(node.selection_set, ENTRIES.get(name)) / FIELDS_PER_CALL)
        below = self._selections(node.selection_set, get_named_type(field.type))
        if is_introspection_type(parent):
            return 1 + self._usual_items.get(name, 1) * below
        cost = self._cost_of(field)
        return self._amount(cost.calls, field, node) + self._amount(cost.items, field, node) * below

    @cached_property
    def _usual_items(self) -> Mapping[str, float]:
        return usual_items(self._schema)

    def _amount(self, amount: int | Amount, field: GraphQLField, node: FieldNode) -> int:
        if isinstance(amount, int):
            return amount
        name, *path = amount.argument.split(".")
        given = next((argument.value for argument in node.arguments or () if argument.name.value == name), None)
        of_list = _is_list(field.args[name].type, path)
        magnitude = None if given is None else self._literal(given, path, of_list)
        if magnitude is None:
            magnitude = 0 if path else _magnitude(coerce_default_value(field.args[name]), of_list)
        return amount.of(magnitude)

    def _literal(self, node: ValueNode, path: list[str], of_list: bool) -> int | None:
        """What the value at the path amounts to; None where a variable gives none."""
        if isinstance(node, VariableNode):
            return self._variable(_Source(node.name.value, tuple(path), of_list))
        if path:
            within = node.fields if isinstance(node, ObjectValueNode) else ()
            inner = next((field.value for field in within if field.name.value == path[0]), None)
            return 0 if inner is None else self._literal(inner, path[1:], of_list)
        if isinstance(node, IntValueNode) and not of_list:
            return max(0, int(node.value))
        if isinstance(node, ListValueNode):
            return len(node.values)
        return 0 if isinstance(node, NullValueNode) else 1

    def _variable(self, source: _Source) -> int | None:
        self.sources[source] = None
        magnitude = self._magnitudes.get(source)
        default = self._defaults.get(source.variable)
        if magnitude is None and default is not None:
            magnitude = self._literal(default, list(source.path), source.of_list)
        return magnitude


def _is_list(type_: GraphQLInputType, path: Sequence[str]) -> bool:
    """Whether a list is wanted at the path inside an argument of this type."""
    for name in path:
        type_ = cast("GraphQLInputObjectType", get_named_type(type_)).fields[name].type
    return isinstance(get_nullable_type(type_), GraphQLList)


def _given(variables: Mapping[str, Any], variable: str, path: tuple[str, ...], of_list: bool) -> int | None:
    """What the variable's value at the path amounts to; None where the variable is not given."""
    value = variables.get(variable)
    if type(value) is int and not path and not of_list:  # most are
        return max(0, value)
    if value is None and variable not in variables:
        return None
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return _magnitude(value, of_list)


def _magnitude(value: object, of_list: bool) -> int:
    """A value that is neither a number nor a list is a list of one, where a list is wanted."""
    if not of_list and isinstance(value, int | float) and value == value // 1:
        return max(0, int(value))
    if isinstance(value, list):
        return len(value)
    return 0 if value is None else 1
