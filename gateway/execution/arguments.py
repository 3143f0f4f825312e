"""Arguments of a field: as much as possible once when the plan is made, the rest once per request."""

from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, TypeAlias

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLString,
    ListValueNode,
    ObjectValueNode,
    Undefined,
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


class Arguments:
    """The arguments of one field in one operation.

    `constant` holds the keyword arguments if they are the same for every request, else None. What can be changed in
    place is made anew for each request, never kept in the plan; within a request all objects of a list share it.
    """

    __slots__ = ("_constants", "_convert", "_field", "_node", "_variables", "constant")

    def __init__(self, field: GraphQLField, node: FieldNode, convert: Convert | None = None) -> None:
        """Raises GraphQLError where graphql-core would."""
        self._field = field
        self._node = node
        self._convert = convert or _unchanged
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


def _unchanged(values: dict[str, Any], _info: Any) -> dict[str, Any]:
    return values
