"""What one request carries from the edge to the resolvers."""

from collections.abc import Awaitable, Hashable, Sequence
from typing import Any, TypeAlias, TypeVar

import strawberry
from graphql import GraphQLError

from gateway.actions.audit import AuditTrail
from gateway.actions.registry import Actions
from gateway.auth.node_ids import NodeIds
from gateway.auth.principal import Principal, Scope
from gateway.auth.rate import Budget
from gateway.communities import Communities
from gateway.execution.load import LevelLoader, Load
from gateway.execution.variants import Observation
from gateway.journal.journal import Journal
from gateway.loaders.event_streams import EventStreams
from gateway.loaders.registry import Loaders
from gateway.loaders.sizes import KnownSizes
from gateway.ops.trace import Trace

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")

Lookup: TypeAlias = Load[KeyT, ValueT] | Awaitable[ValueT]

COMMUNITIES = "communities"
"""The number of the communities that the caller may see, as costs name it."""

REVEALING = "revealing"
"""The variant of requests whose caller sees personal data as it is."""


class RequestContext:
    """One per request: who asks, what may be read through, and how ids are made."""

    __slots__ = (
        "_caller",
        "_communities",
        "_counted",
        "_sizes",
        "_traces_for_all",
        "_trail",
        "actions",
        "budget",
        "deadline",
        "event_streams",
        "failures",
        "ids",
        "journal",
        "last_event_id",
        "loaders",
        "operation_name",
        "principal",
        "request_id",
        "variant",
    )

    def __init__(
        self,
        principal: Principal,
        loaders: Loaders,
        actions: Actions,
        journal: Journal,
        ids: NodeIds,
        event_streams: EventStreams,
        trail: AuditTrail,
        budget: Budget,
        request_id: str,
        *,
        communities: Communities,
        sizes: KnownSizes,
        traces_for_all: bool = False,
    ) -> None:
        """`communities` are those of the settings. `traces_for_all`: any caller may have a trace, not only who has the
        scope for it.
        """
        self._caller = principal
        self._communities = communities
        self._sizes = sizes
        self._trail = trail
        self._admit()
        self.loaders = loaders
        self.actions = actions
        self.journal = journal
        self.ids = ids
        self.event_streams = event_streams
        self.last_event_id: str | None = None
        self.request_id = request_id
        self.budget = budget
        self.deadline: float | None = None
        """When a mutation has to be answered, by the clock of the event loop; None: there is no bound."""
        self.operation_name: str | None = None
        self.failures: list[GraphQLError] | None = None
        self._traces_for_all = traces_for_all
        self._counted: set[tuple[LevelLoader[Any, Any], Hashable]] = set()

    def _admit(self) -> None:
        """Set the principal as they are to be served now, and the variant of the plans that serve them."""
        self.principal = self._trail.admit(self._caller)
        self.variant = REVEALING if self.principal.reveals_pii else None

    def renew(self) -> None:
        """To be called before each event of a subscription: what was read for the one before is out of date."""
        self._admit()
        self.loaders.forget()

    @property
    def may_trace(self) -> bool:
        return self._traces_for_all or Scope.TRACE_READ in self.principal.scopes

    def trace(self, trace: Trace) -> None:
        """The operation is traced: its reads and reveals are to be noted."""
        self.loaders.source.trace = trace

    def observe(self, observations: Sequence[Observation]) -> None:
        """These fields of personal data and free text are about to be revealed: the audit trail has it."""
        self._trail.reveal(self, observations)
        if (trace := self.loaders.source.trace) is not None:
            for records, fields in observations:
                for field in fields:
                    trace.reveal(field.type_name, field.name, len(records))

    async def write_trail(self) -> None:
        """Make durable what the trail of this process has noted. Raises JournalError."""
        await self._trail.flush()

    def deny(self, field: str, scope: str) -> None:
        """The caller has asked for this field without the scope it needs: the audit trail has it."""
        self._trail.deny(self, field, scope)

    def report(self, error: GraphQLError) -> None:
        """A part of a field's value is missing: the answer has this error beside the value, once."""
        known = self.failures or []
        if all(error.formatted != other.formatted for other in known):
            self.failures = [*known, error]

    def count_lookup(self, overdraft: int = 0) -> None:
        """Count a look-up by personal data that the caller supplies, for the caller may be guessing.

        To be called before a platform is, so that it counts whether there is such a person or not. So many beyond the
        limit are let through at once, and have to be earned before the next. Raises RateLimitedError.
        """
        self.budget.count_lookup(overdraft)

    async def counted(self, load: Load[KeyT, ValueT]) -> ValueT:
        """What is loaded, counted as a look-up. Raises RateLimitedError beyond the bound, and calls nobody.

        The same key of a loader, which asks for it once, is counted once: fields may be resolved twice.
        """
        asked = load.loader, load.key
        if asked not in self._counted:
            self.count_lookup()
            self._counted.add(asked)
        return await load

    @property
    def communities(self) -> tuple[str, ...] | None:
        """The codes of the communities that the caller may see, in the order of the token or of the settings.

        None: all that there are, and the settings do not name them.
        """
        if self.principal.codes is not None:
            return self.principal.codes
        return tuple(self._communities) or None

    def get_community_name(self, community_code: str) -> str | None:
        """The name of a community; None where the settings have none."""
        return self._communities.get(community_code)

    def get_size(self, name: str) -> int:
        """How many communities there are for the caller, before anything is read: what costs go by."""
        if name != COMMUNITIES:
            raise KeyError(name)
        return self._sizes.count(self.communities)

    def get_pages(self, community_code: str | None) -> int:
        """How many pages of orders a community has, or all of the caller's have, as they were seen last."""
        return self._sizes.get_pages(self.communities if community_code is None else (community_code,))

    def refresh(self) -> None:
        """The caller wants what is so now: use nothing that was kept."""
        self.loaders.refresh()

    @property
    def age(self) -> int | None:
        """The age in seconds of the oldest answer of a platform that was used again; None: all were asked for now."""
        source = self.loaders.source
        return None if source.oldest is None else int(source.shared.clock() - source.oldest)


Info: TypeAlias = strawberry.Info[RequestContext, None]
