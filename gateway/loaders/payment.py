"""The payment notifications this gateway received, by order, and what contradicted them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from gateway.errors import JournalError
from gateway.journal.payments import Payments
from gateway.journal.records import Payment, PaymentConflict
from gateway.loaders.journal import JournalLoader
from gateway.loaders.placement import Placement


class NotificationKey(NamedTuple):
    """The number of an order, and the community whose list it stands in."""

    community_code: str
    order_number: str


class NotificationLoader(JournalLoader[NotificationKey, Payment | None]):
    """One query for all orders of a level. An order that is shown places its payment, if nothing else has before."""

    def __init__(self, payments: Payments, placement: Placement) -> None:
        super().__init__()
        self._payments = payments
        self._placement = placement

    async def read(self, keys: Sequence[NotificationKey]) -> list[Payment | None]:
        found = await self._payments.by_order_number([key.order_number for key in keys])
        unplaced: defaultdict[str, set[str]] = defaultdict(set)
        for community_code, number in keys:
            if (payment := found.get(number)) is not None and payment.community_code is None:
                unplaced[community_code].add(number)
        for community_code, numbers in unplaced.items():
            try:
                found |= await self._placement.place(community_code, numbers)
            except JournalError:  # which can be read at least: the order is where it is, and that is recorded later
                for number in numbers:
                    found[number] = msgspec.structs.replace(found[number], community_code=community_code)
        return [found.get(key.order_number) for key in keys]


class ConflictsLoader(JournalLoader[str, tuple[PaymentConflict, ...]]):
    """Keyed by the payment's id; one query for all payments of a level."""

    def __init__(self, payments: Payments) -> None:
        super().__init__()
        self._payments = payments

    async def read(self, keys: Sequence[str]) -> list[tuple[PaymentConflict, ...]]:
        found = await self._payments.conflicts(keys)
        return [found[key] for key in keys]
