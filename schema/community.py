"""Residential communities: the way into everything that belongs to one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import strawberry

from gateway.auth.masking import mask_text
from gateway.context import Info, Lookup
from gateway.errors import UserInputError
from gateway.execution.load import Load, fetch, only_values
from gateway.loaders.order import AllOrdersKey
from gateway.loaders.reconciliation import MOST_LISTED, Period, ReconciliationKey
from gateway.loaders.reconciliation import Reconciliation as ReconciliationRecord
from gateway.normalise import composed, records
from gateway.normalise.fees import FeeGroup as FeeGroupRecord
from gateway.normalise.fees import FeeSummary as FeeSummaryRecord
from gateway.normalise.fees import summarise
from gateway.normalise.house import House as HouseRecord
from gateway.normalise.module import Module as ModuleRecord
from gateway.normalise.order import Order as OrderRecord
from gateway.normalise.states import AGE_BANDS, PERSONAL_CHARGES, UNKNOWN_GROUP, FeeGrouping
from gateway.wording.inputs import InputWording
from schema.arguments import Building, Floor, Room, Unit, community, house_at
from schema.costs import ALL_ORDERS, ASSUMED_NOTIFICATIONS, COMMUNITY_LIST, ONE_CALL, ONE_COMMUNITY, costs
from schema.fields import needs, plain, record_type, with_fields
from schema.house import House
from schema.module import Module, ModuleDrift, load_modules
from schema.order import ORDERS, FilterOrders, Money, Order
from schema.payment import Payment
from schema.record import Node, community_codes
from schema.repair import REPAIRS
from schema.shenhe import SHENHES

LISTS = (SHENHES, ORDERS, REPAIRS)

UNKNOWN_KEY, PERSONAL_KEY = UNKNOWN_GROUP[0], PERSONAL_CHARGES[0]

GroupBy = Annotated[
    FeeGrouping | None,
    strawberry.argument(description="By what to add up besides; omitted: the whole alone (分组方式)."),
]


@record_type(FeeGroupRecord, description="The orders of one group, and what they come to (费用分组汇总).")
class FeeGroup:
    key: str = plain(
        f'Which group: the enum value, the title, the number of the building ("{PERSONAL_KEY}": of no house), the '
        f"month (2026-11), or the band of days ({', '.join(band.key for band in AGE_BANDS)}). "
        f'"{UNKNOWN_KEY}": it cannot be read where the order belongs. Numbers of persons in a title are masked for '
        "every caller (分组键)."
    )
    label: str = plain("For display, in Chinese (显示名称).")
    count: int = plain("How many orders, unreadable ones included (订单数).")
    amount: Money = plain("The exact sum of the amounts that can be read (金额合计).")
    unreadable: int = plain("Of these, orders whose amount cannot be read: counted, not summed (金额无法识别的订单数).")


@record_type(
    FeeSummaryRecord,
    description="What orders come to: exact, never rounded. With `complete` false the sum may be too low (费用汇总).",
)
class FeeSummary:
    count: int = plain("How many orders were read, unreadable ones included (订单数).")
    amount: Money = plain("The exact sum of the amounts that can be read (金额合计).")
    unreadable: int = plain(
        "Orders whose amount, or whose whole row, cannot be read: counted, not summed (金额无法识别的订单数)."
    )
    missing: int = plain(
        "How many more orders the platform says there are: on pages that failed, or beyond the bound of pages "
        "(未读取的订单数)."
    )
    complete: bool = plain(
        "All pages were read, nothing was unreadable, and the list did not change meanwhile. When it is false with "
        "nothing unreadable and nothing missing, the list has changed: ask again (是否完整)."
    )
    as_of: datetime = plain("When the oldest page was read (数据时间).")
    groups: list[FeeGroup] = plain(
        "By groups, those that have orders: enum values and bands of days in their own order, buildings by number, "
        "titles and months by text, what is unknown last. They add up to the whole; empty without groupBy (分组)."
    )


Since = Annotated[
    datetime | None,
    strawberry.argument(
        description="Only notifications received, and orders without one created, at this time or later (起始时间)."
    ),
]
Until = Annotated[
    datetime | None,
    strawberry.argument(
        description="Only notifications received, and orders without one created, before this time (截止时间)."
    ),
]


@record_type(
    ReconciliationRecord,
    description="The orders that wjdh calls paid, held against the payment notifications this gateway holds. What is "
    "not certain is in no list: then `complete` is false (对账结果).",
)
class Reconciliation:
    matched: int = plain("Paid orders with a notification received in the period (已核对订单数).")
    matched_amount: Money = plain("What they come to, exactly: the orders' amounts (已核对金额).")
    paid_without_notification: list[Order] = plain(
        f"Orders that wjdh calls paid and no notification came for, at any time; the newest {MOST_LISTED} "
        "(已付款但未收到通知的订单).",
        metadata=costs(items=MOST_LISTED),
    )
    paid_without_notification_count: int = plain("How many there are (已付款但未收到通知的订单数).")
    earlier_paid_without_notification_count: int = plain(
        "How many more were created before `since`: no platform says when an order was paid, so it may have been in "
        "the period (起始时间之前创建的此类订单数)."
    )
    notified_unpaid: list[Payment] = plain(
        "Notifications whose order wjdh calls unpaid, or does not have: received in the period and before the orders "
        f"were read; the newest {MOST_LISTED} (已通知但平台未标记付款的通知).",
        metadata=costs(items=ASSUMED_NOTIFICATIONS),
    )
    notified_unpaid_count: int = plain("How many there are (已通知但平台未标记付款的通知数).")
    undelivered: list[Payment] = plain(
        "Notifications received in the period that the security platform does not have yet, paid or not; the newest "
        f"{MOST_LISTED} (未送达的通知).",
        metadata=costs(items=ASSUMED_NOTIFICATIONS),
    )
    undelivered_count: int = plain("How many there are (未送达的通知数).")
    complete: bool = plain(
        "All orders were read, with their numbers and paid flags, and the amounts of those that match (是否完整)."
    )
    as_of: datetime = plain("When the oldest page of orders was read (数据时间).")


@strawberry.type(description="What is waiting in a community, in numbers; each fails alone (小区概览).")
@with_fields({shown.count[0]: shown.count_field() for shown in LISTS})
class CommunitySummary:
    @strawberry.field(
        description="Modules switched off at wjdh; null where no state could be read (已关闭模块数).",
        directives=needs(["module:read"]),
        graphql_type=int | None,
        metadata=ONE_CALL,
    )
    def disabled_modules(root: strawberry.Parent[composed.Community], info: Info) -> Load[str, int | None]:
        def count(modules: Sequence[ModuleRecord]) -> int | None:
            known = [module.enabled for module in modules if module.enabled is not None]
            return known.count(False) if known or not modules else None

        return Load(info.context.loaders.modules, root.code, count)


@record_type(composed.Community, description="A residential community (小区).")
@with_fields({f"{shown.name}s": shown.community_field() for shown in LISTS})
class Community(Node):
    code: strawberry.ID = plain('Its code, such as "10002" or "00001": a text, zeros kept (小区标识).')

    @strawberry.field(
        description="Its name, as the gateway is set up; null where none is set: no platform names its communities "
        "(小区名称)."
    )
    def name(root: strawberry.Parent[composed.Community], info: Info) -> str | None:
        return info.context.get_community_name(root.code)

    @strawberry.field(description="The community's node id (节点标识).")
    def id(root: strawberry.Parent[composed.Community], info: Info) -> strawberry.ID:
        return strawberry.ID(info.context.ids.encode("Community", root.code))

    @strawberry.field(
        description="Its feature modules, as wjdh switches them (功能模块).",
        directives=needs(["module:read"]),
        graphql_type=list[Module] | None,
        metadata=ONE_CALL,
    )
    def modules(root: strawberry.Parent[composed.Community], info: Info) -> Load[str, tuple[ModuleRecord, ...]] | None:
        return load_modules(info, root.code)

    @strawberry.field(
        description="Modules about which the two platforms disagree; null when security does not report this "
        "community, or not readably (模块差异).",
        directives=needs(["module:read"]),
        graphql_type=list[ModuleDrift] | None,
        metadata=costs(calls=2),
    )
    async def module_drift(
        root: strawberry.Parent[composed.Community], info: Info
    ) -> list[composed.ModuleDrift] | None:
        loaders = info.context.loaders
        modules, states = only_values(
            await fetch((Load(loaders.modules, root.code), Load(loaders.module_states, "all")))
        )
        reported = composed.readable(states.get(root.code))
        return None if reported is None else list(composed.module_drift(modules, reported))

    @strawberry.field(
        description="The house at this address: an address, not a proof that it exists, since no platform lists houses "
        "(房屋).",
        directives=needs(["people:read"]),
        graphql_type=House | None,
    )
    def house(
        root: strawberry.Parent[composed.Community], building: Building, unit: Unit, floor: Floor, room: Room
    ) -> HouseRecord:
        return house_at(records.HouseKey(root.code, building, unit, floor, room))

    @strawberry.field(
        description="What is waiting here, in numbers: at most four calls, side by side (概览).",
        graphql_type=CommunitySummary | None,
    )
    def summary(root: strawberry.Parent[composed.Community]) -> composed.Community | None:
        return root if root.code else None

    @strawberry.field(
        description="Sums of the orders that match the filter: paid or not, open or closed, unless the "
        "filter says otherwise (费用汇总).",
        directives=needs([ORDERS.records.scope]),
        graphql_type=FeeSummary | None,
        metadata=ALL_ORDERS,
    )
    def fees(
        root: strawberry.Parent[composed.Community], info: Info, filter: FilterOrders = None, group_by: GroupBy = None
    ) -> Lookup[AllOrdersKey, FeeSummaryRecord] | None:
        query = ORDERS.query(filter)
        if not info.context.principal.sees(root.code):
            return None
        loaders = info.context.loaders

        def add_up(orders: records.WholeList[OrderRecord]) -> FeeSummaryRecord:
            return summarise(orders, group_by, loaders.source.shared.now(), mask_text)

        load = Load(loaders.all_orders, AllOrdersKey(root.code, query), add_up)
        return info.context.counted(load) if ORDERS.records.names_someone(query) else load

    @strawberry.field(
        description="Whether wjdh and this gateway agree on what is paid (对账).",
        directives=needs(["order:read", "payment:read"]),
        graphql_type=Reconciliation | None,
        metadata=ALL_ORDERS,
    )
    def reconciliation(
        root: strawberry.Parent[composed.Community], info: Info, since: Since = None, until: Until = None
    ) -> Load[ReconciliationKey, ReconciliationRecord] | None:
        if since is not None and until is not None and until <= since:
            raise UserInputError("until", InputWording.AFTER(field="until", other="since"))
        if not info.context.principal.sees(root.code):
            return None
        return Load(info.context.loaders.reconciliation, ReconciliationKey(root.code, Period(since, until)))


def community_list() -> Any:
    """The communities that the caller may see, as a field of whatever leads to them."""

    async def resolve(info: Info) -> list[composed.Community]:
        return [composed.Community(code) for code in await community_codes(info)]

    return strawberry.field(
        resolver=resolve,
        description="The communities that the caller may see: those of the token, in its order; for one who may see "
        "all, those that the gateway is set up with, else those that the security platform reports (小区列表).",
        graphql_type=list[Community] | None,
        metadata=COMMUNITY_LIST,
    )


Code = Annotated[
    strawberry.ID,
    strawberry.argument(description='Its code, such as "10002" or "00001": a text, zeros kept (小区标识).'),
]


@strawberry.type
class CommunityQueries:
    @strawberry.field(
        description="A community by its code; null when the caller may not see it. No platform says whether a code "
        "exists (小区).",
        graphql_type=Community | None,
        metadata=ONE_COMMUNITY,
    )
    def community(self, info: Info, code: Code) -> composed.Community | None:
        checked = community(code, "code")
        return composed.Community(checked) if info.context.principal.sees(checked) else None

    communities = community_list()
