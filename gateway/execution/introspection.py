"""What introspection weighs: how many fields its answer has about, and how many one operation may have.

Introspection calls nobody, but its answer is long, and aliases may ask for it again and again. Each field is counted as
often as it is resolved in an average type of the schema; directly below `__type`, whose type may be the largest one, as
often as in that. The sum is compared with that of the complete introspection query of the same schema: no tool sends
much more than that.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_introspection_query,
    is_abstract_type,
    is_introspection_type,
    parse,
)

from gateway.execution.outline import Operation, Outline, Selected

ROOTS = frozenset(("__schema", "__type"))
"""The fields that introspection begins with."""

FIELDS_PER_CALL = 30
"""Fields of introspection that weigh as much as a call of a platform."""

MARGIN = 2
"""How many times as much as the complete introspection query an operation may introspect: tools differ."""


class _Items(NamedTuple):
    """How many values a field of introspection has in one schema; a field that is not named has one."""

    usual: Mapping[str, float]
    most: Mapping[str, float]

    @property
    def skew(self) -> float:
        """How much more than usual the largest type can have of one of them."""
        return max([most / (self.usual[name] or 1) for name, most in self.most.items()], default=1.0)


def count_fields(schema: GraphQLSchema, outline: Outline, operation: Operation) -> float:
    """How many fields the introspection in an operation of a valid document has in its answer, about."""
    parts: dict[str | None, list[Selected]] = {name: each for name, (_, each) in outline.fragments.items()}
    parts[None] = operation[1]
    if not any(_begins(selected) for selections in parts.values() for selected in selections):
        return 0
    items = _items(schema)
    weights: dict[str | None, float] = {}
    for name, selections in parts.items():
        sums: list[float] = [0] * (len(selections) + 1)  # of what each selection encloses, and last, at -1, of all
        for position in reversed(range(len(selections))):
            node, enclosing, _depth, parent, _field = selections[position]
            is_of_one_type = enclosing >= 0 and _name(selections[enclosing]) == "__type"
            if isinstance(node, FragmentSpreadNode):
                sums[enclosing] += weights[node.name.value] * (items.skew if is_of_one_type else 1)
            elif isinstance(node, FieldNode) and parent and is_introspection_type(parent):
                times = (items.most if is_of_one_type else items.usual).get(node.name.value, 1)
                sums[enclosing] += 1 + times * sums[position]
            else:
                sums[enclosing] += sums[position]
        weights[name] = sums[-1]
    return weights[None]


def _begins(selected: Selected) -> bool:
    return _name(selected) in ROOTS


def _name(selected: Selected) -> str | None:
    return selected.node.name.value if isinstance(selected.node, FieldNode) else None


@lru_cache(maxsize=4)
def most_fields(schema: GraphQLSchema) -> int:
    """How many fields of introspection an answer of this schema may have, as `count_fields` counts them."""
    complete = get_introspection_query(
        descriptions=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )
    outline = Outline(schema, parse(complete, no_location=True))
    return MARGIN * int(count_fields(schema, outline, outline.operations[0]))


@lru_cache(maxsize=4)
def _items(schema: GraphQLSchema) -> _Items:
    types = schema.type_map.values()
    composites = [kind for kind in types if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)]
    fields = [field for kind in composites for field in kind.fields.values()]
    by_type = {
        "fields": [len(kind.fields) for kind in composites],
        "interfaces": [len(kind.interfaces) for kind in composites],
        "inputFields": [len(kind.fields) for kind in types if isinstance(kind, GraphQLInputObjectType)],
        "enumValues": [len(kind.values) for kind in types if isinstance(kind, GraphQLEnumType)],
        "possibleTypes": [len(schema.get_possible_types(kind)) for kind in types if is_abstract_type(kind)],
    }
    usual = {name: sum(counts) / len(types) for name, counts in by_type.items()} | {
        "types": len(types),
        "directives": len(schema.directives),
        "args": sum(len(field.args) for field in fields) / len(fields),
        "ofType": 0.5,  # half of all types are of no other
    }
    return _Items(usual, {name: max(counts, default=0) for name, counts in by_type.items()})
