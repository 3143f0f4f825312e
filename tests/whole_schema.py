"""Queries that ask for every field of the schema, written from the schema itself."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_required_argument,
)

from schema.build import executable_schema

SCHEMA = executable_schema()
TYPES: dict[str, Any] = SCHEMA.type_map

ARGUMENTS = {
    "communityCode": '"10002"',
    "code": '"10002"',
    "address": '{communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101}',
    "building": "1",
    "unit": "1",
    "floor": "1",
    "room": "101",
    "name": '"王芳"',
    "phone": '"19900000002"',
    "number": '"20201213104759976889"',
    "id": '"3"',
    "ids": '["3"]',
}
"""A value for each argument that some field requires."""


class WholeSchema:
    """`queries` has a query for each field of Query, `fields` what they ask for, as "Type.field".

    A type is asked for all its fields where a query meets it first, and wherever else for those that lead no further.
    `lists` are arguments for every list; `values` go before ARGUMENTS, by the names of a field and its argument.
    """

    def __init__(self, lists: str = "first: 3", values: Mapping[str, str] = MappingProxyType({})) -> None:
        self._lists = lists
        self._values = {**ARGUMENTS, **values}
        self.fields: set[str] = set()
        self.queries = {name: f"{{ {self._field('Query', name, set())} }}" for name in SCHEMA.query_type.fields}

    def _field(self, parent: str, name: str, met: set[str]) -> str:
        self.fields.add(f"{parent}.{name}")
        field = SCHEMA.get_type(parent).fields[name]
        given = [
            f"{arg}: {self._values.get(f'{name}.{arg}', self._values.get(arg))}"
            for arg, its in field.args.items()
            if is_required_argument(its) or (arg == "communityCode" and "communityCodes" in field.args)
        ]
        if "first" in field.args:
            given.append(self._lists)
        arguments = f"({', '.join(given)})" if given else ""
        return f"{name}{arguments} {self._selection(field.type, met)}"

    def _selection(self, output: GraphQLOutputType, met: set[str]) -> str:
        named = get_named_type(output)
        if _is_plain(output):
            return ""
        is_first = named.name not in met
        met.add(named.name)
        chosen = ["__typename"]
        for name, field in TYPES[named.name].fields.items():
            if is_first or _is_plain(field.type) or all(_is_plain(part.type) for part in _parts(field.type)):
                chosen.append(self._field(named.name, name, met))
        return "{ " + " ".join(chosen) + " }"


def output_fields() -> set[str]:
    """Every field of every type that Query leads to, as "Type.field"."""
    found: set[str] = set()
    waiting = [SCHEMA.query_type]
    while waiting:
        parent = waiting.pop()
        for name, field in parent.fields.items():
            if f"{parent.name}.{name}" not in found:
                found.add(f"{parent.name}.{name}")
                if not _is_plain(field.type):
                    waiting.append(get_named_type(field.type))
    return found


def _is_plain(output: GraphQLOutputType) -> bool:
    return not isinstance(get_named_type(output), GraphQLObjectType | GraphQLInterfaceType)


def _parts(output: GraphQLOutputType) -> list[GraphQLField]:
    return list(TYPES[get_named_type(output).name].fields.values())
