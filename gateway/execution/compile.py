"""From an operation to the tree of a plan.

graphql-core collects the fields: fragments, merged fields, @skip and @include are its own. What is decided here is, for
each field, where its value comes from (`_origin`) and what shape it takes (`_shape`).
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

import structlog
from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    default_field_resolver,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet, collect_fields, collect_subfields
from graphql.execution.values import VariableValues

from gateway.execution.arguments import Arguments
from gateway.execution.operation import Operation
from gateway.execution.plan import (
    Abstract,
    Constant,
    FieldPosition,
    Leaf,
    ListOf,
    Object,
    Origin,
    PlannedField,
    ResolverCall,
    Selection,
    Shape,
    UnplannableError,
)
from gateway.execution.strawberry_adapter import StrawberryFields

log = structlog.get_logger(__name__)

MAX_FIELDS = 1_000
"""Entries of all selections of a plan together. Making the code takes about 25 µs for each, and nothing else runs
meanwhile; larger operations are left to graphql-core."""


class TooManyFieldsError(UnplannableError):
    """The plan would have more fields than it may."""


def compile_operation(
    fields: StrawberryFields,
    operation: Operation,
    variables: VariableValues,
    variant: Hashable = None,
    most_fields: int = MAX_FIELDS,
) -> Selection:
    """The selection of the query's root, for requests of this variant.

    Of the variables only those in @skip and @include are read. Raises UnplannableError.
    """
    try:
        return _Compiler(operation.schema, fields, operation, variables, variant, most_fields).root()
    except (GraphQLError, RecursionError) as error:
        raise UnplannableError("graphql-core has to report what is wrong") from error
    except Exception as error:
        log.warning("operation cannot be planned", exc_info=error)
        raise UnplannableError("not understood") from error


@dataclass(slots=True)
class _Compiler:
    _schema: GraphQLSchema
    _strawberry: StrawberryFields
    _operation: Operation
    _variables: VariableValues
    _variant: Hashable
    _fields_left: int
    _selections: dict[tuple[str, str, tuple[int, ...]], Selection] = field(default_factory=dict)

    def root(self) -> Selection:
        root_type = self._schema.query_type
        if root_type is None:
            raise UnplannableError("the schema has no queries")
        operation = self._operation
        collected = collect_fields(self._schema, operation.fragments, self._variables, root_type, operation.node)
        selection = Selection(root_type, (), None)
        self._fill(selection, collected.grouped_field_set)
        return selection

    def _fill(self, selection: Selection, grouped: GroupedFieldSet) -> None:
        self._fields_left -= len(grouped)
        if self._fields_left < 0:
            raise TooManyFieldsError("too many fields")
        for key, details in grouped.items():
            selection.fields.append(self._field(selection, key, details))

    def _field(self, selection: Selection, key: str, details: FieldDetailsList) -> PlannedField:
        nodes = [detail.node for detail in details]
        name = nodes[0].name.value
        definition = self._schema.get_field(selection.type, name)
        if definition is None or name in ("__schema", "__type"):
            raise UnplannableError(f"{name} is introspection or unknown")
        position = FieldPosition(name, nodes, definition.type, selection.type)
        path = (*selection.path, name)
        shape = self._shape(definition.type, position, path, details)
        return PlannedField(key, path, position, self._origin(definition, position), shape)

    def _origin(self, definition: GraphQLField, position: FieldPosition) -> Origin:
        node = position.nodes[0]
        if position.name == "__typename":
            return Constant(position.parent_type.name)
        resolve = definition.resolve or default_field_resolver
        return self._strawberry.origin(definition, node, self._variant) or ResolverCall(
            resolve, ((None, "source"), (None, "info")), Arguments(definition, node)
        )

    def _shape(
        self, type_: GraphQLOutputType, position: FieldPosition, path: tuple[str, ...], details: FieldDetailsList
    ) -> Shape:
        nullable = not is_non_null_type(type_)
        if is_non_null_type(type_):
            type_ = type_.of_type
        if is_leaf_type(type_):
            return Leaf(type_, nullable)
        if is_list_type(type_):
            return ListOf(self._shape(type_.of_type, position, path, details), nullable)
        if is_object_type(type_):
            return Object(self._selection(type_, position, path, details), nullable)
        if is_abstract_type(type_):
            selections = {
                possible.name: self._selection(possible, position, (*path, possible.name), details)
                for possible in self._schema.get_possible_types(type_)
            }
            return Abstract(type_, selections, nullable)
        raise UnplannableError(f"{type_} is of an unknown kind")

    def _selection(
        self, type_: GraphQLObjectType, position: FieldPosition, path: tuple[str, ...], details: FieldDetailsList
    ) -> Selection:
        """One selection for one type, field and set of nodes, however many types of parents lead to it."""
        key = (type_.name, position.parent_type.name, tuple(id(detail.node) for detail in details))
        selection = self._selections.get(key)
        if selection is None:
            selection = self._selections[key] = Selection(type_, path, position)
            collected = collect_subfields(
                self._schema, self._operation.fragments, self._variables, self._operation.node, type_, details
            )
            self._fill(selection, collected.grouped_field_set)
        return selection
