"""Every path to a record requires the scope of its kind.

A type either opens data of some kind, and then each path from a root to it must have met the scopes of that kind; or
it is a part of whatever it is reached from. What belongs to no kind is open to every caller: its fields are listed.
"""

from collections.abc import Mapping

from callers import principal
from graphql import GraphQLInterfaceType, GraphQLNamedType, GraphQLObjectType, GraphQLSchema, get_named_type

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


def value_types(schema, field):
    """The types of a field's value, each with the scopes that are asked for when it is of that type."""
    named = get_named_type(field.type)
    if isinstance(named, GraphQLInterfaceType):
        for possible in schema.get_possible_types(named):
            scope = READERS[possible.name].scope  # by id the type is known only when the record is asked for
            yield possible, frozenset({scope} if scope and named.name == "Node" else ())
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
                if coordinate not in OWN and (scope := KINDS.get(named.name)) and scope not in scopes:
                    found[f"{path}.{name} leads to {named.name} without {scope}"] = None
                if (named.name, scopes) not in seen and isinstance(named, GraphQLObjectType):
                    seen.add((named.name, scopes))
                    waiting.append((named, scopes, f"{path}.{name}"))
    return list(found)


def holders() -> set[str]:
    """Types of no kind whose fields are declared or listed one by one."""
    return {coordinate.partition(".")[0] for coordinate in OPEN_FIELDS} | {"CommunitySummary"}


def test_path_to_a_record_requires_its_scope() -> None:
    schema = executable_schema()
    assert gaps(schema) == []
    fields = {f"{name}.{field}" for name, its in schema.type_map.items() for field in getattr(its, "fields", ())}
    assert OPEN_FIELDS | set(OWN) <= fields
    assert {*KINDS, *PARTS} <= set(schema.type_map)


def test_record_of_no_known_community_needs_all_of_them() -> None:
    assert principal(communities=None).sees(None)
    assert not principal(communities={"10002"}).sees(None)


def test_view_distinguishes_exactly_the_scopes_of_reads() -> None:
    """What is shared among callers of one view is what each of them would be answered."""
    types = [it for it in executable_schema().type_map.values() if isinstance(it, GraphQLObjectType)]
    fields = (field for named in types if named.name != "Mutation" for field in named.fields.values())
    asked: set[str] = {Scope.PII_READ}.union(*map(get_scopes, fields))
    asked |= {reader.scope for reader in READERS.values() if reader.scope}
    assert len(asked) >= 9
    for scope in asked | {Scope.SHENHE_REVIEW}:  # which `canReview` goes by
        assert principal(scope).view != principal().view
        assert principal(scope, communities=set()).view != principal(scope).view
    assert principal(*set(Scope) - asked - {Scope.SHENHE_REVIEW}).view is principal(subject="wang").view
