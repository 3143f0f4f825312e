"""The root of all events."""

import strawberry

from schema.subscriptions.events import EventSubscriptions
from schema.subscriptions.payment import PaymentSubscriptions
from schema.subscriptions.record_list import RecordListSubscriptions


@strawberry.type(description="All events (订阅).")
class Subscription(EventSubscriptions, PaymentSubscriptions, RecordListSubscriptions):
    """One class per entity."""
