"""A value of which a part is missing: the response has the value, and beside it the error that says why.

Such a value is raised, not returned, so that nobody takes the part for the whole who does not know of this. A plan puts
the part into its place and locates the error there (`Run`). Where graphql-core executes, a resolver that may fail so
gives `reported`.
"""

from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from graphql import GraphQLResolveInfo, located_error

from gateway.errors import drop_tracebacks

ValueT = TypeVar("ValueT")


class IncompleteError(Exception):
    """`part` is what there is, `cause` why there is no more."""

    def __init__(self, part: Any, cause: Exception) -> None:
        super().__init__(str(cause))
        self.part = part
        self.cause = cause


def take_part(error: IncompleteError, info: GraphQLResolveInfo[Any], path: Sequence[str | int]) -> Any:
    """The part, for graphql-core: `info` is that of the field. The request's context has the cause reported."""
    drop_tracebacks(error)
    info.context.report(located_error(error.cause, info.field_nodes, path))
    return error.part


async def reported(value: Awaitable[ValueT], info: GraphQLResolveInfo[Any]) -> ValueT:
    """What is awaited, or the part of it that there is."""
    try:
        return await value
    except IncompleteError as error:
        part: ValueT = take_part(error, info, info.path.as_list())
        return part
