"""What one request carries from the edge to the resolvers."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import strawberry

from gateway.actions.registry import Actions
from gateway.auth.masking import mask
from gateway.auth.node_ids import NodeIds
from gateway.auth.principal import Principal
from gateway.auth.rate import Allowance
from gateway.execution.variants import Observation
from gateway.journal.journal import Journal
from gateway.loaders.registry import Loaders
from gateway.loaders.watch import Watches
from schema.normalise.vocabulary import PiiKind

REVEALING = "revealing"
"""The variant of requests whose caller sees personal data as it is."""


class RequestContext:
    """One per request: who asks, what may be read through, and how ids are made."""

    __slots__ = (
        "actions",
        "allowance",
        "ids",
        "journal",
        "loaders",
        "observed",
        "principal",
        "request_id",
        "variant",
        "watches",
    )

    def __init__(
        self,
        principal: Principal,
        loaders: Loaders,
        actions: Actions,
        journal: Journal,
        ids: NodeIds,
        watches: Watches,
        request_id: str,
        allowance: Allowance | None = None,
    ) -> None:
        self.principal = principal
        self.loaders = loaders
        self.actions = actions
        self.journal = journal
        self.ids = ids
        self.watches = watches
        self.request_id = request_id
        self.allowance = allowance
        self.variant = REVEALING if principal.reveals_pii else None
        self.observed: list[Observation] = []

    def reveal(self, kind: PiiKind, value: Any) -> Any:
        """The value as this caller may see it: itself, masked, or None where its kind is withheld."""
        if value is None or self.principal.reveals_pii:
            return value
        return mask(kind, value)

    def observe(self, observations: Iterable[Observation]) -> None:
        """These fields of personal data and free text are about to be revealed."""
        self.observed += observations

    @property
    def age(self) -> int | None:
        """The age in seconds of the oldest answer of a platform that was used again; None: all were asked for now."""
        return self.loaders.age


Info: TypeAlias = strawberry.Info[RequestContext, None]
