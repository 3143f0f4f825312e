"""All loaders of one request."""

from functools import cached_property
from typing import Any

from gateway.execution.load import LevelLoader, Load
from gateway.journal.audit import RevealQuery
from gateway.journal.journal import Journal
from gateway.journal.listing import OperationQuery, PaymentQuery
from gateway.loaders.data_quality import DataQuality, Finding
from gateway.loaders.journal import ConflictsLoader, CountLoader, HistoryLoader, NotificationLoader
from gateway.loaders.lists import LISTS, ORDERS
from gateway.loaders.loader import Source
from gateway.loaders.lookups import (
    HouseOwnerLoader,
    ModulesLoader,
    ModuleStatesLoader,
    PeopleLoader,
    VerificationLoader,
)
from gateway.loaders.order import AllOrdersLoader, OrderLoader
from gateway.loaders.paging import Places, Slice
from gateway.loaders.placement import Placement
from gateway.loaders.platform import PlatformStatus, platform_statuses
from gateway.loaders.reconciliation import ReconciliationLoader
from gateway.loaders.record_list import RecordKey, RecordList
from gateway.loaders.slices import ListLoaders, SliceKey
from gateway.settings import Settings

CACHEABLE_NULLS = frozenset({"owner"})
"""Endpoints whose None is cached: that a house has no owner is a fact; a record not found may be there soon."""


def lifetimes(settings: Settings) -> dict[str, float]:
    """How long an answer of each endpoint is cached, in seconds."""
    cached = settings.cached
    return {
        "people": cached["people"],
        "owner": cached["owners"],
        "modules": cached["modules"],
        "modules-sync": cached["modules"],
    } | {endpoint: cached[records.cached_as] for records in LISTS for endpoint in records.endpoints}


class Loaders:
    """Made per request, each loader on first use: within a request nothing is asked twice."""

    def __init__(self, source: Source, journal: Journal, placement: Placement, quality: DataQuality) -> None:
        self.source = source
        self._placement = placement
        self._journal = journal
        self._quality = quality
        self._lists: dict[RecordList[Any], ListLoaders[Any]] = {}

    @cached_property
    def people(self) -> PeopleLoader:
        return PeopleLoader(self.source)

    @cached_property
    def house_owner(self) -> HouseOwnerLoader:
        return HouseOwnerLoader(self.source)

    @cached_property
    def order(self) -> OrderLoader:
        return OrderLoader(self._of(ORDERS).pages)

    @cached_property
    def all_orders(self) -> AllOrdersLoader:
        return AllOrdersLoader(self._of(ORDERS).pages)

    @cached_property
    def reconciliation(self) -> ReconciliationLoader:
        return ReconciliationLoader(self.all_orders, self._journal.payments, self._placement)

    @cached_property
    def notification(self) -> NotificationLoader:
        return NotificationLoader(self._journal.payments, self._placement)

    @cached_property
    def conflicts(self) -> ConflictsLoader:
        return ConflictsLoader(self._journal.payments)

    @cached_property
    def history(self) -> HistoryLoader:
        return HistoryLoader(self._journal.operations)

    @cached_property
    def operation_count(self) -> CountLoader[OperationQuery]:
        return CountLoader(self._journal.operations.count)

    @cached_property
    def payment_count(self) -> CountLoader[PaymentQuery]:
        return CountLoader(self._journal.payments.count)

    @cached_property
    def reveal_count(self) -> CountLoader[RevealQuery]:
        return CountLoader(self._journal.audit.count_reveals)

    @cached_property
    def modules(self) -> ModulesLoader:
        return ModulesLoader(self.source)

    @cached_property
    def module_states(self) -> ModuleStatesLoader:
        return ModuleStatesLoader(self.source)

    @cached_property
    def verification(self) -> VerificationLoader:
        return VerificationLoader(self.people, self.house_owner)

    def slice(
        self,
        records: RecordList[Any],
        community_codes: tuple[str, ...],
        query: Any,
        offset: int,
        first: int,
        places: Places | None = None,
        tag: str = "",
    ) -> Load[SliceKey, Slice[Any]]:
        """A part of a list, of one community or of several merged."""
        return Load(self._of(records).slices, SliceKey(community_codes, query, offset, first, places, tag))

    def record(
        self, records: RecordList[Any], platform_id: int | str, community_code: str | None
    ) -> Load[RecordKey, Any]:
        """One record by its platform's number; None when there is none."""
        return Load(self._of(records).by_id, RecordKey(int(platform_id), community_code))

    def _of(self, records: RecordList[Any]) -> ListLoaders[Any]:
        loaders = self._lists.get(records)
        if loaders is None:
            loaders = self._lists[records] = ListLoaders(self.source, records)
        return loaders

    def refresh(self) -> None:
        """Use nothing that is cached."""
        self.source.fresh = True

    def platforms(self) -> list[PlatformStatus]:
        """What is known of the platforms; calls nobody."""
        return platform_statuses(self.source.platforms)

    def findings(self, communities: frozenset[str] | None) -> list[Finding]:
        """What does not arrive as documented, in these communities. None: in all."""
        return self._quality.findings(communities)

    def forget(self) -> None:
        """After a write, and before an event: what was read before may be out of date, and is read anew."""
        self._lists.clear()
        for name in [name for name, loader in vars(self).items() if isinstance(loader, LevelLoader)]:
            delattr(self, name)
