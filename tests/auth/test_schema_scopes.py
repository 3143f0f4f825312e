"""Every path to a record requires the scope of its kind.

A type either opens data of some kind, and then each path from a root to it must have met the scopes of that kind; or
it is a part of whatever it is reached from. What belongs to no kind is open to every caller: its fields are listed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

from gateway.auth.principal import Scope, View
from schema.build import executable_schema, get_scopes
from schema.record import READERS

KINDS: Mapping[str, Scope] = {
    "Person": Scope.PEOPLE_READ,
    "People": Scope.PEOPLE_READ,
    "Residency": Scope.PEOPLE_READ,
    "House": Scope.PEOPLE_READ,
    "HouseOwner": Scope.PEOPLE_READ,
    "Member": Scope.PEOPLE_READ,
    "ShenheVerification": Scope.PEOPLE_READ,
    "VerificationFinding": Scope.PEOPLE_READ,
    "Shenhe": Scope.SHENHE_READ,
    "Order": Scope.ORDER_READ,
    "FeeSummary": Scope.ORDER_READ,
    "FeeGroup": Scope.ORDER_READ,
    "Reconciliation": Scope.PAYMENT_READ,
    "Repair": Scope.REPAIR_READ,
    "Module": Scope.MODULE_READ,
    "ModuleDrift": Scope.MODULE_READ,
    "Announcement": Scope.ANNOUNCEMENT_READ,
    "Payment": Scope.PAYMENT_READ,
    "Operation": Scope.OPERATION_READ,
    "Reveal": Scope.AUDIT_READ,
    "DataQualityFinding": Scope.OPERATION_READ,
}
"""Types that hold data of a kind, and the scope of the kind (contract, `requiresScope`)."""

PARTS = {
    "PageInfo",
    "DataIssue",
    "Money",
    "OrderDetail",
    "RepairReporter",
    "ShenheContent",
    "ShenhePeople",
    "ShenheHouse",
    "UserError",
    "ShenhePayload",
    "ShenhesPayload",
    "OrderPayload",
    "OrdersPayload",
    "PayCallbackPayload",
    "OperationStep",
    "PaymentConflict",
    "RepairPayload",
    "RepairsPayload",
    "ModuleChange",
    "ModulePayload",
    "ModulesPayload",
    "SyncModulesPayload",
    "AnnouncementPayload",
    "AnnouncementsPayload",
    "DictionaryEntry",
    "PlatformEndpoint",
}
"""Types that are read only as a part of what leads to them; connections, their edges and events, too."""

OPEN = {
    "Query.node": "by the type of the record, when it is known: `READERS`",
    "Query.nodes": "as node",
    "Query.viewer": "what the caller's own token says",
    "Query.community": "a code that the caller may see, and nothing but the code",
    "Query.communities": "as community",
    "Query.dictionaries": "the words of the schema",
    "Query.platforms": "whether the gateway works; no data of a platform",
    "Viewer.subject": "the caller's own",
    "Viewer.scopes": "the caller's own",
    "Viewer.communityCodes": "the caller's own",
    "Viewer.seesAllCommunities": "the caller's own",
    "Viewer.communities": "as community",
    "Community.id": "made of the code",
    "Community.name": "a setting, for a code that the caller may see",
    "Community.code": "the caller gave it, or holds it in the token",
    "Community.summary": "nothing by itself: each number has its own scope",
    "Dictionary.name": "the words of the schema",
    "Dictionary.title": "the words of the schema",
    "Dictionary.entries": "the words of the schema",
    "Platform.name": "a word of the schema",
    "Platform.healthy": "whether the gateway works",
    "Platform.endpoints": "whether the gateway works",
    "Subscription.operationEvents": "the caller's own writes",
}
"""Fields of types of no kind that every caller may have, and why."""


OWN = {"OperationEvent.operation": "what the caller wrote, and was given when they did"}
"""Fields that lead to records of a kind without its scope, and why."""


def is_part(named: GraphQLNamedType) -> bool:
    return named.name in PARTS or named.name.endswith(("Connection", "Edge", "Event"))


def required(named: GraphQLNamedType) -> frozenset[str]:
    """The scopes that must have been met on the way to a type."""
    return frozenset({KINDS[named.name]} if named.name in KINDS else ())


def nodes(schema: GraphQLSchema) -> Sequence[GraphQLObjectType]:
    """The types that are read by node id."""
    node = schema.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    return schema.get_possible_types(node)


def value_types(schema: GraphQLSchema, field: GraphQLField) -> Iterator[tuple[GraphQLNamedType, frozenset[str]]]:
    """The types of a field's value, each with the scopes that are asked for when it is of that type."""
    named = get_named_type(field.type)
    if named.name == "Node":  # by id: the type is known only when the record is asked for
        for possible in nodes(schema):
            scope = READERS[possible.name].scope if possible.name in READERS else Scope.PEOPLE_READ
            yield possible, frozenset({scope} if scope else ())
    elif isinstance(named, GraphQLInterfaceType):
        yield from ((possible, frozenset()) for possible in schema.get_possible_types(named))
    elif isinstance(named, GraphQLObjectType):
        yield named, frozenset()


def gaps(schema: GraphQLSchema) -> list[str]:
    """What is not declared, each as a line that says what to do about it."""
    found: dict[str, None] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    roots = [root for root in (schema.query_type, schema.mutation_type, schema.subscription_type) if root]
    waiting: list[tuple[GraphQLObjectType, frozenset[str], str]] = [(root, frozenset(), root.name) for root in roots]
    for parent, met, path in waiting:
        for name, field in parent.fields.items():
            coordinate, declared = f"{parent.name}.{name}", get_scopes(field)
            if parent.name not in KINDS and not is_part(parent) and not declared and coordinate not in OPEN:
                found[f"{coordinate} declares no scope: add needs([...]), or to OPEN why it needs none"] = None
            for named, asked in value_types(schema, field):
                scopes = met | declared | asked
                if named.name not in KINDS and not is_part(named) and named.name not in holders():
                    found[f"{named.name} is of no kind: add it to KINDS, or to PARTS"] = None
                if coordinate not in OWN and (missing := required(named) - scopes):
                    found[f"{path}.{name} leads to {named.name} without {', '.join(sorted(missing))}"] = None
                if (named.name, scopes) not in seen and isinstance(named, GraphQLObjectType):
                    seen.add((named.name, scopes))
                    waiting.append((named, scopes, f"{path}.{name}"))
    return list(found)


def holders() -> set[str]:
    """Types of no kind whose fields are declared or listed one by one."""
    return {coordinate.partition(".")[0] for coordinate in OPEN} | {"CommunitySummary"}


def test_path_to_a_record_requires_its_scope() -> None:
    assert gaps(executable_schema()) == []


def test_scope_lists_name_existing_fields_and_types() -> None:
    schema = executable_schema()
    for coordinate in (*OPEN, *OWN):
        parent, _, name = coordinate.partition(".")
        assert name in schema.get_type(parent).fields, coordinate
    assert all(schema.get_type(name) for name in (*KINDS, *PARTS))


def test_node_types_are_read_with_their_scope() -> None:
    schema = executable_schema()
    assert {possible.name for possible in nodes(schema)} == {*READERS, "House"}
    assert {name: reader.scope for name, reader in READERS.items()} == {name: KINDS.get(name) for name in READERS}


def test_view_distinguishes_every_scope_a_read_requires() -> None:
    """What is shared among callers of one view is what each of them would be answered."""
    schema = executable_schema()
    asked: set[str] = {scope for reader in READERS.values() for scope in (reader.scope,) if scope} | {Scope.PII_READ}
    for root in (schema.query_type, schema.subscription_type):
        waiting, met = [root], set()
        while waiting:
            parent = waiting.pop()
            for field in parent.fields.values():
                asked |= get_scopes(field)
                for named, _ in value_types(schema, field):
                    if isinstance(named, GraphQLObjectType) and named.name not in met:
                        met.add(named.name)
                        waiting.append(named)
    assert len(asked) >= 9
    for scope in asked | {Scope.SHENHE_REVIEW}:  # which `canReview` goes by
        assert View.of(None, frozenset({scope})) is not View.of(None, frozenset())
        assert View.of(frozenset(), frozenset({scope})) is not View.of(None, frozenset({scope}))


@pytest.mark.parametrize(
    ("parent", "name", "type_name", "says"),
    [
        ("Query", "total", "Int", "Query.total declares no scope"),
        ("Mutation", "forget", "Int", "Mutation.forget declares no scope"),
        ("Subscription", "ticks", "Int", "Subscription.ticks declares no scope"),
        ("Community", "residents", "Int", "Community.residents declares no scope"),
        ("CommunitySummary", "payments", "Int", "CommunitySummary.payments declares no scope"),
        ("Community", "payments", "PaymentConnection", "leads to Payment without payment:read"),
        ("Order", "payer", "People", "leads to People without people:read"),
        ("OrderDetail", "repair", "Repair", "leads to Repair without repair:read"),
        ("People", "shenhes", "ShenheConnection", "leads to Shenhe without shenhe:read"),
    ],
)
def test_field_without_a_scope_declaration_is_reported(parent: str, name: str, type_name: str, says: str) -> None:
    schema = executable_schema()
    types: dict[str, Any] = schema.type_map
    fields = types[parent].fields
    fields[name] = GraphQLField(GraphQLNonNull(types[type_name]))
    try:
        assert any(says in gap for gap in gaps(schema)), gaps(schema)
    finally:
        del fields[name]
    assert gaps(schema) == []
