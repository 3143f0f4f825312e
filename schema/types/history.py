"""The writes of a record: one declaration for all types whose records are written through the gateway."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import strawberry

from gateway.actions.identity import Identity
from gateway.auth.node_ids import NodeIds
from gateway.auth.principal import Scope
from gateway.context import Info
from gateway.execution.load import Load
from gateway.journal import records
from gateway.journal.history import LONGEST_HISTORY, HistoryKey
from schema.types.costs import HISTORY
from schema.types.fields import needs
from schema.types.identity import IDENTITY

if TYPE_CHECKING:
    from schema.types.operation import Operation

TypeT = TypeVar("TypeT", bound=type)


Key = Callable[[Any, NodeIds], HistoryKey]


def with_history(key: Key | None = None) -> Callable[[TypeT], TypeT]:
    """A class with the field `history`, to be made a type.

    Operations call a record what its node id does, or what `key` says.
    """

    def give(cls: TypeT) -> TypeT:
        by_identity = _key_by_identity(vars(cls)["id"].metadata[IDENTITY])
        cls.history = _history(key or by_identity)  # type: ignore[attr-defined] # it becomes a field of the type
        return cls

    return give


def _key_by_identity(identity: Identity) -> Key:
    def key(record: Any, ids: NodeIds) -> HistoryKey:
        named = identity.reference(record, ids)
        if named is None:
            raise TypeError("a record with a node id has a name")
        return HistoryKey(named.type, named.community_code, (named.platform_id,))

    return key


def _history(key: Key) -> Any:
    def resolve(root: strawberry.Parent[Any], info: Info) -> Load[HistoryKey, tuple[records.Operation, ...]]:
        asked = key(root, info.context.ids)
        pick = None if info.context.principal.sees_all else _placed(asked.community_code)
        return Load(info.context.loaders.history, asked, pick)

    return strawberry.field(
        resolver=resolve,
        description="The writes of it made through this gateway, newest first, at most "
        f"{LONGEST_HISTORY}; empty where there were none (操作历史).",
        directives=needs([Scope.OPERATION_READ]),
        graphql_type=list[Annotated["Operation", strawberry.lazy("schema.types.operation")]] | None,
        metadata=HISTORY,
    )


def _placed(community_code: str | None) -> Callable[[tuple[records.Operation, ...]], tuple[records.Operation, ...]]:
    """Whoever reached the record by its bare number did not know its community. Who sees the record does, and could not
    reach the operation by its id without.
    """

    def place(operation: records.Operation) -> records.Operation:
        if operation.community_code is not None or operation.record is None:
            return operation
        record = msgspec.structs.replace(operation.record, community_code=community_code)
        return msgspec.structs.replace(operation, community_code=community_code, record=record)

    return lambda found: tuple([place(operation) for operation in found])
