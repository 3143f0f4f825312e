"""The one walk over a document: limits, scopes and costs read what it has found.

A definition becomes a flat list of its selections, each after the field that encloses it. So nothing else needs
recursion: what is counted on the way down reads the list forwards, what is summed on the way up reads it backwards.
"""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple, TypeAlias

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
)

BYTES_PER_TOKEN = 350
"""What one token of a document takes in memory, parsed and outlined: measured and rounded up."""

CACHED_DOCUMENTS = 512
"""Documents that are kept prepared, and operations whose plans are."""

BYTES_PER_ENTRY = 64 * 1024
"""Of memory, on average, before documents and plans leave their caches earlier than their count asks for."""


class Selected(NamedTuple):
    """A field, an inline fragment or a fragment spread.

    `enclosing` is the position of the field around it in the list, -1 without one; `depth` is the number of fields
    around it. `parent` is the type it is selected from. `field` is a field's definition, None if there is none.
    """

    node: SelectionNode
    enclosing: int
    depth: int
    parent: GraphQLNamedType | None
    field: GraphQLField | None


Operation: TypeAlias = tuple[OperationDefinitionNode, list[Selected]]
"""An operation, and what it selects: of the fragments that it spreads no more than their names."""

Fragment: TypeAlias = tuple[FragmentDefinitionNode, list[Selected]]


class Outline:
    """The definitions of a document, which need not be valid.

    `fragments` are by name, each after those that it spreads. Where they spread each other in a circle there is no such
    order, and `is_cyclic` says so.
    """

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self.operations: list[Operation] = []
        self.fragments: dict[str, Fragment] = {}
        self.is_cyclic = False
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                root = schema.get_root_type(node.operation)
                self.operations.append((node, _list_selections(schema, node.selection_set, root)))
            elif isinstance(node, FragmentDefinitionNode):
                type_ = schema.get_type(node.type_condition.name.value)
                self.fragments[node.name.value] = (node, _list_selections(schema, node.selection_set, type_))
        spreads = {
            name: [node.name.value for node, *_ in selections if isinstance(node, FragmentSpreadNode)]
            for name, (_, selections) in self.fragments.items()
        }
        try:
            names = tuple(TopologicalSorter(spreads).static_order())
            self.fragments = {name: self.fragments[name] for name in names if name in self.fragments}
        except CycleError:
            self.is_cyclic = True

    def fields(self) -> Iterator[GraphQLField]:
        """The definition of each field that is selected anywhere in the document."""
        for _, selections in self._all():
            yield from [selected.field for selected in selections if selected.field]

    def root_fields(self, operation: Operation) -> tuple[str, ...]:
        """The names of the fields that an operation of a valid document begins with, those in fragments too."""
        names, pending = [], [operation[1]]
        for selections in pending:
            for node, _enclosing, depth, *_ in selections:
                if depth == 0 and isinstance(node, FieldNode):
                    names.append(node.name.value)
                elif depth == 0 and isinstance(node, FragmentSpreadNode):
                    pending.append(self.fragments[node.name.value][1])
        return tuple(names)

    def directives(self) -> Iterator[DirectiveNode]:
        """Each directive of the document, but those of variables."""
        for definition, selections in self._all():
            for node in (definition, *[selected.node for selected in selections if selected.node.directives]):
                yield from node.directives or ()

    def _all(self) -> tuple[Operation | Fragment, ...]:
        return (*self.operations, *self.fragments.values())


def _list_selections(
    schema: GraphQLSchema, selection_set: SelectionSetNode, root: GraphQLNamedType | None
) -> list[Selected]:
    selections: list[Selected] = []
    pending = [(selection_set, root, -1, 0)]
    for selection_set, parent, enclosing, depth in pending:
        for node in selection_set.selections:
            field = None
            if isinstance(node, FieldNode):
                field = schema.get_field(parent, node.name.value)  # type: ignore[arg-type] # None for any other type
                if node.selection_set:
                    type_ = get_named_type(field.type) if field else None
                    pending.append((node.selection_set, type_, len(selections), depth + 1))
            elif isinstance(node, InlineFragmentNode):
                type_ = schema.get_type(node.type_condition.name.value) if node.type_condition else parent
                pending.append((node.selection_set, type_, enclosing, depth))
            selections.append(Selected(node, enclosing, depth, parent, field))
    return selections
