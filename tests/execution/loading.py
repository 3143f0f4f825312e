"""Schemas and operations that a test writes down."""

from typing import Any

from graphql import GraphQLSchema, build_schema

from gateway.execution.documents import Documents, Prepared
from gateway.execution.limits import Limits


def make_schema(sdl: str, resolvers: dict[str, Any]) -> GraphQLSchema:
    """The schema, with resolvers by "Type.field"."""
    schema = build_schema(sdl)
    types: dict[str, Any] = schema.type_map
    for name, resolve in resolvers.items():
        type_name, field_name = name.split(".")
        types[type_name].fields[field_name].resolve = resolve
    return schema


def prepare(schema: GraphQLSchema, text: str, name: str | None = None) -> Prepared:
    """An operation of a document that may be of any size."""
    any_size = Limits(tokens=20_000, depth=100, aliases=2_000, root_fields=2_000, directives=2_000)
    return Documents(schema, any_size).prepare(text, name)
