"""Queries written from the schema: a route to any field of it, and all fields at once. So new fields are there too.

A field with an argument that has no value here fails the tests that meet it.
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
)

from schema.build import executable_schema, get_scopes

SCHEMA = executable_schema()
TYPES: dict[str, Any] = SCHEMA.type_map

HOUSE = {"communityCode": "10002", "building": 1, "unit": 1, "floor": 1, "room": 101}
VALUES: Mapping[str, Any] = HOUSE | {
    "communityCodes": "10002",
    "code": "10002",
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
    "RejectShenhesInput.reason": "照片不清晰",
    "value": "10",
    "SetModuleInput.name": "CLOUD_PARKING",
    "SetModulesInput.name": "CLOUD_PARKING",
    "UpdateRepairInput.status": "RESOLVED",
    "UpdateRepairsInput.status": "RESOLVED",
}
"""A value for each required argument and input field, of a list for its items; "Type.field" before "field". It is given
to input fields that are not required, too.
"""

Ids = Mapping[str, str]
"""A node id for each type, by the type's name."""


class EnumValue(str):
    """Written without quotes in a query."""

    __slots__ = ()


class Field(NamedTuple):
    """A field of the schema: `parent` is the name of its object type."""

    parent: str
    name: str

    def __str__(self) -> str:
        return f"{self.parent}.{self.name}"

    @property
    def definition(self) -> GraphQLField:
        field: GraphQLField = TYPES[self.parent].fields[self.name]
        return field

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

    def document(
        self, ids: Ids, *, without_last: bool = False, more: Mapping[str, Any] = MappingProxyType({})
    ) -> tuple[str, dict[str, Any]]:
        """The query and its variables, named like the arguments; `without_last`, what leads to the last field alone.

        `more` are arguments of the first field besides those that it requires.
        """
        variables: dict[str, Any] = {}
        declared: list[str] = []
        text, closing = "", ""
        for field in self.fields[:-1] if without_last else self.fields:
            is_first, given = field is self.fields[0], []
            for name, argument in field.definition.args.items():
                if is_required_argument(argument) or name == "communityCode" or (is_first and name in more):
                    variable = name if name not in variables else f"{name}{len(variables)}"
                    own = more.get(name) if is_first else None
                    its = example(argument.type, name, self.on or str(field), ids, self.on) if own is None else own
                    variables[variable] = its
                    declared.append(f"${variable}: {argument.type}")
                    given.append(f"{name}: ${variable}")
                elif name == "first":
                    given.append("first: 3")
            text += field.name + (f"({', '.join(given)})" if given else "")
            if is_composite_type(get_named_type(field.definition.type)):
                within = f"... on {self.on} {{ " if self.on and is_first and len(self.fields) > 1 else ""
                text += f" {{ __typename {within}"
                closing += "}}" if within else "}"
            text += " "
        header = f"({', '.join(declared)})" if declared else ""
        return f"{self.fields[0].parent.lower()} Route{header} {{ {text}{closing} }}", variables


def root_routes(operation: str) -> list[Route]:
    """To each field of Query, Mutation or Subscription."""
    return [Route((Field(operation, name),)) for name in TYPES[operation].fields]


def node_types() -> list[str]:
    """The types that have a node id which can be read again."""
    return sorted(found.name for found in SCHEMA.get_possible_types(TYPES["Node"]))


def record_type(place: str) -> str:
    """The type of the record whose id a field or an input asks for: it is in its name, or any will do."""
    return next((name for name in node_types() if name.lower() in place.lower()), "House")


def scoped_routes() -> Iterator[Route]:
    """To each field that requires a scope the shortest from a root, and that by the id of its record if it has one."""
    for parent, found in TYPES.items():
        if isinstance(found, GraphQLObjectType) and not parent.startswith("__"):
            for field in (Field(parent, name) for name in found.fields):
                if field.scopes:
                    yield Route((*_ways("Query", "Mutation", "Subscription")[parent], field))
                    if parent in node_types():
                        yield Route((Field("Query", "node"), field), on=parent)


@cache
def _ways(*roots: str) -> dict[str, tuple[Field, ...]]:
    """For each type with fields the fewest that lead to it from one of these."""
    known: dict[str, tuple[Field, ...]] = {}
    waiting: deque[tuple[str, tuple[Field, ...]]] = deque((name, ()) for name in roots)
    while waiting:
        parent, way = waiting.popleft()
        if parent in known:
            continue
        known[parent] = way
        for name, definition in TYPES[parent].fields.items():
            led_to = get_named_type(definition.type)
            if is_composite_type(led_to):
                waiting.append((led_to.name, (*way, Field(parent, name))))
    return known


def example(kind: GraphQLInputType, name: str, place: str, ids: Ids, on: str | None = None) -> Any:
    """A value for the argument or input field `name` of `place`."""
    if isinstance(kind, GraphQLNonNull):
        return example(kind.of_type, name, place, ids, on)
    if isinstance(kind, GraphQLList):
        return [example(kind.of_type, name, place, ids, on)]
    if name in ("id", "ids"):
        return ids[on or record_type(place)]
    for known in (f"{place}.{name}", name):
        if known in VALUES:
            return VALUES[known]
    if isinstance(kind, GraphQLInputObjectType):
        return _required(kind, ids)
    if isinstance(kind, GraphQLEnumType):
        return EnumValue(next(iter(kind.values)))
    raise KeyError(f"no value for {place}({name}): give it one in VALUES")


def _required(kind: GraphQLInputObjectType, ids: Ids) -> dict[str, Any]:
    return {
        each: example(its.type, each, kind.name, ids)
        for each, its in kind.fields.items()
        if is_required_input_field(its) or f"{kind.name}.{each}" in VALUES
    }


def texts_within(kind: GraphQLInputType, ids: Ids, text: str) -> Iterator[tuple[str, Any]]:
    """Values of this kind, each an example but for one text in it that is this one, and the path to it."""
    match get_nullable_type(kind):
        case GraphQLList(of_type=item):
            yield from ((path, [value]) for path, value in texts_within(item, ids, text))
        case GraphQLInputObjectType() as its:
            required = {} if its.name == "PayerInput" else _required(its, ids)  # it has one of its fields
            for name, field in its.fields.items():
                for path, value in texts_within(field.type, ids, text):
                    yield f".{name}{path}", required | {name: value}
        case GraphQLScalarType(name="String" | "ID"):
            yield "", text


def arguments(field: Field, ids: Ids, lists: str = "") -> str:
    """What a field requires, written in a query. `lists` are arguments of a list."""
    given = [
        f"{name}: {literal(example(its.type, name, str(field), ids))}"
        for name, its in field.definition.args.items()
        if is_required_argument(its) or (name == "communityCode" and "communityCodes" in field.definition.args)
    ]
    given += [lists] if lists and "first" in field.definition.args else []
    return f"({', '.join(given)})" if given else ""


def literal(value: Any) -> str:
    """A value as it is written in a query."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {literal(its)}' for name, its in value.items())}}}"
    if isinstance(value, EnumValue):
        return value
    return f"[{', '.join(map(literal, value))}]" if isinstance(value, list) else json.dumps(value, ensure_ascii=False)


class WholeSchema:
    """`queries` has a query for each field of Query, `fields` what they ask for, as "Type.field".

    A type is asked for all its fields where a query meets it first, and wherever else for those that lead no further.
    """

    def __init__(self, ids: Ids | None = None) -> None:
        self._ids = dict.fromkeys(node_types(), "3") if ids is None else ids
        self.fields: set[str] = set()
        self.queries = {name: f"{{ {self._field(Field('Query', name), set())} }}" for name in TYPES["Query"].fields}

    def _field(self, field: Field, met: set[str]) -> str:
        self.fields.add(str(field))
        if str(field) == "Query.nodes":
            given = f"(ids: {literal([*self._ids.values()])})"
        else:
            given = arguments(field, self._ids, "first: 3")
        return f"{field.name}{given} {self._selection(get_named_type(field.definition.type), met)}"

    def _selection(self, named: Any, met: set[str]) -> str:
        if not is_composite_type(named):
            return ""
        is_first = named.name not in met
        met.add(named.name)
        chosen = ["__typename"]
        for name, field in named.fields.items():
            its = get_named_type(field.type)
            is_plain = not is_composite_type(its) or not any(
                is_composite_type(get_named_type(part.type)) for part in its.fields.values()
            )
            if is_first or is_plain:
                chosen.append(self._field(Field(named.name, name), met))
        return "{ " + " ".join(chosen) + " }"


def output_fields() -> set[str]:
    """Every field of every type that Query leads to, as "Type.field"."""
    return {f"{parent}.{name}" for parent in _ways("Query") for name in TYPES[parent].fields}
