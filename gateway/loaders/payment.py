"""The payment notifications this gateway received, by order number, and what contradicted them."""

from collections.abc import Sequence

from gateway.execution.level_loader import LevelLoader
from gateway.journal.payments import Payments
from gateway.journal.records import Payment, PaymentConflict


class NotificationLoader(LevelLoader[str, Payment | None]):
    """Keyed by order number; one query for all orders of a level."""

    def __init__(self, payments: Payments) -> None:
        super().__init__()
        self._payments = payments

    async def batch_load_fn(self, keys: Sequence[str]) -> list[Payment | None]:
        found = await self._payments.by_order_number(keys)
        return [found.get(key) for key in keys]


class ConflictsLoader(LevelLoader[str, tuple[PaymentConflict, ...]]):
    """Keyed by the payment's id; one query for all payments of a level."""

    def __init__(self, payments: Payments) -> None:
        super().__init__()
        self._payments = payments

    async def batch_load_fn(self, keys: Sequence[str]) -> list[tuple[PaymentConflict, ...]]:
        found = await self._payments.conflicts(keys)
        return [found[key] for key in keys]
