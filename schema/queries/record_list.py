"""The lists of a community's records, and one record of those whose platform gives it by its number."""

from typing import Annotated, Any

import strawberry

from gateway.auth.node_ids import resolve_node_id
from gateway.context import Info
from gateway.execution.load import Load
from gateway.loaders.record_list import RecordKey
from schema.types.costs import ONE_CALL
from schema.types.fields import needs, with_fields
from schema.types.lists import LISTS
from schema.types.record_list import CommunityList


def _record_field(shown: CommunityList) -> Any:
    records, chinese = shown.records, shown.chinese

    def resolve(info: Info, id: strawberry.ID) -> Load[RecordKey, Any] | None:
        node = resolve_node_id(info.context.principal, info.context.ids, id, records.type_name)
        return node and info.context.loaders.record(records, node.parts[0], node.community_code)

    description = f"Its node id; or the platform's number, from callers of every community ({chinese}标识)."
    resolve.__annotations__["id"] = Annotated[strawberry.ID, strawberry.argument(description=description)]
    return strawberry.field(
        resolver=resolve,
        description=f"One {shown.noun}; null when there is none, or it is not the caller's to see ({chinese}).",
        directives=needs([records.scope]),
        graphql_type=shown.node | None,
        metadata=ONE_CALL,
    )


@strawberry.type
@with_fields({shown.name: _record_field(shown) for shown in LISTS if shown.records.record_endpoint})
@with_fields({f"{shown.name}s": shown.root_field() for shown in LISTS})
class RecordListQueries:
    """Of each list."""
