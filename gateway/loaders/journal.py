"""What is read from the journal: by one query for all that a level of a response asks for."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from gateway.errors import JournalError
from gateway.execution.load import LevelLoader
from gateway.journal.history import HistoryKey
from gateway.journal.operations import Operations
from gateway.journal.payments import Payments
from gateway.journal.records import Operation, Payment, PaymentConflict
from gateway.loaders.placement import Placement
from gateway.ops.trace import current_trace

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class JournalLoader(LevelLoader[KeyT, ValueT], ABC):
    """A loader that reads all keys of a level by one query of the journal."""

    async def batch_load_fn(self, keys: Sequence[KeyT]) -> list[ValueT]:
        trace = current_trace()
        if trace is None:
            return await self.read(keys)
        with trace.batch(self, len(keys)):
            return await self.read(keys)

    @abstractmethod
    async def read(self, keys: Sequence[KeyT]) -> list[ValueT]:
        """The value of each key, in order. Raises JournalError."""


class HistoryLoader(JournalLoader[HistoryKey, tuple[Operation, ...]]):
    """The operations on each record of a level, newest first."""

    def __init__(self, operations: Operations) -> None:
        super().__init__()
        self._operations = operations

    async def read(self, keys: Sequence[HistoryKey]) -> list[tuple[Operation, ...]]:
        return list(await self._operations.histories(keys))


class CountLoader(JournalLoader[KeyT, int]):
    """How many rows each query finds, for the fields of a list that need to know: a statement each."""

    def __init__(self, count: Callable[[KeyT], Awaitable[int]]) -> None:
        super().__init__()
        self._count = count

    async def read(self, keys: Sequence[KeyT]) -> list[int]:
        return [await self._count(key) for key in keys]


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
