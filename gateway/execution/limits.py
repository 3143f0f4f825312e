"""What a document may ask for at most, checked before it is validated or run.

An operation is measured as if every fragment were written out where it is spread, yet each fragment is read only once:
the work is linear in the document, even where the written-out operation is exponentially larger.
"""

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from graphql import FieldNode, FragmentSpreadNode, GraphQLSchema

from gateway.errors import QueryTooComplexError
from gateway.execution.introspection import count_fields, most_fields
from gateway.execution.outline import Fragment, Operation, Outline
from gateway.wording.requests import RequestWording

LARGEST_REPORTED = 2**31 - 1
"""Written-out sizes are exponential and may not fit a JSON number: this much is as good as infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Counts, all of them inclusive: `tokens` of the document, the rest of each operation with its fragments."""

    tokens: int
    depth: int
    aliases: int = 30
    root_fields: int = 20
    directives: int = 50


class _Size(NamedTuple):
    """The size of an operation or a fragment, its fragments written out. `depth` counts nested fields."""

    depth: int = 0
    aliases: int = 0
    root_fields: int = 0
    directives: int = 0


def check_limits(outline: Outline, limits: Limits) -> None:
    """Raises QueryTooComplexError when an operation of the document is beyond a limit.

    A document whose fragments spread each other in a circle passes: it has no size, and validation refuses it.
    """
    if outline.is_cyclic:
        return
    fragments: dict[str, _Size] = {}
    for name, fragment in outline.fragments.items():
        fragments[name] = _measure(fragment, fragments)
    for operation in outline.operations:
        size = _measure(operation, fragments)
        for limit, wording, counted, bound in (
            ("depth", RequestWording.TOO_MANY_LEVELS, size.depth, limits.depth),
            ("aliases", RequestWording.TOO_MANY_ALIASES, size.aliases, limits.aliases),
            ("rootFields", RequestWording.TOO_MANY_ROOT_FIELDS, size.root_fields, limits.root_fields),
            ("directives", RequestWording.TOO_MANY_DIRECTIVES, size.directives, limits.directives),
        ):
            if counted > bound:
                requested = min(counted, LARGEST_REPORTED)
                raise QueryTooComplexError(wording(requested=requested, max=bound), limit, bound, requested)


def require_little_introspection(schema: GraphQLSchema, outline: Outline) -> None:
    """Of a valid document. Raises QueryTooComplexError when an operation introspects more than the schema has to show.

    Aliases would ask for all of it again and again.
    """
    for operation in outline.operations:
        requested = count_fields(schema, outline, operation)
        if requested and requested > (bound := most_fields(schema)):
            requested = min(ceil(requested), LARGEST_REPORTED)
            message = RequestWording.TOO_MUCH_INTROSPECTION(requested=requested, max=bound)
            raise QueryTooComplexError(message, "introspection", bound, requested)


def _measure(outlined: Operation | Fragment, fragments: dict[str, _Size]) -> _Size:
    depth = aliases = root_fields = 0
    definition, selections = outlined
    directives = len(definition.directives or ())
    for node, _enclosing, level, _parent, _field in selections:
        directives += len(node.directives or ())
        if isinstance(node, FieldNode):
            depth = max(depth, level + 1)
            aliases += node.alias is not None
            root_fields += level == 0
        elif isinstance(node, FragmentSpreadNode):
            fragment = fragments.get(node.name.value, _Size())
            depth = max(depth, level + fragment.depth)
            aliases += fragment.aliases
            root_fields += fragment.root_fields if level == 0 else 0
            directives += fragment.directives
    return _Size(depth, aliases, root_fields, directives)
