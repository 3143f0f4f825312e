"""What the fields of a document declare that a caller must hold: gathered once, when the document is prepared."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)

ScopesOf: TypeAlias = Callable[[GraphQLField], frozenset[str]]
"""The scopes that a field of the schema declares."""


def needs_of(schema: GraphQLSchema, document: DocumentNode, scopes_of: ScopesOf) -> frozenset[str]:
    """All scopes that a document's fields declare, directives aside: those of every operation in it."""
    return frozenset(_collect(schema, document, scopes_of))


def _collect(schema: GraphQLSchema, document: DocumentNode, scopes_of: ScopesOf) -> Iterator[str]:
    pending: list[tuple[Any, SelectionSetNode | None]] = []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            pending.append((schema.get_root_type(definition.operation), definition.selection_set))
        elif isinstance(definition, FragmentDefinitionNode):
            pending.append((schema.get_type(definition.type_condition.name.value), definition.selection_set))
    while pending:
        parent, selection_set = pending.pop()
        for selection in selection_set.selections if selection_set else ():
            if isinstance(selection, FieldNode):
                field = schema.get_field(parent, selection.name.value)
                if field is not None:
                    yield from scopes_of(field)
                    pending.append((get_named_type(field.type), selection.selection_set))
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = schema.get_type(condition.name.value) if condition else parent
                pending.append((inner, selection.selection_set))
