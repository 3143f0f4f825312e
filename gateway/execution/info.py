"""The info that plans give to resolvers."""

from collections.abc import Awaitable, Sequence
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema
from graphql.execution.values import VariableValues
from graphql.pyutils import Path, gather_with_cancel, is_awaitable
from graphql.type import GraphQLResolveInfoHelpers

from gateway.execution.operation import Operation
from gateway.execution.plan import UnplannableError


class PlanInfo(GraphQLResolveInfo[Any]):
    """graphql-core's info for a field of a plan, shared by all objects of the request: so it knows no path.

    Made of a `FieldPosition` and what is the same for all fields (`shared_info`). A resolver that asks for the path
    gets the operation out of plans for good, and graphql-core to answer it.
    """

    __slots__ = ()

    @property
    def path(self) -> Path:
        raise UnplannableError("a resolver reads info.path")


def _gather(values: Sequence[Awaitable[Any]]) -> Awaitable[list[Any]]:
    return gather_with_cancel(*values)


def _track(_values: Sequence[Any]) -> None:
    raise UnplannableError("a resolver leaves work behind")


ASYNC_HELPERS = GraphQLResolveInfoHelpers(gather=_gather, track=_track)


def shared_info(
    schema: GraphQLSchema, operation: Operation, root_value: Any, variables: VariableValues, context: Any
) -> tuple[Any, ...]:
    """The entries of GraphQLResolveInfo after those of the field: a path that is not known, and the request's."""
    return (
        None,
        schema,
        operation.fragment_definitions,
        root_value,
        operation.node,
        variables,
        context,
        is_awaitable,
        None,
        ASYNC_HELPERS,
    )
