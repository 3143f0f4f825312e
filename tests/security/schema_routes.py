"""From a root of the schema to any field of it, as a query: written from the schema, so that new fields are there too.

A field of the schema with an argument that nobody has given a value here fails the tests that meet it.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_required_argument,
    is_required_input_field,
)

from schema.build import executable_schema, get_scopes

SCHEMA = executable_schema()

VALUES: Mapping[str, Any] = {
    "communityCode": "10002",
    "communityCodes": "10002",
    "code": "10002",
    "building": 1,
    "unit": 1,
    "floor": 1,
    "room": 101,
    "name": "王芳",
    "phone": "19900000002",
    "number": "20201213104759976889",
    "payer": {"phone": {"phone": "19900000002", "name": "王芳"}},
    "title": "物业费",
    "content": "明日停水",
    "amount": "12.30",
    "enabled": True,
    "orderNumber": "20201213104757994399",
    "shopNumber": "1900000109",
    "weixinNumber": "4200000202",
    "idempotencyKey": "security",
    "reason": "照片不清晰",
    "SetModuleInput.name": "CLOUD_PARKING",
    "SetModulesInput.name": "CLOUD_PARKING",
    "UpdateRepairInput.status": "RESOLVED",
    "UpdateRepairsInput.status": "RESOLVED",
}
"""A value for each required argument and input field, of a list for its items; "Type.field" before "field". It is given
to input fields that are not required, too.
"""

RECORD_TYPES = {
    "Query.shenhe": "Shenhe",
    "Query.repair": "Repair",
    "Query.operation": "Operation",
    "Mutation.retryPayment": "Payment",
    "ApproveShenheInput": "Shenhe",
    "RejectShenheInput": "Shenhe",
    "ApproveShenhesInput": "Shenhe",
    "RejectShenhesInput": "Shenhe",
    "UpdateRepairInput": "Repair",
    "UpdateRepairsInput": "Repair",
}
"""The type of the record whose id a field or an input asks for."""

Ids = Mapping[str, str]
"""A node id for each type, by the type's name."""


class Field(NamedTuple):
    """A field of the schema: `parent` is the name of its object type."""

    parent: str
    name: str

    def __str__(self) -> str:
        return f"{self.parent}.{self.name}"

    @property
    def definition(self) -> GraphQLField:
        return object_type(self.parent).fields[self.name]

    @property
    def scopes(self) -> frozenset[str]:
        """What it declares that it needs."""
        return get_scopes(self.definition)


@dataclass(frozen=True)
class Route:
    """Fields from a root to the last. `on` is the type that a node's id names."""

    fields: tuple[Field, ...]
    on: str | None = None

    def __str__(self) -> str:
        names = [field.name for field in self.fields]
        return ".".join(["node", f"({self.on})", *names[1:]] if self.on else [self.fields[0].parent, *names])

    @property
    def scopes(self) -> frozenset[str]:
        """All that is needed on the way."""
        return frozenset().union(*(field.scopes for field in self.fields))

    def document(self, ids: Ids, *, without_last: bool = False) -> tuple[str, dict[str, Any]]:
        """The query and its variables; without the last field, what leads there alone."""
        fields = self.fields[:-1] if without_last else self.fields
        variables: dict[str, Any] = {}
        declared: list[str] = []
        opening, closing = "", ""
        for field in fields:
            given = []
            for name, argument in field.definition.args.items():
                if is_required_argument(argument) or name == "communityCode":
                    variable = f"v{len(variables)}"
                    place = self.on or str(field)
                    variables[variable] = _value(argument.type, name, place, ids, self.on)
                    declared.append(f"${variable}: {argument.type}")
                    given.append(f"{name}: ${variable}")
                elif name == "first":
                    given.append("first: 5")
            arguments = f"({', '.join(given)})" if given else ""
            opening += f"{field.name}{arguments}"
            if isinstance(get_named_type(field.definition.type), GraphQLObjectType | GraphQLInterfaceType):
                opening += " { __typename "
                closing += "}"
                if self.on and field is fields[0] and len(fields) > 1:
                    opening += f"... on {self.on} {{ "
                    closing += "}"
            opening += " "
        kind = self.fields[0].parent.lower()
        header = f"({', '.join(declared)})" if declared else ""
        return f"{kind} Route{header} {{ {opening}{closing} }}", variables


def object_type(name: str) -> GraphQLObjectType:
    found = SCHEMA.type_map[name]
    assert isinstance(found, GraphQLObjectType)
    return found


def fields() -> Iterator[Field]:
    for name, graphql_type in SCHEMA.type_map.items():
        if isinstance(graphql_type, GraphQLObjectType) and not name.startswith("__"):
            yield from (Field(name, field) for field in graphql_type.fields)


def scoped_fields() -> list[Field]:
    return [field for field in fields() if field.scopes]


def node_types() -> list[str]:
    """The types that have a node id which can be read again."""
    node = SCHEMA.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    return sorted(found.name for found in SCHEMA.get_possible_types(node))


def routes_to(field: Field) -> list[Route]:
    """The shortest route from a root, and that by the node id of its record where it has one."""
    routes = [Route((*_ways()[field.parent], field))]
    if field.parent in node_types():
        routes.append(Route((Field("Query", "node"), field), on=field.parent))
    return routes


@cache
def _ways() -> dict[str, tuple[Field, ...]]:
    """For each object type the fewest fields that lead to it from a root."""
    known: dict[str, tuple[Field, ...]] = {}
    waiting: deque[tuple[str, tuple[Field, ...]]] = deque(
        (root.name, ()) for root in (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type) if root
    )
    while waiting:
        parent, way = waiting.popleft()
        if parent in known:
            continue
        known[parent] = way
        for name, definition in object_type(parent).fields.items():
            led_to = get_named_type(definition.type)
            if isinstance(led_to, GraphQLObjectType):
                waiting.append((led_to.name, (*way, Field(parent, name))))
    return known


def _value(kind: GraphQLInputType, name: str, place: str, ids: Ids, on: str | None = None) -> Any:
    if isinstance(kind, GraphQLNonNull):
        return _value(kind.of_type, name, place, ids, on)
    if isinstance(kind, GraphQLList):
        return [_value(kind.of_type, name, place, ids, on)]
    if name in ("id", "ids"):
        return ids[on or RECORD_TYPES[place]]
    if f"{place}.{name}" in VALUES:
        return VALUES[f"{place}.{name}"]
    if name in VALUES:
        return VALUES[name]
    if isinstance(kind, GraphQLInputObjectType):
        return {
            each: _value(its.type, each, kind.name, ids)
            for each, its in kind.fields.items()
            if is_required_input_field(its) or f"{kind.name}.{each}" in VALUES
        }
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    raise KeyError(f"no value for {place}({name}): give it one in VALUES")
