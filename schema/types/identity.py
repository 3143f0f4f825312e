"""How types declare whose data they hold: by the `id` of their records, or by the record that theirs are part of.

    id: strawberry.ID = node_id("Shenhe", "platform_id", "The review's node id (节点标识).")

The audit trail calls a record by the community and identifier that its node id has, or by the very hash that is its id.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import strawberry

from gateway.actions.identity import Identity
from gateway.auth.node_ids import NodeIds, Part
from gateway.context import Info
from gateway.journal.records import RecordRef

IDENTITY = "_identity"
"""Under this key of the metadata of its `id`, or as an attribute of its class, a type has its `Identity`."""


def node_id(
    type_name: str, attribute: str, description: str, *, identifier: Callable[[Any], Part] | None = None
) -> Any:
    """The signed id of a record that an attribute identifies within its community.

    `identifier` gives what the id and the audit trail call the record where that is not the attribute.
    """
    identify: Callable[[Any], Part] = identifier or attrgetter(attribute)

    def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
        return info.context.ids.encode(type_name, root.community_code, identify(root))

    def reference(record: Any, _ids: NodeIds) -> RecordRef:
        return RecordRef(type_name, record.community_code, str(identify(record)))

    identity = Identity(attrgetter(attribute), reference)
    return strawberry.field(resolver=resolve, description=description, metadata={IDENTITY: identity})


def hashed_id(type_name: str, attributes: tuple[str, ...], description: str) -> Any:
    """The id of a record without a number at any platform (quirk 85): a hash of what identifies it."""
    parts = attrgetter(*attributes)

    def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
        return info.context.ids.hashed(type_name, *parts(root))

    def reference(record: Any, ids: NodeIds) -> RecordRef:
        return RecordRef(type_name, None, ids.hashed(type_name, *parts(record)))

    identity = Identity(parts, reference)
    return strawberry.field(resolver=resolve, description=description, metadata={IDENTITY: identity})
