"""What the plan of an operation is made of, and how it gives up."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from graphql import FieldNode, GraphQLObjectType, GraphQLOutputType

from gateway.execution.arguments import Arguments


class UnplannableError(BaseException):
    """Plans do not cover this operation; graphql-core does.

    Not an Exception: a resolver that reads something which only graphql-core knows raises this through its own
    `except Exception`, which must not take it for a failure.
    """


class HandOverError(Exception):
    """The arguments of a field cannot be read, or what it awaited failed and may not be null.

    graphql-core reports it, or never gets to that field, or is luckier.
    """


class ViolationError(Exception):
    """A value breaks the schema. graphql-core words the error, so this one is never shown."""


class Code(NamedTuple):
    """A plan. `source` is for reading; `bind(run)` gives the function of the root object, for one request."""

    source: str
    bind: Callable[[Any], Callable[[Any], dict[str, Any]]]


class FieldPosition(NamedTuple):
    """What is the same each time a field is resolved: the first entries of GraphQLResolveInfo."""

    name: str
    nodes: list[FieldNode]
    return_type: GraphQLOutputType
    parent_type: GraphQLObjectType


class Attribute(NamedTuple):
    """An attribute of the source object, which has it; what `through` makes of it, where there is such a function.

    `observed`: the context hears that it was read.
    """

    name: str
    observed: bool = False
    through: Callable[[Any], Any] | None = None


class ResolverCall(NamedTuple):
    """A resolver, called with the source object and info where its parameters are.

    `parameters` are in the order of the call; a name of None is a positional one. `make_info` gives the info that the
    resolver expects for a run and the field's position; None stands for graphql-core's.
    """

    function: Callable[..., Any]
    parameters: tuple[tuple[str | None, Literal["source", "info"]], ...]
    arguments: Arguments
    make_info: Callable[[Any, FieldPosition], Any] | None = None
