"""The schema fulfils the public contract, and every element has a description."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    Undefined,
    build_schema,
    is_specified_scalar_type,
    value_from_ast_untyped,
)

from gateway.actions.order import LARGEST_AMOUNT, LONGEST_TITLE
from gateway.auth.masking import mask_text
from gateway.auth.principal import Scope
from schema.announcement import MOST_IMAGES
from schema.build import executable_schema, export_sdl, get_scopes
from schema.order import MOST_DETAILS
from schema.repair import LONGEST_REPLY
from schema.shenhe import LONGEST_REASON

HERE = Path(__file__).parent
EDITIONS = (HERE / "contract.graphql", *sorted((HERE / "additions").glob("*.graphql")))
"""The first edition, and what the second adds, a file for each part of it."""

PROMISED = build_schema("\n".join(path.read_text() for path in EDITIONS), assume_valid_sdl=True)
SCHEMA = executable_schema()
OURS: dict[str, Any] = SCHEMA.type_map
THEIRS: dict[str, Any] = PROMISED.type_map
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


def promised_fields() -> Iterator[tuple[str, str, GraphQLField]]:
    for graphql_type in types(PROMISED):
        if isinstance(graphql_type, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for name, field in graphql_type.fields.items():
                yield graphql_type.name, name, field


@pytest.mark.parametrize("name", [graphql_type.name for graphql_type in types(PROMISED)])
def test_promised_types_exist_with_their_kind(name):
    assert isinstance(OURS[name], type(THEIRS[name]))


@pytest.mark.parametrize(("type_name", "name", "promised"), list(promised_fields()), ids=lambda value: str(value)[:40])
def test_promised_fields_have_types_and_defaults(type_name, name, promised):
    field = OURS[type_name].fields[name]

    assert str(field.type) == str(promised.type)
    if isinstance(promised, GraphQLField):
        assert {argument: str(field.args[argument].type) for argument in promised.args} == {
            argument: str(value.type) for argument, value in promised.args.items()
        }
        assert [default(field.args[argument]) for argument in promised.args] == [
            default(value) for value in promised.args.values()
        ]
    else:
        assert repr(default(field)) == repr(default(promised))


@pytest.mark.parametrize("name", [found.name for found in types(PROMISED) if isinstance(found, GraphQLEnumType)])
def test_promised_enums_have_their_members(name):
    assert set(THEIRS[name].values) <= set(OURS[name].values)


@pytest.mark.parametrize("name", [found.name for found in types(PROMISED) if isinstance(found, GraphQLObjectType)])
def test_promised_types_implement_their_interfaces(name):
    implemented = {interface.name for interface in OURS[name].interfaces}

    assert {interface.name for interface in THEIRS[name].interfaces} <= implemented


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("operations", {"filter": "OperationFilter", "communityCode": "ID"}),
        ("payments", {"filter": "PaymentFilter", "communityCode": "ID"}),
    ],
)
def test_lists_of_the_journal_take_a_filter(name, arguments):
    found = OURS["Query"].fields[name].args

    assert {argument: str(found[argument].type) for argument in arguments} == arguments


def test_nothing_is_deprecated_before_the_first_release():
    assert "@deprecated" not in SDL.read_text()


def test_promised_directives_have_places_and_arguments():
    for promised in PROMISED.directives:
        directive = SCHEMA.get_directive(promised.name)
        if directive is None:  # schema directives are known to Strawberry's printer, not to graphql-core
            printed = re.search(rf"directive @{promised.name}\((.*?)\) on (.*)", export_sdl())
            assert printed is not None
            assert printed[1] == ", ".join(f"{name}: {value.type}" for name, value in promised.args.items())
            assert set(printed[2].split(" | ")) == {location.name for location in promised.locations}


def test_schema_is_described_in_english_and_chinese():
    undescribed = [
        path
        for path, description in descriptions()
        if not description
        or not re.search(r"[\u4e00-\u9fff]", description)
        or not re.search(r"[A-Za-z]{2}", description)
    ]

    assert undescribed == []


def test_descriptions_are_self_contained_sentences():
    """In GraphiQL and in generated code there is nothing else to read."""
    broken = [
        path
        for path, description in descriptions()
        if not description or not description.endswith(".") or re.search(r"\) [A-Z]|\bdocument \d", description)
    ]

    assert broken == []


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
        "CreateOrderInput.details": f"at most {MOST_DETAILS} lines, each name once",
        "UpdateRepairInput.reply": f"at most {LONGEST_REPLY} characters",
        "RejectShenheInput.reason": f"at most {LONGEST_REASON} characters",
        "CreateAnnouncementInput.images": f"at most {MOST_IMAGES}",
    }
    assert [path for path, bound in bounds.items() if bound not in described[path]] == []


def test_dry_run_description_denies_completion():
    described = dict(descriptions())

    assert described["Outcome.PLANNED"].startswith("It was a dry run and could be done; nothing was sent")
    assert "nothing is written or recorded, and the outcome is PLANNED" in described["SyncModulesInput.dryRun"]


def masks_numbers(field: GraphQLField) -> bool:
    resolver = getattr(field.extensions["strawberry-definition"].base_resolver, "wrapped_func", None)
    declared = getattr(resolver, "attribute_in", None)
    return declared is not None and declared.otherwise is mask_text


def test_scalars_name_their_specification():
    scalars = [found for found in types(SCHEMA) if isinstance(found, GraphQLScalarType)]

    assert {scalar.name for scalar in scalars} == {"Date", "DateTime", "Decimal"}
    assert all(scalar.specified_by_url for scalar in scalars)


def test_scopes_of_fields_match_scopes_of_tokens():
    needed = {
        scope
        for graphql_type in types(SCHEMA)
        if isinstance(graphql_type, GraphQLObjectType)
        for field in graphql_type.fields.values()
        for scope in get_scopes(field)
    }

    assert needed <= set(Scope)
    assert needed == set(Scope) - {Scope.PII_READ, Scope.TRACE_READ, Scope.SCHEMA_INTROSPECT}


def test_checked_in_schema_is_current():
    assert SDL.read_text() == export_sdl(), "run: gateway schema > schema/schema.graphql"
