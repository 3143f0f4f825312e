"""The root of all events."""

import strawberry

from schema.subscriptions.payment import PaymentSubscriptions
from schema.subscriptions.repair import RepairSubscriptions
from schema.subscriptions.shenhe import ShenheSubscriptions


@strawberry.type(description="All events (订阅).")
class Subscription(PaymentSubscriptions, ShenheSubscriptions, RepairSubscriptions):
    """One class per entity."""
