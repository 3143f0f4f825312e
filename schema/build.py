"""Assembles the schema: the roots, of what each file declares."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_named_type,
)
from strawberry.schema.config import StrawberryConfig

from gateway.actions.identity import Identity, RevealedType
from gateway.execution.cost import Cost
from gateway.execution.variants import get_attribute
from gateway.normalise.vocabulary import HouseType
from schema.announcement import AnnouncementMutations, AnnouncementQueries
from schema.community import LISTS, CommunityQueries
from schema.costs import COST, NOTHING
from schema.directives import Pii, RequiresScope
from schema.fields import FREE_TEXT, IDENTITY, PERSONAL_IF, with_fields
from schema.house import HouseQueries
from schema.module import ModuleMutations, ModuleQueries
from schema.operation import OperationQueries, OperationSubscriptions
from schema.order import OrderMutations, OrderQueries
from schema.payment import PaymentMutations, PaymentQueries, PaymentSubscriptions
from schema.people import PeopleQueries
from schema.record import NodeQueries
from schema.repair import RepairMutations
from schema.reveal import RevealQueries
from schema.scalars import SCALARS
from schema.service import DataQualityQueries, DictionaryQueries, PlatformQueries, ViewerQueries
from schema.shenhe import ShenheMutations


@strawberry.type
@with_fields({shown.name: shown.record_field() for shown in LISTS if shown.records.record_endpoint})
@with_fields({f"{shown.name}s": shown.root_field() for shown in LISTS})
class RecordListQueries:
    """Of each list."""


@strawberry.type(description="All reads (查询).")
class Query(
    NodeQueries,
    ViewerQueries,
    CommunityQueries,
    PeopleQueries,
    HouseQueries,
    RecordListQueries,
    OrderQueries,
    ModuleQueries,
    AnnouncementQueries,
    DictionaryQueries,
    OperationQueries,
    PaymentQueries,
    RevealQueries,
    DataQualityQueries,
    PlatformQueries,
):
    """One class per entity."""


@strawberry.type(description="All writes (变更).")
class Mutation(
    ShenheMutations,
    OrderMutations,
    PaymentMutations,
    RepairMutations,
    ModuleMutations,
    AnnouncementMutations,
):
    """One class per entity."""


@strawberry.type(description="All events (订阅).")
@with_fields({f"{shown.name}_events": shown.events_field() for shown in LISTS if shown.records.watched})
class Subscription(PaymentSubscriptions, OperationSubscriptions):
    """Of payments, of the caller's own writes, and of each list that is watched."""


@cache
def build_schema() -> strawberry.Schema:
    """The one schema of the process. Raises what `revealed_types` raises."""
    schema = strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[HouseType],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    _drop_null_defaults(schema._schema)
    _declare_one_of(schema._schema)
    _tell_of_directives(schema._schema)
    revealed_types(schema._schema)
    return schema


def _drop_null_defaults(schema: GraphQLSchema) -> None:
    """An optional argument has no default in the contract; Strawberry takes Python's `= None` for a default of null."""
    for graphql_type in schema.type_map.values():
        if isinstance(graphql_type, GraphQLInputObjectType):
            inputs: Iterable[GraphQLInputField | GraphQLArgument] = graphql_type.fields.values()
        elif isinstance(graphql_type, GraphQLObjectType | GraphQLInterfaceType):
            inputs = [argument for field in graphql_type.fields.values() for argument in field.args.values()]
        else:
            continue
        for value in inputs:
            if value.default_value is None:
                value.default_value = Undefined


def _declare_one_of(schema: GraphQLSchema) -> None:
    """Have graphql-core validate `@oneOf`; Strawberry only checks values, and graphql-core takes that for a bug."""
    for graphql_type in schema.type_map.values():
        if isinstance(graphql_type, GraphQLInputObjectType):
            definition = graphql_type.extensions.get("strawberry-definition")
            graphql_type.is_one_of = getattr(definition, "is_one_of", False)


def _tell_of_directives(schema: GraphQLSchema) -> None:
    """Have descriptions say what the directives say, for who has nothing else: GraphiQL, and code made of a schema."""
    for graphql_type in schema.type_map.values():
        if isinstance(graphql_type, GraphQLObjectType | GraphQLInterfaceType):
            for field in graphql_type.fields.values():
                notes = [directive.note for directive in _get_directives(field)]
                if notes:
                    field.description = " ".join([field.description or "", *notes])


def _get_directives(field: GraphQLField) -> list[RequiresScope | Pii]:
    definition = field.extensions.get("strawberry-definition")
    declared = getattr(definition, "directives", ())
    return [directive for directive in declared if isinstance(directive, RequiresScope | Pii)]


def get_scopes(field: GraphQLField) -> frozenset[str]:
    """The scopes that a field declares with `@requiresScope`."""
    declared = [directive for directive in _get_directives(field) if isinstance(directive, RequiresScope)]
    return frozenset(scope for directive in declared for scope in directive.scopes)


def get_cost(field: GraphQLField) -> Cost:
    """What a field declares with `costs` (`schema/costs.py`)."""
    declared: Cost = _metadata(field).get(COST, NOTHING)
    return declared


def _metadata(field: GraphQLField) -> Mapping[Any, Any]:
    metadata: Mapping[Any, Any] = getattr(field.extensions.get("strawberry-definition"), "metadata", {})
    return metadata


def revealed_types(schema: GraphQLSchema) -> dict[str, RevealedType]:
    """The types that declare whose data they hold, by name, as the audit trail needs to know them.

    Raises TypeError for personal fields and free text of a type without an identity: what they show would be recorded
    as nobody's. A part that is always observed with the object around it needs none.
    """
    types = [named for named in schema.type_map.values() if isinstance(named, GraphQLObjectType)]
    unobserved = {
        get_named_type(field.type)
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
            texts = frozenset(name for name, data in declared.items() if FREE_TEXT in data)
            revealed[named.name] = RevealedType(identity, conditions, texts)
        elif named in unobserved or any(shown.observed for shown in personal.values()):
            nobodys += [f"{named.name}.{name}" for name in personal]
    if nobodys:
        raise TypeError(
            f"{', '.join(nobodys)}: personal data or free text of a type without an identity. Declare its `id` by "
            "`node_id` or `hashed_id`, or whose part it is by the `identity` of `record_type`."
        )
    return revealed


def _get_identity(named: GraphQLObjectType) -> Identity | None:
    """What a type declares by its `id`, or of the record that it is part of."""
    definition = named.extensions.get("strawberry-definition")
    declared: Identity | None = definition and vars(definition.origin).get(IDENTITY)
    if declared is None and "id" in named.fields:
        declared = _metadata(named.fields["id"]).get(IDENTITY)
    return declared


def executable_schema() -> GraphQLSchema:
    """The schema as graphql-core executes it: Strawberry keeps it in an attribute that has no public name yet."""
    return build_schema()._schema


def export_sdl() -> str:
    """The schema definition, as checked in at `schema/schema.graphql`."""
    return build_schema().as_str() + "\n"
