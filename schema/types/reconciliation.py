"""wjdh's paid flags held against the payment notifications of this gateway."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from gateway.context import Info
from gateway.errors import UserInputError
from gateway.execution.load import Load
from gateway.loaders import reconciliation
from gateway.loaders.reconciliation import MOST_LISTED, Period, ReconciliationKey
from gateway.wording.inputs import InputWording
from schema.types.costs import ALL_ORDERS, RECONCILED_NOTIFICATIONS, RECONCILED_ORDERS
from schema.types.fields import needs, plain, record_type
from schema.types.order import Money, Order
from schema.types.payment import Payment

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
    reconciliation.Reconciliation,
    description="The orders that wjdh calls paid, held against the payment notifications this gateway holds. What is "
    "not certain is in no list: then `complete` is false (对账结果).",
)
class Reconciliation:
    matched: int = plain("Paid orders with a notification received in the period (已核对订单数).")
    matched_amount: Money = plain("What they come to, exactly: the orders' amounts (已核对金额).")
    paid_without_notification: list[Order] = plain(
        f"Orders that wjdh calls paid and no notification came for, at any time; the newest {MOST_LISTED} "
        "(已付款但未收到通知的订单).",
        metadata=RECONCILED_ORDERS,
    )
    paid_without_notification_count: int = plain("How many there are (已付款但未收到通知的订单数).")
    earlier_paid_without_notification_count: int = plain(
        "How many more were created before `since`: no platform says when an order was paid, so it may have been in "
        "the period (起始时间之前创建的此类订单数)."
    )
    notified_unpaid: list[Payment] = plain(
        "Notifications whose order wjdh calls unpaid, or does not have: received in the period and before the orders "
        f"were read; the newest {MOST_LISTED} (已通知但平台未标记付款的通知).",
        metadata=RECONCILED_NOTIFICATIONS,
    )
    notified_unpaid_count: int = plain("How many there are (已通知但平台未标记付款的通知数).")
    undelivered: list[Payment] = plain(
        "Notifications received in the period that the security platform does not have yet, paid or not; the newest "
        f"{MOST_LISTED} (未送达的通知).",
        metadata=RECONCILED_NOTIFICATIONS,
    )
    undelivered_count: int = plain("How many there are (未送达的通知数).")
    complete: bool = plain(
        "All orders were read, with their numbers and paid flags, and the amounts of those that match (是否完整)."
    )
    as_of: datetime = plain("When the oldest page of orders was read (数据时间).")


def _reconciliation(
    root: strawberry.Parent[Any], info: Info, since: Since = None, until: Until = None
) -> Load[ReconciliationKey, reconciliation.Reconciliation] | None:
    if since is not None and until is not None and until <= since:
        raise UserInputError("until", InputWording.AFTER(field="until", other="since"))
    if not info.context.principal.sees(root.code):
        return None
    return Load(info.context.loaders.reconciliation, ReconciliationKey(root.code, Period(since, until)))


RECONCILIATION = strawberry.field(
    resolver=_reconciliation,
    description="Whether wjdh and this gateway agree on what is paid (对账).",
    directives=needs(["order:read", "payment:read"]),
    graphql_type=Reconciliation | None,
    metadata=ALL_ORDERS,
)
