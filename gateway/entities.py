"""All entities: their lists, look-ups, writes and endpoints, each named once; loaders and actions of them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeVar, cast

from gateway.actions.action import Action, Services
from gateway.actions.writer import Writer
from gateway.announcements import CreateAnnouncement
from gateway.execution.load import Load, Loader
from gateway.journal.journal import Journal
from gateway.journal.records import NewEvent, Operation, Payment, PaymentConflict, RecordRef
from gateway.loaders.answers import DataQuality
from gateway.loaders.lists import RecordKey, RecordList, SliceLoader
from gateway.loaders.loader import JournalLoader, KeyT, Lookup, ReadLoader, Source, ValueT
from gateway.modules import MODULE_STATES, MODULES, SetModule, SyncModules
from gateway.orders.reads import ORDERS, AllOrdersLoader, OrderLoader
from gateway.orders.sums import ReconciliationLoader
from gateway.orders.writes import CreateOrder
from gateway.payments.reads import NotificationKey, Placement
from gateway.payments.writes import PayCallback, RetryPayment
from gateway.people import HOUSE_OWNERS, PEOPLE
from gateway.platforms.client import PlatformClient
from gateway.platforms.endpoint import Endpoint
from gateway.repairs import REPAIRS, UpdateRepair
from gateway.settings import Settings
from gateway.shenhe.record import SHENHES
from gateway.shenhe.writes import ApproveShenhe, RejectShenhe
from gateway.verification import VerificationLoader

LISTS: tuple[RecordList[Any], ...] = (SHENHES, ORDERS, REPAIRS)

LOOKUPS: tuple[Lookup[Any, Any], ...] = (PEOPLE, HOUSE_OWNERS, MODULES, MODULE_STATES)

WRITES: tuple[type[Action[Any]], ...] = (
    ApproveShenhe,
    RejectShenhe,
    CreateOrder,
    UpdateRepair,
    SetModule,
    SyncModules,
    CreateAnnouncement,
)
"""Those that write to a platform."""

PAYMENT_WRITES: tuple[type[PayCallback | RetryPayment], ...] = (PayCallback, RetryPayment)
"""Those that write to the journal, for the relay."""

ALL_LOOKUPS: tuple[Lookup[Any, Any], ...] = (*(lookup for records in LISTS for lookup in records.lookups), *LOOKUPS)
"""Pages of lists and their single records as well."""

ENDPOINTS: tuple[Endpoint, ...] = tuple(
    dict.fromkeys(what.endpoint for what in (*ALL_LOOKUPS, *WRITES, *PAYMENT_WRITES))
)
"""What platforms are called by, but for their logins."""

CACHEABLE_NULLS = frozenset(lookup.endpoint.name for lookup in LOOKUPS if lookup.caches_none)
"""Endpoints whose None is cached: that a house has no owner is a fact; a record not found may be there soon."""


def lifetimes(settings: Settings) -> dict[str, float]:
    """How long an answer of each endpoint is cached, in seconds."""
    return {lookup.endpoint.name: settings.cached[lookup.cached_as] for lookup in ALL_LOOKUPS}


def harmless_read(client: PlatformClient, endpoint: str) -> Callable[[], Awaitable[object]] | None:
    """For an endpoint that reads, a call that is cheap and finds nothing."""
    lookup = next((lookup for lookup in ALL_LOOKUPS if lookup.endpoint.name == endpoint), None)
    return None if lookup is None else partial(lookup.read, client, lookup.nothing)


@dataclass(eq=False, repr=False)
class Loaders:
    """Made per request, each loader on first use: within a request nothing is asked twice."""

    source: Source
    quality: DataQuality
    placement: Placement
    journal: Journal
    _slices: dict[RecordList[Any], SliceLoader[Any]] = field(default_factory=dict, init=False)
    _lookups: dict[Lookup[Any, Any], ReadLoader[Any, Any]] = field(default_factory=dict, init=False)

    @cached_property
    def order(self) -> OrderLoader:
        return OrderLoader(self.of(ORDERS.pages))

    @cached_property
    def all_orders(self) -> AllOrdersLoader:
        return AllOrdersLoader(self.of(ORDERS.pages))

    @cached_property
    def reconciliation(self) -> ReconciliationLoader:
        return ReconciliationLoader(self.all_orders, self.journal.payments, self.placement.place)

    @cached_property
    def notification(self) -> JournalLoader[NotificationKey, Payment | None]:
        return JournalLoader("notification", self.placement.notifications)

    @cached_property
    def conflicts(self) -> JournalLoader[str, tuple[PaymentConflict, ...]]:
        return JournalLoader("conflicts", self.journal.payments.conflicts)

    @cached_property
    def history(self) -> JournalLoader[RecordRef, tuple[Operation, ...]]:
        return JournalLoader("history", self.journal.operations.histories)

    @cached_property
    def _counts(self) -> JournalLoader[tuple[Callable[[Any], Awaitable[int]], Any], int]:
        async def read(asked: Sequence[tuple[Callable[[Any], Awaitable[int]], Any]]) -> list[int]:
            return [await count(query) for count, query in asked]

        return JournalLoader("count", read)

    def count(self, count: Callable[[Any], Awaitable[int]], query: Any) -> Load[Any, int]:
        """How many rows of the journal a query asks for, by what counts them."""
        return Load(self._counts, (count, query))

    @cached_property
    def verification(self) -> VerificationLoader:
        return VerificationLoader(self.of(PEOPLE), self.of(HOUSE_OWNERS))

    def of(self, lookup: Lookup[KeyT, ValueT]) -> ReadLoader[KeyT, ValueT]:
        """The loader of what is looked up by a key."""
        loader = self._lookups.get(lookup)
        if loader is None:
            loader = self._lookups[lookup] = ReadLoader(self.source, lookup)
        return loader

    def slices(self, records: RecordList[Any]) -> SliceLoader[Any]:
        """The loader of parts of a list, of one community or of several merged."""
        loader = self._slices.get(records)
        if loader is None:
            loader = self._slices[records] = SliceLoader(self.of(records.pages), records)
        return loader

    def record(
        self, records: RecordList[Any], platform_id: int | str, community_code: str | None
    ) -> Load[RecordKey, Any]:
        """One record by its platform's number; None when there is none."""
        return Load(self.of(records.single), RecordKey(int(platform_id), community_code))

    def forget(self) -> None:
        """After a write, and before an event: what was read before may be out of date, and is read anew."""
        self._slices.clear()
        self._lookups.clear()
        for name in [name for name, loader in vars(self).items() if isinstance(loader, Loader)]:
            delattr(self, name)


ActionT = TypeVar("ActionT", bound=Action[Any])


class Actions:
    """One per process: `actions[UpdateRepair]`."""

    def __init__(self, writer: Writer, services: Services) -> None:
        self.writer = writer
        made = [*(kind(services) for kind in WRITES), *(kind(services.journal.payments) for kind in PAYMENT_WRITES)]
        self.by_mutation: Mapping[str, Action[Any]] = {action.mutation: action for action in made}

    def __getitem__(self, kind: type[ActionT]) -> ActionT:
        return cast("ActionT", self.by_mutation[kind.mutation])


def get_event(operation: Operation) -> NewEvent | None:
    """What an operation changes in a list that is watched, once it is confirmed; None: nothing."""
    return next((kind.event(operation) for kind in WRITES if kind.mutation == operation.mutation), None)
