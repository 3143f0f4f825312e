"""How much introspection tells: it calls nobody, but its answer is long, and aliases may ask for it again and again."""

from collections.abc import Mapping

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    introspection_types,
    is_abstract_type,
)

FIELDS_PER_CALL = 30
"""Fields of introspection that weigh as much as a call of a platform."""

ENTRIES: Mapping[str, GraphQLNamedType] = {
    "__schema": introspection_types["__Schema"],
    "__type": introspection_types["__Type"],
}
"""The types that introspection begins with, by the root field."""


def usual_items(schema: GraphQLSchema) -> Mapping[str, float]:
    """How many values a field of introspection has in this schema on average; those that are not here have one."""
    types = schema.type_map.values()
    composites = [kind for kind in types if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)]
    fields = [field for kind in composites for field in kind.fields.values()]
    of_all_types = {
        "fields": len(fields),
        "interfaces": sum(len(kind.interfaces) for kind in composites),
        "inputFields": sum(len(kind.fields) for kind in types if isinstance(kind, GraphQLInputObjectType)),
        "enumValues": sum(len(kind.values) for kind in types if isinstance(kind, GraphQLEnumType)),
        "possibleTypes": sum(len(schema.get_possible_types(kind)) for kind in types if is_abstract_type(kind)),
    }
    return {name: total / len(types) for name, total in of_all_types.items()} | {
        "types": len(types),
        "directives": len(schema.directives),
        "args": sum(len(field.args) for field in fields) / len(fields),
        "ofType": 0.5,  # half of all types are of no other
    }
