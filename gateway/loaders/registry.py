"""All loaders of one request."""

from functools import cached_property

from gateway.execution.level_loader import LevelLoader
from gateway.journal.payments import Payments
from gateway.loaders.house import HouseOwnerLoader
from gateway.loaders.loader import Source
from gateway.loaders.module import ModulesLoader, ModuleStatesLoader
from gateway.loaders.order import OrderLoader, OrderPageLoader, OrdersLoader
from gateway.loaders.payment import ConflictsLoader, NotificationLoader
from gateway.loaders.people import PeopleLoader
from gateway.loaders.placement import Placement
from gateway.loaders.platform import PlatformStatus, platform_statuses
from gateway.loaders.repair import RepairLoader, RepairPageLoader, RepairsLoader
from gateway.loaders.shenhe import ShenheLoader, ShenhePageLoader, ShenhesLoader
from gateway.loaders.verification import VerificationLoader
from gateway.settings import Settings

CACHEABLE_NULLS = frozenset({"owner"})
"""Endpoints whose None is cached: that a house has no owner is a fact; a record not found may be there soon."""


def lifetimes(settings: Settings) -> dict[str, float]:
    """How long an answer of each endpoint is cached, in seconds."""
    return {
        "people": settings.cache_people,
        "owner": settings.cache_owners,
        "modules": settings.cache_modules,
        "modules-sync": settings.cache_modules,
        "repair": settings.cache_repairs,
        "repair/list": settings.cache_repairs,
        "shenhe": settings.cache_shenhes,
        "shenheList": settings.cache_shenhes,
        "order/list": settings.cache_orders,
    }


class Loaders:
    """Made per request, each loader on first use: within a request nothing is asked twice."""

    def __init__(self, source: Source, payments: Payments, placement: Placement) -> None:
        self.source = source
        self._placement = placement
        self._payments = payments

    @cached_property
    def people(self) -> PeopleLoader:
        return PeopleLoader(self.source)

    @cached_property
    def house_owner(self) -> HouseOwnerLoader:
        return HouseOwnerLoader(self.source)

    @cached_property
    def shenhe(self) -> ShenheLoader:
        return ShenheLoader(self.source)

    @cached_property
    def shenhes(self) -> ShenhesLoader:
        return ShenhesLoader(self.shenhe_page)

    @cached_property
    def shenhe_page(self) -> ShenhePageLoader:
        return ShenhePageLoader(self.source)

    @cached_property
    def order(self) -> OrderLoader:
        return OrderLoader(self.order_page)

    @cached_property
    def orders(self) -> OrdersLoader:
        return OrdersLoader(self.order_page)

    @cached_property
    def order_page(self) -> OrderPageLoader:
        return OrderPageLoader(self.source, self._placement)

    @cached_property
    def notification(self) -> NotificationLoader:
        return NotificationLoader(self._payments, self._placement)

    @cached_property
    def conflicts(self) -> ConflictsLoader:
        return ConflictsLoader(self._payments)

    @cached_property
    def repair(self) -> RepairLoader:
        return RepairLoader(self.source)

    @cached_property
    def repairs(self) -> RepairsLoader:
        return RepairsLoader(self.repair_page)

    @cached_property
    def repair_page(self) -> RepairPageLoader:
        return RepairPageLoader(self.source)

    @cached_property
    def modules(self) -> ModulesLoader:
        return ModulesLoader(self.source)

    @cached_property
    def module_states(self) -> ModuleStatesLoader:
        return ModuleStatesLoader(self.source)

    @cached_property
    def verification(self) -> VerificationLoader:
        return VerificationLoader(self.people, self.house_owner)

    def refresh(self) -> None:
        """Use nothing that is cached."""
        self.source.fresh = True

    def platforms(self) -> list[PlatformStatus]:
        """What is known of the platforms; calls nobody."""
        return platform_statuses(self.source.platforms)

    def forget(self) -> None:
        """After a write, and before an event: what was read before may be out of date, and is read anew."""
        for name in [name for name, loader in vars(self).items() if isinstance(loader, LevelLoader)]:
            delattr(self, name)
