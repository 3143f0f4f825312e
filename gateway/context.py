"""What one request carries from the edge to the resolvers."""

from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import strawberry
from graphql import GraphQLError

from gateway.actions.audit import AuditTrail
from gateway.auth.node_ids import NodeIds
from gateway.auth.principal import READING, Principal, Scope, View
from gateway.auth.rate import Admission, Budget
from gateway.entities import Actions, Loaders
from gateway.execution.load import Load, Loader
from gateway.execution.run import Observation
from gateway.journal.journal import Journal
from gateway.loaders.event_streams import EventStreams
from gateway.loaders.loader import KeyT, Source, ValueT
from gateway.normalise.records import Page
from gateway.ops.trace import Trace, current_trace
from gateway.orders.reads import MOST_PAGES
from gateway.orders.record import Order
from gateway.settings import Communities

Lookup: TypeAlias = Load[KeyT, ValueT] | Awaitable[ValueT]

COMMUNITIES = "communities"  # the number of the communities that the caller may see, as costs name it
REVEALING = "revealing"  # the variant of requests whose caller sees personal data as it is

ASSUMED_COMMUNITIES = 50  # how many there are taken to be until the security platform has said
ASSUMED_PAGES = 10  # how many pages a list of orders is taken to have until one was seen


class KnownSizes:
    """Of one gateway. `communities` are those that the security platform has reported last, `pages` those of the lists
    that were seen, by community.
    """

    def __init__(self) -> None:
        self.communities: Collection[str] = ()
        self.pages: dict[str, int] = {}

    def look_at_communities(self, states: Collection[str]) -> None:
        self.communities = tuple(sorted(states))

    def look_at(self, page: Page[Order]) -> None:
        """Note the length of a list, of which a filter shows a part: a page more, for it grows."""
        if page.items:
            code, pages = page.items[0].community_code, min((page.last_page or 1) + 1, MOST_PAGES)
            self.pages[code] = max(self.pages.get(code, 0), pages)

    def count(self, codes: Collection[str] | None) -> int:
        """How many communities these are; None: all that there are."""
        return len(self.communities) or ASSUMED_COMMUNITIES if codes is None else len(codes)

    def get_pages(self, codes: Collection[str] | None) -> int:
        """The pages that the lists of orders of these communities have together; None: of all that there are."""
        known = [self.pages[code] for code in self.pages if codes is None or code in codes]
        return sum(known) + ASSUMED_PAGES * max(0, self.count(codes) - len(known))


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What the requests of one gateway share. `communities` are those of the settings. `open_source` makes the source
    of a caller with this view, None for work of its own; `open_loaders` makes the loaders of a request.
    """

    actions: Actions
    admission: Admission
    open_source: Callable[[View | None], Source]
    open_loaders: Callable[[Source], Loaders]
    journal: Journal
    ids: NodeIds
    event_streams: EventStreams
    trail: AuditTrail
    communities: Communities
    sizes: KnownSizes
    is_production: bool


@dataclass(frozen=True, slots=True)
class _TracedPrincipal(Principal):
    """Whose operation is traced: what they may not see is why a field is null."""

    def sees(self, community_code: str | None) -> bool:
        return Principal.sees(self, community_code) or _withhold()

    @property
    def sees_all(self) -> bool:
        return self.communities is None or _withhold()


def _withhold() -> bool:
    if (trace := current_trace()) is not None:
        trace.withhold()
    return False


class RequestContext:
    """One per request: who asks, what may be read through, and how ids are made.

    `principal` is the caller as they are to be served now, `variant` that of the plans that serve them. `deadline` is
    when a mutation has to be answered, by the clock of the event loop; None: there is no bound.
    """

    deadline: float | None = None
    failures: list[GraphQLError] | None = None
    last_event_id: str | None = None
    operation_name: str | None = None

    def __init__(self, backend: Backend, caller: Principal, request_id: str) -> None:
        """Raises RateLimitedError, as a `Budget` does."""
        self.budget = Budget(backend.admission, caller.subject)
        self._backend = backend
        self._caller = caller
        self.actions, self.journal, self.event_streams = backend.actions, backend.journal, backend.event_streams
        self.loaders = backend.open_loaders(backend.open_source(caller.view))
        self.ids, self.trail, self.community_names = backend.ids, backend.trail, backend.communities
        self.request_id = request_id
        self._counted: set[tuple[Loader[Any, Any], Hashable]] = set()
        self._admit()

    def _admit(self) -> None:
        self.principal = self.trail.admit(self._caller)
        self.variant = REVEALING if self.principal.reveals_pii else None

    def renew(self) -> None:
        """To be called before each event of a subscription: what was read for the one before is out of date."""
        self._admit()
        self.loaders.forget()

    @property
    def may_trace(self) -> bool:
        """In development any caller may have a trace, in production those with the scope for it."""
        return not self._backend.is_production or Scope.TRACE_READ in self.principal.scopes

    def trace(self, trace: Trace) -> None:
        """The operation is traced: its reads and reveals are to be noted. What platforms send is shown in development,
        to a caller who may read all of everybody.
        """
        self.loaders.source.trace = trace
        if trace.is_shown:
            caller = self.principal
            if not self._backend.is_production and caller.sees_all and caller.scopes >= READING:
                trace.exchanges = {}
            self.principal = _TracedPrincipal(
                caller.subject, caller.scopes, caller.communities, caller.expires_at, caller.codes
            )

    def observe_trace(self, trace: Trace) -> None:
        """The trace is about to be shown: the audit trail has what that reveals."""
        if trace.exchanges is not None:
            self.trail.reveal_whole(self, trace.outcomes)

    def observe(self, observations: Sequence[Observation]) -> None:
        """These fields of personal data and free text are about to be revealed: the audit trail has it."""
        source = self.loaders.source
        self.trail.reveal(self, observations, are_kept=source.oldest is not None)
        if (trace := source.trace) is not None:
            for records, fields in observations:
                for field in fields:
                    shown = sum(getattr(record, field.attribute) is not None for record in records)
                    if shown:
                        trace.reveal(field.type_name, field.name, shown)

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
        self.budget.lookups.take(overdraft=overdraft)

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
        return tuple(self.community_names) or None

    def get_size(self, name: str) -> int:
        """How many communities there are for the caller, before anything is read: what costs go by."""
        if name != COMMUNITIES:
            raise KeyError(name)
        return self._backend.sizes.count(self.communities)

    def get_pages(self, community_code: str | None) -> int:
        """How many pages of orders a community has, or all of the caller's have, as they were seen last."""
        return self._backend.sizes.get_pages(self.communities if community_code is None else (community_code,))

    def refresh(self) -> None:
        """The caller wants what is so now: use nothing that was kept."""
        self.loaders.source.fresh = True

    @property
    def age(self) -> int | None:
        """The age in seconds of the oldest answer of a platform that was used again; None: all were asked for now."""
        source = self.loaders.source
        return None if source.oldest is None else int(source.shared.clock() - source.oldest)


Info: TypeAlias = strawberry.Info[RequestContext, None]
