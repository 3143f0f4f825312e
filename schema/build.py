"""Assembles the schema: the roots, of what each file declares."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import graphql
import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.field import StrawberryField
from strawberry.types.scalar import ScalarDefinition

from gateway.actions.identity import Identity, RevealedType
from gateway.auth.masking import mask_texts
from gateway.execution.cost import Cost
from gateway.execution.load import Loader
from gateway.execution.strawberry_adapter import as_it_is, get_attribute, unchanged
from gateway.loaders.loader import JournalLoader
from gateway.normalise.records import DataIssue, Record, declared_fields
from gateway.normalise.times import CHINA
from gateway.normalise.vocabulary import DataProblem, HouseType
from gateway.ops.trace import NullReason
from gateway.wording.inputs import ScalarWording
from schema.announcement import AnnouncementMutations, AnnouncementQueries
from schema.community import LISTS, CommunityQueries
from schema.costs import COST
from schema.fields import IDENTITY, PERSONAL_IF, Pii, RequiresScope
from schema.module import ModuleMutations, ModuleQueries
from schema.operation import OperationQueries, OperationSubscriptions
from schema.order import OrderMutations, OrderQueries
from schema.payment import PaymentMutations, PaymentQueries, PaymentSubscriptions
from schema.people import PeopleQueries
from schema.record import NodeQueries
from schema.repair import RepairMutations
from schema.service import GatewayQueries, ViewerQueries, WordQueries
from schema.shenhe import ShenheMutations


def _root(name: str, description: str, *parts: type | Mapping[str, Any]) -> type:
    """A root type with the fields of these classes and mappings, in order."""
    fields: dict[str, Any] = {}
    for part in parts:
        declared = part if isinstance(part, Mapping) else vars(part)
        fields |= {field: made for field, made in declared.items() if isinstance(made, StrawberryField)}
    return strawberry.type(type(name, (), fields), description=description)


Query = _root(
    "Query",
    "Root of all reads (查询).",
    NodeQueries,
    ViewerQueries,
    CommunityQueries,
    PeopleQueries,
    {f"{shown.name}s": shown.root_field() for shown in LISTS},
    {shown.name: shown.record_field() for shown in LISTS if shown.records.record_endpoint},
    OrderQueries,
    ModuleQueries,
    AnnouncementQueries,
    WordQueries,
    OperationQueries,
    PaymentQueries,
    GatewayQueries,
)
Mutation = _root(
    "Mutation",
    "Root of all writes (变更).",
    ShenheMutations,
    OrderMutations,
    PaymentMutations,
    RepairMutations,
    ModuleMutations,
    AnnouncementMutations,
)
Subscription = _root(
    "Subscription",
    "Root of all events (订阅).",
    PaymentSubscriptions,
    OperationSubscriptions,
    {f"{shown.name}_events": shown.events_field() for shown in LISTS if shown.records.watched},
)


DECIMAL = re.compile(r"[+-]?\d{1,18}(\.\d{1,9})?", re.ASCII)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@unchanged(str)
def _write_decimal(value: Decimal | str) -> str:
    """Records have amounts as text already."""
    return value if isinstance(value, str) else format(value, "f")


def _read_decimal(value: Any) -> Decimal:
    if isinstance(value, int | str) and not isinstance(value, bool) and DECIMAL.fullmatch(str(value)):
        return Decimal(value)
    wording = ScalarWording.DECIMAL_FLOAT if isinstance(value, float) else ScalarWording.DECIMAL
    raise graphql.GraphQLError(wording(field="Decimal"))


def _read_decimal_literal(node: graphql.ValueNode, _variables: Mapping[str, Any] | None = None) -> Decimal:
    if isinstance(node, graphql.FloatValueNode):
        return _read_decimal(float(node.value))
    return _read_decimal(node.value if isinstance(node, graphql.IntValueNode | graphql.StringValueNode) else None)


def _read_date(value: Any) -> date:
    with suppress(ValueError):
        if isinstance(value, str) and DATE.fullmatch(value):  # and no week of a year, which Python reads as well
            return date.fromisoformat(value)
    raise graphql.GraphQLError(ScalarWording.DATE(field="Date"))


def _write_datetime(value: datetime) -> datetime:
    """Times of the journal and of the gateway are in UTC, those of platforms in China's zone already."""
    return value if value.tzinfo is CHINA else value.astimezone(CHINA)


def _read_datetime(value: Any) -> datetime:
    with suppress(ValueError):
        if isinstance(value, str) and (moment := datetime.fromisoformat(value)).tzinfo is not None:
            return moment
    raise graphql.GraphQLError(ScalarWording.DATETIME(field="DateTime"))


_SCALARS: dict[object, ScalarDefinition] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number as a string, such as "0.01"; as input a string or an integer, '
        "never a float (十进制数).",
        specified_by_url="https://www.w3.org/TR/xmlschema11-2/#decimal",
        serialize=_write_decimal,
        parse_value=_read_decimal,
        parse_literal=_read_decimal_literal,
    ),
    date: strawberry.scalar(
        name="Date",
        description='A calendar date, such as "2026-11-24" (日期).',
        specified_by_url="https://scalars.graphql.org/andimarek/local-date",
        serialize=as_it_is(date),
        parse_value=_read_date,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description='A time with its UTC offset (RFC 3339), such as "2026-11-24T08:30:00+08:00"; platform times are '
        "in Asia/Shanghai (日期时间).",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=_write_datetime,
        parse_value=_read_datetime,
    ),
}


@cache
def build_schema() -> strawberry.Schema:
    """The one schema of the process. Raises what `revealed_types` raises."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[HouseType],
        config=StrawberryConfig(scalar_map=_SCALARS),
    )
    _amend(schema._schema)
    revealed_types(schema._schema)
    return schema


def _amend(schema: graphql.GraphQLSchema) -> None:
    """What Strawberry leaves out or says otherwise.

    An optional argument has no default in the contract; Strawberry takes Python's `= None` for a default of null.
    `@oneOf` is graphql-core's to validate; Strawberry only checks values, and graphql-core takes that for a bug.
    Descriptions say what the directives say, for who has nothing else: GraphiQL, and code made of a schema.
    """
    inputs: list[graphql.GraphQLInputField | graphql.GraphQLArgument] = []
    for named in schema.type_map.values():
        if isinstance(named, graphql.GraphQLInputObjectType):
            inputs += named.fields.values()
            named.is_one_of = getattr(named.extensions.get("strawberry-definition"), "is_one_of", False)
        elif isinstance(named, graphql.GraphQLObjectType | graphql.GraphQLInterfaceType):
            for field in named.fields.values():
                inputs += field.args.values()
                if notes := [directive.note for directive in _get_directives(field)]:
                    field.description = " ".join([field.description or "", *notes])
    for value in inputs:
        if value.default_value is None:
            value.default_value = graphql.Undefined


def _get_directives(field: graphql.GraphQLField) -> list[RequiresScope | Pii]:
    definition = field.extensions.get("strawberry-definition")
    declared = getattr(definition, "directives", ())
    return [directive for directive in declared if isinstance(directive, RequiresScope | Pii)]


def get_scopes(field: graphql.GraphQLField) -> frozenset[str]:
    """The scopes that a field declares with `@requiresScope`."""
    declared = [directive for directive in _get_directives(field) if isinstance(directive, RequiresScope)]
    return frozenset(scope for directive in declared for scope in directive.scopes)


def get_cost(field: graphql.GraphQLField) -> Cost:
    """What a field declares as its `cost` (`schema/costs.py`)."""
    return _metadata(field).get(COST) or Cost()


def explain_null(
    field: graphql.GraphQLField | None, name: str, record: object, loader: Loader[Any, Any] | None
) -> NullReason:
    """Why a field is null that has no error: of a record, or of what a loader gave."""
    definition = None if field is None else field.extensions.get("strawberry-definition")
    if field is None or definition is None or record is None:
        return "NOT_APPLICABLE" if loader is None or isinstance(loader, JournalLoader) else "EMPTY"
    shown = get_attribute(field)
    attribute = definition.python_name if shown is None else shown.name
    if getattr(record, attribute, None) is not None:
        return "MASKED"
    declared = declared_fields(type(record)).get(attribute) if isinstance(record, Record) else None
    path = name if declared is None else declared.path
    issues: Sequence[DataIssue] = getattr(record, "data_issues", getattr(record, "own_issues", ()))
    for issue in issues:
        if issue.field == path or issue.field.endswith(f".{path}"):
            return "NOT_SENT" if issue.problem is DataProblem.MISSING else "UNREADABLE"
    return "EMPTY" if declared is not None and declared.keys else "NOT_APPLICABLE"


def _metadata(field: graphql.GraphQLField) -> Mapping[Any, Any]:
    metadata: Mapping[Any, Any] = getattr(field.extensions.get("strawberry-definition"), "metadata", {})
    return metadata


def revealed_types(schema: graphql.GraphQLSchema) -> dict[str, RevealedType]:
    """The types that declare whose data they hold, by name, as the audit trail needs to know them.

    Raises TypeError for personal fields and free text of a type without an identity: what they show would be recorded
    as nobody's. A part that is always observed with the object around it needs none.
    """
    types = [named for named in schema.type_map.values() if isinstance(named, graphql.GraphQLObjectType)]
    unobserved = {
        graphql.get_named_type(field.type)
        for named in types
        for field in named.fields.values()
        if (shown := get_attribute(field)) is None or not shown.observed
    }
    revealed, nobodys = {}, []
    for named in types:
        identity = _get_identity(named)
        personal = {name: shown for name, field in named.fields.items() if (shown := get_attribute(field))}
        if identity is not None:
            declared = {name: _metadata(field) for name, field in named.fields.items()}
            conditions = {name: data[PERSONAL_IF] for name, data in declared.items() if PERSONAL_IF in data}
            texts = frozenset(name for name, shown in personal.items() if shown.through is mask_texts)
            revealed[named.name] = RevealedType(identity, conditions, texts)
        elif named in unobserved or any(shown.observed for shown in personal.values()):
            nobodys += [f"{named.name}.{name}" for name in personal]
    if nobodys:
        raise TypeError(
            f"{', '.join(nobodys)}: personal data or free text of a type without an identity. Declare its `id` by "
            "`node_id` or `hashed_id`, or whose part it is by the `identity` of `record_type`."
        )
    return revealed


def _get_identity(named: graphql.GraphQLObjectType) -> Identity | None:
    """What a type declares by its `id`, or of the record that it is part of."""
    definition = named.extensions.get("strawberry-definition")
    declared: Identity | None = definition and vars(definition.origin).get(IDENTITY)
    if declared is None and "id" in named.fields:
        declared = _metadata(named.fields["id"]).get(IDENTITY)
    return declared


def executable_schema() -> graphql.GraphQLSchema:
    """The schema as graphql-core executes it: Strawberry keeps it in an attribute that has no public name yet."""
    return build_schema()._schema


def export_sdl() -> str:
    """The schema definition, as checked in at `schema/schema.graphql`."""
    return build_schema().as_str() + "\n"
