"""The variables of an operation, read once per request."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from graphql import GraphQLError, GraphQLSchema, VariableDefinitionNode, is_leaf_type, is_non_null_type
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values


class _Variable(NamedTuple):
    """`signature` and `coerce` are None unless the variable is a scalar or an enum."""

    name: str
    node: VariableDefinitionNode
    signature: GraphQLVariableSignature | None
    coerce: Callable[[Any], Any] | None


class Variables:
    """What graphql-core's `get_variable_values` gives, without finding the types again for each request.

    It coerces whatever is not a scalar or enum that the request gives.
    """

    def __init__(self, schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode]) -> None:
        self._schema = schema
        self._variables = [_variable(schema, node) for node in definitions]

    def read(self, inputs: dict[str, Any]) -> VariableValues | None:
        """The values; None where they are in error, which graphql-core then has to word."""
        values = VariableValues({}, {})
        for name, node, signature, coerce in self._variables:
            value = inputs.get(name)
            if value is None or signature is None or coerce is None:
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


def _variable(schema: GraphQLSchema, node: VariableDefinitionNode) -> _Variable:
    name, signature = node.variable.name.value, get_variable_signature(schema, node)
    if not isinstance(signature, GraphQLError):
        type_ = signature.type.of_type if is_non_null_type(signature.type) else signature.type
        if is_leaf_type(type_):
            return _Variable(name, node, signature, type_.coerce_input_value)
    return _Variable(name, node, None, None)
