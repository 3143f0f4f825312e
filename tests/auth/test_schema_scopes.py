"""Every path to a record requires the scope of its kind.

A type either opens data of some kind, and then each path from a root to it must have met the scopes of that kind; or
it is a part of whatever it is reached from. What belongs to no kind is open to every caller: its fields are listed.
"""

from collections.abc import Iterator, Mapping, Sequence

from callers import principal
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

from gateway.auth.principal import Scope
from schema.build import executable_schema, get_scopes
from schema.record import READERS

KINDS: Mapping[str, Scope] = {
    **dict.fromkeys(("Person", "People", "Residency", "House", "HouseOwner", "Member"), Scope.PEOPLE_READ),
    **dict.fromkeys(("ShenheVerification", "VerificationFinding"), Scope.PEOPLE_READ),
    "Shenhe": Scope.SHENHE_READ,
    **dict.fromkeys(("Order", "FeeSummary", "FeeGroup"), Scope.ORDER_READ),
    "Repair": Scope.REPAIR_READ,
    **dict.fromkeys(("Module", "ModuleDrift"), Scope.MODULE_READ),
    "Announcement": Scope.ANNOUNCEMENT_READ,
    **dict.fromkeys(("Payment", "Reconciliation"), Scope.PAYMENT_READ),
    **dict.fromkeys(("Operation", "DataQualityFinding"), Scope.OPERATION_READ),
    "Reveal": Scope.AUDIT_READ,
}
"""Types that hold data of a kind, and the scope of the kind (contract, `requiresScope`)."""

PARTS = {
    *("PageInfo", "DataIssue", "Money", "OrderDetail", "RepairReporter", "DictionaryEntry", "PlatformEndpoint"),
    *("ShenheContent", "ShenhePeople", "ShenheHouse", "UserError", "OperationStep", "PaymentConflict", "ModuleChange"),
    *("ErrorCodeEntry", "OperationCount", "Text"),
}
"""Types that are read only as a part of what leads to them; payloads, connections, their edges and events, too."""

OPEN = {
    "by the type of the record, when it is known: `READERS`": ["Query.node", "Query.nodes"],
    "the caller's own, as the token says": [
        *("Query.viewer", "Viewer.subject", "Viewer.scopes", "Viewer.communityCodes", "Viewer.seesAllCommunities"),
    ],
    "a code that the caller may see or gave, what is made of it, and a name from the settings": [
        *("Query.community", "Query.communities", "Viewer.communities"),
        *("Community.id", "Community.name", "Community.code"),
    ],
    "nothing by itself: each number has its own scope": ["Community.summary"],
    "the words of the schema": [
        *("Query.dictionaries", "Dictionary.name", "Dictionary.title", "Dictionary.entries", "Platform.name"),
        "Query.errorCodes",
        *(f"ErrorCodeEntry.{name}" for name in ("code", "retryable", "message", "messageZh", "advice", "adviceZh")),
    ],
    "whether the gateway works; no data of a platform": ["Query.platforms", "Platform.healthy", "Platform.endpoints"],
    "the caller's own writes": ["Subscription.operationEvents"],
}
"""Why every caller may have fields of types of no kind, and which."""

OPEN_FIELDS = {coordinate for fields in OPEN.values() for coordinate in fields}


OWN = {"OperationEvent.operation": "what the caller wrote, and was given when they did"}
"""Fields that lead to records of a kind without its scope, and why."""


def is_part(named: GraphQLNamedType) -> bool:
    return named.name in PARTS or named.name.endswith(("Connection", "Edge", "Event", "Payload"))


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
            if parent.name not in KINDS and not is_part(parent) and not declared and coordinate not in OPEN_FIELDS:
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
    return {coordinate.partition(".")[0] for coordinate in OPEN_FIELDS} | {"CommunitySummary"}


def test_path_to_a_record_requires_its_scope() -> None:
    assert gaps(executable_schema()) == []


def test_scope_lists_name_existing_fields_and_types() -> None:
    schema = executable_schema()
    for coordinate in (*OPEN_FIELDS, *OWN):
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
        assert principal(scope).view != principal().view
        assert principal(scope, communities=set()).view != principal(scope).view
