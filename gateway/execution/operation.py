"""An operation of a document, prepared once: what plans need of it, and whether they cover it."""

from dataclasses import dataclass

from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)
from graphql.execution.collect_fields import FragmentDetails

from gateway.execution.variables import Variables

CONDITIONS = ("skip", "include")


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A query, its document's fragments, and the variables that decide which fields are asked for.

    `tokens` is the length of the document.
    """

    node: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    fragment_definitions: dict[str, FragmentDefinitionNode]
    variables: Variables
    conditions: tuple[str, ...]
    tokens: int


def find_operation(schema: GraphQLSchema, document: DocumentNode, name: str | None) -> Operation | None:
    """The query that a plan could be made of.

    None for whatever graphql-core has to answer: mutations and subscriptions, names that fit none or several, and
    documents with fragment arguments or directives other than @skip and @include (such as @defer and @stream).
    """
    fragments: dict[str, FragmentDetails] = {}
    operations = []
    directives: list[DirectiveNode] = []
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            if definition.variable_definitions:
                return None
            fragments[definition.name.value] = FragmentDetails(definition)
            _collect_directives(definition, directives)
        elif isinstance(definition, OperationDefinitionNode):
            _collect_directives(definition, directives)
            if name is None or (definition.name and definition.name.value == name):
                operations.append(definition)
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        return None
    if any(directive.name.value not in CONDITIONS for directive in directives):
        return None
    node = operations[0]
    definitions = {name: fragment.definition for name, fragment in fragments.items()}
    variables = Variables(schema, node.variable_definitions or ())
    return Operation(node, fragments, definitions, variables, _variables_of(directives), document.token_count)


def _collect_directives(
    node: OperationDefinitionNode | FragmentDefinitionNode | SelectionNode, found: list[DirectiveNode]
) -> None:
    found.extend(node.directives or ())
    selection_set: SelectionSetNode | None = getattr(node, "selection_set", None)
    if selection_set:
        for selection in selection_set.selections:
            _collect_directives(selection, found)


def _variables_of(directives: list[DirectiveNode]) -> tuple[str, ...]:
    names = {
        argument.value.name.value
        for directive in directives
        for argument in directive.arguments or ()
        if isinstance(argument.value, VariableNode)
    }
    return tuple(sorted(names))
