"""Residential communities: the way into everything that belongs to one."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import strawberry

from gateway import modules as features
from gateway.auth.masking import mask_text
from gateway.context import Info, Lookup
from gateway.errors import UserInputError
from gateway.execution.cost import Cost
from gateway.execution.load import Load, fetch, only_values
from gateway.modules import MODULE_STATES, MODULES
from gateway.normalise import records
from gateway.normalise.people import House as HouseRecord
from gateway.orders import sums
from gateway.orders.reads import AllOrdersKey
from gateway.orders.record import Order as OrderRecord
from gateway.orders.sums import MOST_LISTED, FeeGrouping, ReconciliationKey
from gateway.wording.inputs import InputWording
from schema.costs import ALL_ORDERS, ASSUMED_NOTIFICATIONS, COMMUNITY_LIST, ONE_COMMUNITY
from schema.fields import derived, described, looked_up, plain, record_type, resolved, with_fields
from schema.module import Module, ModuleDrift
from schema.order import ORDERS, Money, Order, OrderFilter
from schema.payment import Payment
from schema.people import ADDRESS, House
from schema.record import CODE, Node, community, community_codes, house_at
from schema.repair import REPAIRS
from schema.shenhe import SHENHES

LISTS = (SHENHES, ORDERS, REPAIRS)


@record_type(sums.FeeGroup, "The orders of one group and their sum (费用分组汇总).")
class FeeGroup:
    key: str = plain(
        f'The group: enum value, title, building number ("{sums.PERSONAL_CHARGES.key}": no house), month '
        "(2026-11), or band of days "
        f"({', '.join(band.key for band in sums.AGE_BANDS.values())}). "
        f'"{sums.UNKNOWN_GROUP.key}": the group cannot be read. ID and phone numbers in a title are masked for every '
        "caller (分组键)."
    )
    label: str = plain("For display, in Chinese (显示名称).")
    count: int = plain("Number of orders, unreadable ones included (订单数).")
    amount: Money = plain("Exact sum of the readable amounts (金额合计).")
    unreadable: int = plain("Number of orders whose amount cannot be read: counted, not summed (金额无法识别的订单数).")


@record_type(sums.FeeSummary, "Exact sums of orders. If `complete` is false, they may be too low (费用汇总).")
class FeeSummary:
    count: int = plain("Number of orders read, unreadable ones included (订单数).")
    amount: Money = plain("Exact sum of the readable amounts (金额合计).")
    unreadable: int = plain(
        "Number of orders whose amount, or whole row, cannot be read: counted, not summed (金额无法识别的订单数)."
    )
    missing: int = plain(
        "Number of orders not read: on pages that failed, or beyond the limit of pages (未读取的订单数)."
    )
    complete: bool = plain(
        "Whether all pages were read, nothing was unreadable, and the list did not change meanwhile. False with "
        "nothing unreadable or missing: the list changed, query again (是否完整)."
    )
    as_of: datetime = plain("When the oldest page of the data was read (数据时间).")
    groups: list[FeeGroup] = plain(
        "The groups that have orders: enum values and bands of days in their own order, buildings by number, titles "
        "and months by text, UNKNOWN last. They add up to the total; empty without groupBy (分组)."
    )


@record_type(
    sums.Reconciliation,
    "Orders that are paid at wjdh, compared with the payment notifications of this gateway. Uncertain cases are in "
    "no list, and make `complete` false (对账结果).",
)
class Reconciliation:
    matched: int = plain("Number of paid orders with a notification received in the period (已核对订单数).")
    matched_amount: Money = plain("Exact sum of the amounts of the matched orders (已核对金额).")
    paid_without_notification: list[Order] = plain(
        f"Orders paid at wjdh for which no notification has ever been received; the newest {MOST_LISTED} "
        "(已付款但未收到通知的订单).",
        cost=Cost(items=MOST_LISTED),
    )
    paid_without_notification_count: int = plain(
        "Number of paid orders without a notification (已付款但未收到通知的订单数)."
    )
    earlier_paid_without_notification_count: int = plain(
        "Number of paid orders without a notification created before `since`: they may have been paid in the period, "
        "since no platform says when (起始时间之前创建的此类订单数)."
    )
    notified_unpaid: list[Payment] = plain(
        "Notifications whose order is unpaid or missing at wjdh, received in the period and before the orders "
        f"were read; the newest {MOST_LISTED} (已通知但平台未标记付款的通知).",
        cost=Cost(items=ASSUMED_NOTIFICATIONS),
    )
    notified_unpaid_count: int = plain(
        "Number of notifications with an unpaid or missing order (已通知但平台未标记付款的通知数)."
    )
    undelivered: list[Payment] = plain(
        "Notifications received in the period and not yet delivered to the security platform, paid or not; the "
        f"newest {MOST_LISTED} (未送达的通知).",
        cost=Cost(items=ASSUMED_NOTIFICATIONS),
    )
    undelivered_count: int = plain("Number of undelivered notifications (未送达的通知数).")
    complete: bool = plain(
        "Whether all orders were read, with their numbers and paid flags, and the amounts of the matched ones "
        "(是否完整)."
    )
    as_of: datetime = plain("When the oldest page of the orders was read (数据时间).")


def _count_disabled(modules: Sequence[features.Module]) -> int | None:
    known = [module.enabled for module in modules if module.enabled is not None]
    return known.count(False) if known or not modules else None


@strawberry.type(description="Counts of what is waiting in a community; each can fail separately (小区概览).")
@with_fields({shown.count[0]: shown.count_field() for shown in LISTS})
class CommunitySummary:
    disabled_modules = looked_up(
        int | None,
        MODULES,
        attrgetter("code"),
        "Number of modules switched off at wjdh; null if no state could be read (已关闭模块数).",
        pick=_count_disabled,
    )


@record_type(records.Community, "A residential community (小区).")
@with_fields({f"{shown.name}s": shown.community_field() for shown in LISTS})
class Community(Node):
    code: strawberry.ID = plain(CODE)

    @resolved()
    def name(root: records.Community, info: Info) -> str | None:
        """Its name, from the gateway's settings; null if none is set, as no platform sends names (小区名称)."""
        return info.context.community_names.get(root.code)

    @resolved()
    def id(root: records.Community, info: Info) -> strawberry.ID:
        """The community's node id (节点标识)."""
        return strawberry.ID(info.context.ids.encode("Community", root.code, root.code))

    modules = looked_up(
        list[Module] | None, MODULES, attrgetter("code"), "Its feature modules, with their state at wjdh (功能模块)."
    )

    @resolved(list[ModuleDrift] | None, "module:read", cost=Cost(calls=2))
    async def module_drift(root: records.Community, info: Info) -> list[features.ModuleDrift] | None:
        """Modules whose state differs between the two platforms; null if security does not report this community, or
        either platform not in readable form (模块差异)."""
        loaders = info.context.loaders
        modules, states = only_values(
            await fetch((Load(loaders.of(MODULES), root.code), Load(loaders.of(MODULE_STATES), "all")))
        )
        switched, reported = features.readable(modules), features.readable(states.get(root.code))
        return None if switched is None or reported is None else list(features.module_drift(switched, reported))

    @resolved(House | None, "people:read")
    @described(**ADDRESS)
    def house(root: records.Community, building: int, unit: int, floor: int, room: int) -> HouseRecord:
        """The house at this address. It need not exist: no platform lists houses (房屋)."""
        return house_at(records.HouseKey(root.code, building, unit, floor, room))

    summary = derived(
        CommunitySummary | None,
        "Counts of what is waiting: at most four platform calls, in parallel (概览).",
        lambda root: root if root.code else None,
    )

    @resolved(FeeSummary | None, ORDERS.records.scope, cost=ALL_ORDERS)
    @described(filter=ORDERS.which, group_by="How to group the sums; omitted: only the total (分组方式).")
    def fees(
        root: records.Community, info: Info, filter: OrderFilter | None = None, group_by: FeeGrouping | None = None
    ) -> Lookup[AllOrdersKey, sums.FeeSummary] | None:
        """Sums of the orders that match the filter: paid or not, open or closed, unless the filter says otherwise
        (费用汇总)."""
        query = ORDERS.query(filter)
        if not info.context.principal.sees(root.code):
            return None
        loaders = info.context.loaders

        def add_up(orders: records.WholeList[OrderRecord]) -> sums.FeeSummary:
            return sums.summarise(orders, group_by, loaders.source.shared.now(), mask_text)

        load = Load(loaders.all_orders, AllOrdersKey(root.code, query), add_up)
        return info.context.counted(load) if ORDERS.records.names_someone(query) else load

    @resolved(Reconciliation | None, "order:read", "payment:read", cost=ALL_ORDERS)
    @described(
        since="Start: only notifications received, and orders without a notification created, at this time or later "
        "(起始时间).",
        until="End: only notifications received, and orders without a notification created, before this time "
        "(截止时间).",
    )
    def reconciliation(
        root: records.Community, info: Info, since: datetime | None = None, until: datetime | None = None
    ) -> Load[ReconciliationKey, sums.Reconciliation] | None:
        """Whether wjdh and this gateway agree on what is paid (对账)."""
        if since is not None and until is not None and until <= since:
            raise UserInputError("until", InputWording.AFTER(field="until", other="since"))
        if not info.context.principal.sees(root.code):
            return None
        return Load(info.context.loaders.reconciliation, ReconciliationKey(root.code, since, until))


def community_list() -> Any:
    """The communities that the caller may see, as a field of whatever leads to them."""

    @resolved(list[Community] | None, cost=COMMUNITY_LIST)
    async def communities(info: Info) -> list[records.Community]:
        """The communities that the caller may see: those of the token, in its order; for a caller with all
        communities, those in the gateway's settings, else those that the security platform reports (小区列表)."""
        return [records.Community(code) for code in await community_codes(info)]

    return communities


class CommunityQueries:
    @resolved(Community | None, cost=ONE_COMMUNITY)
    @described(code=CODE)
    def community(self, info: Info, code: strawberry.ID) -> records.Community | None:
        """A community by its code; null if the caller may not see it. The code need not exist: no platform confirms it
        (小区).
        """
        checked = community(code, "code")
        return records.Community(checked) if info.context.principal.sees(checked) else None

    communities = community_list()
