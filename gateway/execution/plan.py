"""What a plan is made of: an operation's fields, each with where its value comes from and what shape it takes.

`compile` builds this tree from an operation, `codegen` turns it into a Python function. One `Selection` becomes one
function of that code.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from graphql import FieldNode, GraphQLAbstractType, GraphQLLeafType, GraphQLObjectType, GraphQLOutputType

from gateway.execution.arguments import Arguments


class UnplannableError(BaseException):
    """Plans do not cover this operation; graphql-core does.

    Not an Exception: a resolver that reads something which only graphql-core knows raises this through its own
    `except Exception`, which must not take it for a failure.
    """


class FieldPosition(NamedTuple):
    """What is the same each time a field is resolved: the first entries of GraphQLResolveInfo."""

    name: str
    nodes: list[FieldNode]
    return_type: GraphQLOutputType
    parent_type: GraphQLObjectType


class Constant(NamedTuple):
    """Known when the plan is made: `__typename`, or null."""

    value: str | None


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


Origin: TypeAlias = Constant | Attribute | ResolverCall


class Leaf(NamedTuple):
    """A scalar or an enum."""

    type: GraphQLLeafType
    nullable: bool


class ListOf(NamedTuple):
    item: "Shape"
    nullable: bool


class Object(NamedTuple):
    selection: "Selection"
    nullable: bool


class Abstract(NamedTuple):
    """An interface or union: the selection depends on the value's type, which `type` names."""

    type: GraphQLAbstractType
    selections: dict[str, "Selection"]
    nullable: bool


Shape: TypeAlias = Leaf | ListOf | Object | Abstract


class PlannedField(NamedTuple):
    """One entry of the response object. `path` is where it stands, by names of the schema, for naming things."""

    key: str
    path: tuple[str, ...]
    position: FieldPosition
    origin: Origin
    shape: Shape


@dataclass(slots=True, eq=False)
class Selection:
    """What is asked of an object of one type, fragments merged. `position` is the field that gives it (root: None)."""

    type: GraphQLObjectType
    path: tuple[str, ...]
    position: FieldPosition | None
    fields: list[PlannedField] = field(default_factory=list)
