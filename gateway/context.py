"""What one request carries from the edge to the resolvers."""

from typing import Any, TypeAlias

import strawberry

from gateway.actions.registry import Actions
from gateway.auth.masking import mask, mask_text
from gateway.auth.node_ids import NodeIds
from gateway.auth.principal import Principal
from gateway.journal.journal import Journal
from gateway.loaders.registry import Loaders
from gateway.loaders.watch import Watches
from schema.normalise.vocabulary import PiiKind


class RequestContext:
    """One per request: who asks, what may be read through, and how ids are made."""

    __slots__ = ("actions", "ids", "journal", "loaders", "principal", "request_id", "watches")

    def __init__(
        self,
        principal: Principal,
        loaders: Loaders,
        actions: Actions,
        journal: Journal,
        ids: NodeIds,
        watches: Watches,
        request_id: str,
    ) -> None:
        self.principal = principal
        self.loaders = loaders
        self.actions = actions
        self.journal = journal
        self.ids = ids
        self.watches = watches
        self.request_id = request_id

    def reveal(self, kind: PiiKind, value: Any) -> Any:
        """The value as this caller may see it: itself, masked, or None where its kind is withheld."""
        if value is None or self.principal.reveals_pii:
            return value
        return mask(kind, value)

    def reveal_text(self, value: str | None) -> str | None:
        """Text that people wrote, with what it holds of ID numbers and phones masked for this caller."""
        if value is None or self.principal.reveals_pii:
            return value
        return mask_text(value)

    def close(self) -> None:
        self.loaders.close()


Info: TypeAlias = strawberry.Info[RequestContext, None]
