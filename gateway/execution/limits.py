"""What a document may ask for at most, checked before it is validated or run.

An operation is measured as if every fragment were written out where it is spread, yet each fragment is walked only
once: the work is linear in the document, even where the written-out operation is exponentially larger.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from gateway.errors import QueryTooComplexError

Definition: TypeAlias = OperationDefinitionNode | FragmentDefinitionNode

LARGEST_REPORTED = 2**31 - 1
"""Written-out sizes are exponential and may not fit a JSON number: this much is as good as infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Counts, all of them inclusive: `tokens` of the document, the rest of each operation with its fragments."""

    tokens: int
    depth: int
    aliases: int
    root_fields: int
    directives: int


class Size(NamedTuple):
    """The size of an operation or a fragment, its fragments written out. `depth` counts nested fields."""

    depth: int = 0
    aliases: int = 0
    root_fields: int = 0
    directives: int = 0


def check_limits(document: DocumentNode, limits: Limits) -> None:
    """Raises QueryTooComplexError when an operation of the document is beyond a limit.

    A document whose fragments spread each other in a circle passes: it has no size, and validation refuses it.
    """
    try:
        fragments = _measure_fragments(document)
    except CycleError:
        return
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            size = _measure(definition, fragments)
            _require("depth", "levels of nested fields", size.depth, limits.depth)
            _require("aliases", "aliases", size.aliases, limits.aliases)
            _require("rootFields", "root fields", size.root_fields, limits.root_fields)
            _require("directives", "directives", size.directives, limits.directives)


def _require(limit: str, noun: str, requested: int, bound: int) -> None:
    if requested > bound:
        requested = min(requested, LARGEST_REPORTED)
        raise QueryTooComplexError(
            f"The operation has {requested} {noun}; the limit is {bound}", limit, bound, requested
        )


def _measure_fragments(document: DocumentNode) -> dict[str, Size]:
    """Each fragment after those it spreads. Raises CycleError."""
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    spreads = {name: set(_spread_names(fragment)) for name, fragment in fragments.items()}
    sizes: dict[str, Size] = {}
    for name in TopologicalSorter(spreads).static_order():
        if name in fragments:
            sizes[name] = _measure(fragments[name], sizes)
    return sizes


def _spread_names(fragment: FragmentDefinitionNode) -> Iterator[str]:
    for selection, _ in _selections(fragment.selection_set):
        if isinstance(selection, FragmentSpreadNode):
            yield selection.name.value


def _measure(definition: Definition, fragments: dict[str, Size]) -> Size:
    depth = aliases = root_fields = 0
    directives = len(definition.directives or ())
    for selection, level in _selections(definition.selection_set):
        directives += len(selection.directives or ())
        if isinstance(selection, FieldNode):
            depth = max(depth, level + 1)
            aliases += selection.alias is not None
            root_fields += level == 0
        elif isinstance(selection, FragmentSpreadNode):
            fragment = fragments.get(selection.name.value, Size())
            depth = max(depth, level + fragment.depth)
            aliases += fragment.aliases
            root_fields += fragment.root_fields if level == 0 else 0
            directives += fragment.directives
    return Size(depth, aliases, root_fields, directives)


def _selections(root: SelectionSetNode) -> Iterator[tuple[SelectionNode, int]]:
    """Every selection under `root` and how many fields enclose it, without recursion."""
    pending = [(root, 0)]
    while pending:
        selection_set, level = pending.pop()
        for selection in selection_set.selections:
            yield selection, level
            if isinstance(selection, FragmentSpreadNode):
                continue
            nested = selection.selection_set  # type: ignore[attr-defined] # the other two kinds have one
            if nested:
                pending.append((nested, level + isinstance(selection, FieldNode)))
