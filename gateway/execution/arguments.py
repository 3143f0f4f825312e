"""Arguments of a field: as much as possible once when the plan is made, the rest once per request."""

from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, NamedTuple, TypeAlias

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLString,
    ListValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    is_non_null_type,
    is_required_argument,
)
from graphql.execution.values import VariableValues, get_argument_values

Convert: TypeAlias = Callable[[dict[str, Any], Any], dict[str, Any]]
"""From graphql-core's argument values, and the resolver's info, to the keyword arguments of the resolver.

Each by itself: what is constant is converted once, when the plan is made.
"""

IMMUTABLE = (str, int, float, NoneType, Enum, Decimal, date, time)


class MissingArgumentError(Exception):
    """A variable gives no value where one is needed. graphql-core words the error."""


class _Source(NamedTuple):
    """Where an argument's value comes from: the variable, or, when that has none, `otherwise` (Undefined: nowhere)."""

    name: str
    variable: str | None
    otherwise: Any
    non_null: bool
    required: bool


class Arguments:
    """The arguments of one field in one operation.

    `constant` holds the keyword arguments if they are the same for every request, else None. What can be changed in
    place is made anew for each request, never kept in the plan; within a request all objects of a list share it.
    """

    __slots__ = ("_convert", "_field", "_fixed", "_node", "_sources", "constant")

    def __init__(self, field: GraphQLField, node: FieldNode, convert: Convert | None = None) -> None:
        """Raises GraphQLError where graphql-core would."""
        self._field = field
        self._node = node
        self._convert = convert
        sources = _sources(field, node)
        self._sources = sources and [source for source in sources if source.variable is not None]
        self._fixed: dict[str, Any] = {}
        if sources:
            self._fixed = self._converted(_read([source for source in sources if source.variable is None], {}), None)
        self.constant = self._fixed if self._sources == [] else None

    def bind(self, variables: VariableValues, info: Any) -> dict[str, Any]:
        """The keyword arguments for one request. Raises what graphql-core or the conversion raises."""
        if self._sources is None:
            return self._converted(get_argument_values(self._field, self._node, variables), info)
        return self._fixed | self._converted(_read(self._sources, variables.coerced), info)

    def _converted(self, values: dict[str, Any], info: Any) -> dict[str, Any]:
        return values if self._convert is None else self._convert(values, info)


def _read(sources: list[_Source], variables: dict[str, Any]) -> dict[str, Any]:
    values = {}
    for name, variable, otherwise, non_null, required in sources:
        if variable is None or variable not in variables:
            if required:
                raise MissingArgumentError(name)
            value = otherwise
        else:
            value = variables[variable]
            if value is None and non_null:
                raise MissingArgumentError(name)
        if value is not Undefined:
            values[name] = value
    return values


def _sources(field: GraphQLField, node: FieldNode) -> list[_Source] | None:
    """None where an argument is more than a variable or an immutable constant: then graphql-core reads them all."""
    nodes = {argument.name.value: argument for argument in node.arguments or ()}
    sources = []
    for name, definition in field.args.items():
        argument = nodes.get(name)
        value_node = argument.value if argument else None
        if isinstance(value_node, VariableNode):
            required = is_required_argument(definition)
            otherwise = Undefined if required else _constant(name, definition, node, ())
            variable = value_node.name.value
        else:
            if value_node is not None and _holds_variable(value_node):
                return None
            required, variable = False, None
            otherwise = _constant(name, definition, node, (argument,) if argument else ())
        if not isinstance(otherwise, IMMUTABLE) and otherwise is not Undefined:
            return None
        out_name = definition.out_name or name
        sources.append(_Source(out_name, variable, otherwise, is_non_null_type(definition.type), required))
    return sources


def _constant(name: str, definition: GraphQLArgument, node: FieldNode, given: tuple[ArgumentNode, ...]) -> Any:
    """The value without variables: what is given, else the default. Undefined if there is neither."""
    field = GraphQLField(GraphQLString, {name: definition})
    values = get_argument_values(field, FieldNode(name=node.name, arguments=given))
    return values.get(definition.out_name or name, Undefined)


def _holds_variable(node: ValueNode) -> bool:
    if isinstance(node, ListValueNode):
        return any(map(_holds_variable, node.values))
    if isinstance(node, ObjectValueNode):
        return any(_holds_variable(field.value) for field in node.fields)
    return isinstance(node, VariableNode)
