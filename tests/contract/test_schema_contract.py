"""The schema fulfils the public contract, and every element has a description."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLNamedType,
    GraphQLScalarType,
    Undefined,
    build_schema,
    is_specified_scalar_type,
    value_from_ast_untyped,
)

from gateway.entities import LISTS
from schema.build import executable_schema, export_sdl
from schema.community import LISTS as SHOWN
from schema.record import READERS

HERE = Path(__file__).parent
EDITIONS = (HERE / "contract.graphql", *sorted((HERE / "additions").glob("*.graphql")))
"""The first edition, and what the second adds, a file for each part of it."""

PROMISED = build_schema("\n".join(path.read_text() for path in EDITIONS), assume_valid_sdl=True)
SCHEMA = executable_schema()
OURS: dict[str, Any] = SCHEMA.type_map
SDL = Path(__file__).parents[2] / "schema" / "schema.graphql"


def types(schema) -> Iterator[GraphQLNamedType]:
    for name, graphql_type in schema.type_map.items():
        if not name.startswith("__") and not is_specified_scalar_type(graphql_type):
            yield graphql_type


def default(argument) -> object:
    """The default value, however graphql-core keeps it."""
    if argument.default is not None:
        return value_from_ast_untyped(argument.default.literal)
    return None if argument.default_value is Undefined else argument.default_value


def elements(schema) -> Iterator[tuple[str, str]]:
    """What a client of a schema relies on, each with what it is."""
    for graphql_type in types(schema):
        yield graphql_type.name, type(graphql_type).__name__.removeprefix("Custom")
        for interface in getattr(graphql_type, "interfaces", ()):
            yield f"{graphql_type.name} implements {interface.name}", ""
        for name in graphql_type.values if isinstance(graphql_type, GraphQLEnumType) else ():
            yield f"{graphql_type.name}.{name}", ""
        for name, field in getattr(graphql_type, "fields", {}).items():
            arguments = getattr(field, "args", {"default": field})
            yield f"{graphql_type.name}.{name}", str(field.type)
            for argument, value in arguments.items():
                yield f"{graphql_type.name}.{name}({argument})", f"{value.type} = {default(value)!r}"


def test_schema_has_all_that_is_promised():
    ours, promised = dict(elements(SCHEMA)), dict(elements(PROMISED))
    assert len(promised) > 500
    assert {name: ours.get(name) for name in promised} == promised


def test_promised_directives_have_places_and_arguments():
    for promised in PROMISED.directives:
        directive = SCHEMA.get_directive(promised.name)
        if directive is None:  # schema directives are known to Strawberry's printer, not to graphql-core
            printed = re.search(rf"directive @{promised.name}\((.*?)\) on (.*)", export_sdl())
            assert printed is not None
            assert printed[1] == ", ".join(f"{name}: {value.type}" for name, value in promised.args.items())
            assert set(printed[2].split(" | ")) == {location.name for location in promised.locations}


def test_descriptions_are_sentences_in_english_and_chinese():
    """In GraphiQL and in generated code there is nothing else to read."""
    both = re.compile(r"(?s)(?=.*[\u4e00-\u9fff])(?=.*[A-Za-z]{2}).*\.")
    broken = re.compile(r"\) [A-Z]|\bdocument \d")
    wrong = [path for path, text in descriptions() if not both.fullmatch(text or "") or broken.search(text or "")]
    assert wrong == []


def descriptions() -> Iterator[tuple[str, str | None]]:
    for graphql_type in types(SCHEMA):
        yield graphql_type.name, graphql_type.description
        if isinstance(graphql_type, GraphQLEnumType):
            for name, value in graphql_type.values.items():
                yield f"{graphql_type.name}.{name}", value.description
        elif not isinstance(graphql_type, GraphQLScalarType):
            for name, field in OURS[graphql_type.name].fields.items():
                yield f"{graphql_type.name}.{name}", field.description
                for argument, value in getattr(field, "args", {}).items():
                    yield f"{graphql_type.name}.{name}({argument})", value.description


def test_checked_in_schema_is_current_and_deprecates_nothing():
    assert "@deprecated" not in SDL.read_text()
    assert SDL.read_text() == export_sdl(), "run: gateway schema > schema/schema.graphql"


def test_every_list_is_shown_and_its_records_are_read_by_id():
    """All else that it has in the schema derives."""
    assert [shown.records for shown in SHOWN] == [*LISTS]
    assert {records.type_name for records in LISTS} <= set(READERS)
