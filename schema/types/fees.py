"""What the orders of a community come to."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from gateway.auth.masking import mask_text
from gateway.context import Info, Lookup
from gateway.execution.load import Load
from gateway.loaders.all_orders import AllOrdersKey
from gateway.normalise import fees, records
from gateway.normalise.order import Order
from gateway.normalise.states import AGE_BANDS, PERSONAL_CHARGES, UNKNOWN_GROUP, FeeGrouping
from schema.types.costs import ALL_ORDERS
from schema.types.fields import needs, plain, record_type
from schema.types.order import ORDERS, FilterOrders, Money

UNKNOWN_KEY, PERSONAL_KEY = UNKNOWN_GROUP[0], PERSONAL_CHARGES[0]

GroupBy = Annotated[
    FeeGrouping | None,
    strawberry.argument(description="By what to add up besides; omitted: the whole alone (分组方式)."),
]


@record_type(fees.FeeGroup, description="The orders of one group, and what they come to (费用分组汇总).")
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
    fees.FeeSummary,
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


def _fees(
    root: strawberry.Parent[Any], info: Info, filter: FilterOrders = None, group_by: GroupBy = None
) -> Lookup[AllOrdersKey, fees.FeeSummary] | None:
    query = ORDERS.query(filter)
    if not info.context.principal.sees(root.code):
        return None
    loaders = info.context.loaders

    def add_up(orders: records.WholeList[Order]) -> fees.FeeSummary:
        return fees.summarise(orders, group_by, loaders.source.shared.now(), mask_text)

    load = Load(loaders.all_orders, AllOrdersKey(root.code, query), add_up)
    return info.context.counted(load) if ORDERS.records.names_someone(query) else load


FEES = strawberry.field(
    resolver=_fees,
    description="What its orders come to, of those the filter finds: paid or not, open or closed, unless the filter "
    "says otherwise (费用汇总).",
    directives=needs([ORDERS.records.scope]),
    graphql_type=FeeSummary | None,
    metadata=ALL_ORDERS,
)
