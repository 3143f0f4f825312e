"""The schema fulfils the public contract, and every element has a description."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    Undefined,
    build_schema,
    is_specified_scalar_type,
    value_from_ast_untyped,
)

from gateway.announcements import MOST_IMAGES
from gateway.auth.masking import mask_text
from gateway.entities import LISTS
from gateway.execution.strawberry_adapter import get_attribute
from gateway.orders.writes import LARGEST_AMOUNT, LONGEST_TITLE, MOST_DETAILS
from gateway.repairs import LONGEST_REPLY
from gateway.shenhe.writes import LONGEST_REASON
from schema.build import executable_schema, export_sdl, get_scopes
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


def test_descriptions_name_scopes_and_masks():
    """As in GraphiQL: introspection has no directives of fields."""
    described = dict(descriptions())

    assert described["House.orders"].endswith(" (订单). Needs the scope `order:read`.")
    assert described["Member.phone"].endswith(" (手机号码). Masked without the scope `pii:read`.")
    assert described["Person.birthDate"].endswith(" (出生日期). Null without the scope `pii:read`.")
    undocumented = [
        f"{graphql_type.name}.{name}"
        for graphql_type in types(SCHEMA)
        if isinstance(graphql_type, GraphQLObjectType)
        for name, field in graphql_type.fields.items()
        for scope in get_scopes(field)
        if f"`{scope}`" not in field.description
    ]
    assert undocumented == []


def test_text_descriptions_state_number_masking():
    """A frontend that reads `title` would not think of it: nothing is null, and few are named by `maskedFields`."""
    masked = {
        f"{graphql_type.name}.{name}": field.description
        for graphql_type in types(SCHEMA)
        if isinstance(graphql_type, GraphQLObjectType | GraphQLInterfaceType)
        for name, field in graphql_type.fields.items()
        if masks_numbers(field)
    }

    assert {"Order.title", "Person.nation", "Member.jobName", "Shenhe.rejectionReason"} <= set(masked)
    undocumented = [path for path, text in masked.items() if not text.endswith(" masked without the scope `pii:read`.")]
    assert undocumented == []


def test_input_descriptions_state_bounds():
    """Otherwise users learn of the bounds only after they filled the form."""
    described = dict(descriptions())

    bounds = {
        "CreateOrderInput.amount": f"at most {LARGEST_AMOUNT}",
        "CreateOrderInput.title": f"1 to {LONGEST_TITLE} characters",
        "CreateOrderInput.details": f"at most {MOST_DETAILS} lines, with unique names",
        "UpdateRepairInput.reply": f"at most {LONGEST_REPLY} characters",
        "RejectShenheInput.reason": f"at most {LONGEST_REASON} characters",
        "CreateAnnouncementInput.images": f"at most {MOST_IMAGES}",
    }
    assert [path for path, bound in bounds.items() if bound not in described[path]] == []


def masks_numbers(field: GraphQLField) -> bool:
    declared = get_attribute(field)
    return declared is not None and declared.through is mask_text


def test_scalars_name_their_specification():
    scalars = [found for found in types(SCHEMA) if isinstance(found, GraphQLScalarType)]
    assert {scalar.name for scalar in scalars} == {"Date", "DateTime", "Decimal"}
    assert all(scalar.specified_by_url for scalar in scalars)


def test_checked_in_schema_is_current_and_deprecates_nothing():
    assert "@deprecated" not in SDL.read_text()
    assert SDL.read_text() == export_sdl(), "run: gateway schema > schema/schema.graphql"


def test_every_list_is_shown_and_its_records_are_read_by_id():
    """All else that it has in the schema derives."""
    assert [shown.records for shown in SHOWN] == [*LISTS]
    assert {records.type_name for records in LISTS} <= set(READERS)
