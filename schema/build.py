"""Assembles the schema."""

from collections.abc import Iterable
from functools import cache

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
)
from strawberry.schema.config import StrawberryConfig

from gateway.execution.cost import Cost
from schema.directives import Pii, RequiresScope
from schema.mutations.mutation import Mutation
from schema.normalise.vocabulary import HouseType
from schema.queries.query import Query
from schema.scalars import SCALARS
from schema.subscriptions.subscription import Subscription
from schema.types.costs import COST, NOTHING


@cache
def build_schema() -> strawberry.Schema:
    """The one schema of the process."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[HouseType],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    _drop_null_defaults(schema._schema)
    _declare_one_of(schema._schema)
    _tell_of_directives(schema._schema)
    return schema


def _drop_null_defaults(schema: GraphQLSchema) -> None:
    """An optional argument has no default in the contract; Strawberry takes Python's `= None` for a default of null."""
    for graphql_type in schema.type_map.values():
        if isinstance(graphql_type, GraphQLInputObjectType):
            inputs: Iterable[GraphQLInputField | GraphQLArgument] = graphql_type.fields.values()
        elif isinstance(graphql_type, GraphQLObjectType | GraphQLInterfaceType):
            inputs = [argument for field in graphql_type.fields.values() for argument in field.args.values()]
        else:
            continue
        for value in inputs:
            if value.default_value is None:
                value.default_value = Undefined


def _declare_one_of(schema: GraphQLSchema) -> None:
    """Have graphql-core validate `@oneOf`; Strawberry only checks values, and graphql-core takes that for a bug."""
    for graphql_type in schema.type_map.values():
        if isinstance(graphql_type, GraphQLInputObjectType):
            definition = graphql_type.extensions.get("strawberry-definition")
            graphql_type.is_one_of = getattr(definition, "is_one_of", False)


def _tell_of_directives(schema: GraphQLSchema) -> None:
    """Have descriptions say what the directives say, for who has nothing else: GraphiQL, and code made of a schema."""
    for graphql_type in schema.type_map.values():
        if isinstance(graphql_type, GraphQLObjectType | GraphQLInterfaceType):
            for field in graphql_type.fields.values():
                notes = [directive.note for directive in _directives_of(field)]
                if notes:
                    field.description = " ".join([field.description or "", *notes])


def _directives_of(field: GraphQLField) -> list[RequiresScope | Pii]:
    definition = field.extensions.get("strawberry-definition")
    declared = getattr(definition, "directives", ())
    return [directive for directive in declared if isinstance(directive, RequiresScope | Pii)]


def scopes_of(field: GraphQLField) -> frozenset[str]:
    """The scopes that a field declares with `@requiresScope`."""
    declared = [directive for directive in _directives_of(field) if isinstance(directive, RequiresScope)]
    return frozenset(scope for directive in declared for scope in directive.scopes)


def cost_of(field: GraphQLField) -> Cost:
    """What a field declares with `costs` (`schema/types/costs.py`)."""
    definition = field.extensions.get("strawberry-definition")
    declared: Cost = getattr(definition, "metadata", {}).get(COST, NOTHING)
    return declared


def executable_schema() -> GraphQLSchema:
    """The schema as graphql-core executes it: Strawberry keeps it in an attribute that has no public name yet."""
    return build_schema()._schema


def export_sdl() -> str:
    """The schema definition, as checked in at `schema/schema.graphql`."""
    return build_schema().as_str() + "\n"
