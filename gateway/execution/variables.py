"""The variables of an operation, read once per request."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from graphql import GraphQLError, GraphQLSchema, Undefined, VariableDefinitionNode, is_leaf_type, is_non_null_type
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.utilities import coerce_input_value


class _Variable(NamedTuple):
    """`signature` is None unless the variable is a scalar or an enum."""

    name: str
    node: VariableDefinitionNode
    signature: GraphQLVariableSignature | None


class Variables:
    """What graphql-core's `get_variable_values` gives, without finding the types again for each request.

    It coerces whatever is not a scalar or enum that the request gives.
    """

    def __init__(self, schema: GraphQLSchema, definitions: Sequence[VariableDefinitionNode]) -> None:
        self._schema = schema
        self._variables = [
            _Variable(node.variable.name.value, node, _leaf_signature(schema, node)) for node in definitions
        ]

    def read(self, inputs: dict[str, Any]) -> VariableValues | None:
        """The values; None where they are in error, which graphql-core then has to word."""
        values = VariableValues({}, {})
        for name, node, signature in self._variables:
            value = inputs.get(name, Undefined)
            if signature is None or value is Undefined:
                others = get_variable_values(self._schema, [node], inputs, 0, hide_suggestions=True)
                if isinstance(others, list):
                    return None
                values.sources.update(others.sources)
                values.coerced.update(others.coerced)
                continue
            coerced = coerce_input_value(value, signature.type)
            if coerced is Undefined:
                return None
            values.sources[name] = VariableValueSource(signature, value)
            values.coerced[name] = coerced
        return values


def _leaf_signature(schema: GraphQLSchema, node: VariableDefinitionNode) -> GraphQLVariableSignature | None:
    signature = get_variable_signature(schema, node)
    if isinstance(signature, GraphQLError):
        return None
    type_ = signature.type.of_type if is_non_null_type(signature.type) else signature.type
    return signature if is_leaf_type(type_) else None
