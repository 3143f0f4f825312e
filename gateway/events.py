"""Events, published to those who wait for them: subscriptions, the relay, caches.

An event says which record changed, never what it holds. It may be lost (a slow subscriber, a broken connection to
the other gateways); then the subscriber learns that, and looks for itself.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import Final, Protocol, TypeAlias
from uuid import uuid4

import msgspec

from gateway.errors import GatewayError

ORDER_PAID = "order.paid"
PAYMENT_UNCLEAR = "payment.unclear"
PAYMENT_PLACED = "payment.placed"
PAYMENT_QUEUED = "payment.queued"
SHENHE_CHANGED = "shenhe.changed"
REPAIR_CHANGED = "repair.changed"
"""The topics. An event of the first four carries the id of a payment, of the last two the platform's row number."""

PAYMENT = "payment"
OPERATION = "operation"
"""Topics of the journal's events alone, beside SHENHE_CHANGED and REPAIR_CHANGED (`gateway.journal.events`)."""

CHANNEL = "gateway_events"
CAPACITY = 256
LARGEST_BACKLOG = 1000
# Well below the 7999 bytes a NOTIFY may carry.
LARGEST_PARCEL = 20
RETRY_DELAY = 1.0


class Event(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """`topic` names what happened (ORDER_PAID), `record_id` the record: ids only, no personal data."""

    topic: str
    community_code: str | None
    record_id: str


class ReadsDropped(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """What these endpoints answered before is out of date, in one community or (None) in all. For caches alone."""

    community_code: str | None
    endpoints: tuple[str, ...]


class Missed(msgspec.Struct, frozen=True):
    """Events may have been lost here: what was derived from them is to be looked up again."""


MISSED: Final = Missed()

AnyEvent: TypeAlias = Event | ReadsDropped | Missed


class Notifier(Protocol):
    """What the bus needs to reach the other gateways: the journal has it."""

    async def notify(self, channel: str, message: str) -> None: ...

    def listen(self, channel: str, heard: Callable[[str | None], None]) -> AbstractAsyncContextManager[None]: ...


class Subscription:
    """An endless iterator over the events of some topics, in order; a `Missed` stands where some did not fit."""

    def __init__(self, topics: frozenset[str], capacity: int) -> None:
        self._topics = topics
        self._capacity = capacity
        self._queue: deque[Event | Missed] = deque()
        self._arrived = asyncio.Event()

    def __aiter__(self) -> AsyncIterator[Event | Missed]:
        return self

    async def __anext__(self) -> Event | Missed:
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()
        return self._queue.popleft()

    def put(self, event: Event | Missed) -> None:
        """Add an event of these topics, or a `Missed`. A full queue is emptied: its reader is too far behind."""
        if isinstance(event, Event) and event.topic not in self._topics:
            return
        if len(self._queue) >= self._capacity:
            self._queue.clear()
            self._queue.append(MISSED)
        if event is not MISSED or not self._queue or self._queue[-1] is not MISSED:
            self._queue.append(event)
        self._arrived.set()


class _Parcel(msgspec.Struct, frozen=True, array_like=True):
    """What travels between gateways: the sender, some of its events, and whether some before them were lost."""

    sender: str
    events: tuple[Event | ReadsDropped, ...]
    missed: bool


class EventBus:
    """Publish and subscribe within this process, and across all gateways inside `bridge`."""

    def __init__(self) -> None:
        self._name = uuid4().hex
        self._subscriptions: set[Subscription] = set()
        self._attached: list[Callable[[AnyEvent], None]] = []
        self._leaving: deque[Event | ReadsDropped] = deque()
        self._left_behind = False
        self._to_send = asyncio.Event()

    def publish(self, event: Event | ReadsDropped) -> None:
        """Notify this process's subscribers now, and the other gateways soon. Never waits, never raises."""
        self.deliver(event)
        if len(self._leaving) >= LARGEST_BACKLOG:
            self._leaving.clear()
            self._left_behind = True
        self._leaving.append(event)
        self._to_send.set()

    @contextmanager
    def subscribe(self, *topics: str, capacity: int = CAPACITY) -> Iterator[Subscription]:
        """The events of these topics that are published from now on, until the block ends."""
        subscription = Subscription(frozenset(topics), capacity)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    def attach(self, heard: Callable[[AnyEvent], None]) -> None:
        """Have `heard` called with every event from now on, before `publish` returns. It must not raise."""
        self._attached.append(heard)

    @asynccontextmanager
    async def bridge(self, notifier: Notifier) -> AsyncIterator[None]:
        """Exchange events with the other gateways until the block ends; what is left to send then is sent."""
        async with notifier.listen(CHANNEL, self._hear):
            sender = asyncio.create_task(self._keep_sending(notifier))
            try:
                yield
            finally:
                sender.cancel()
                with suppress(asyncio.CancelledError):
                    await sender
                with suppress(GatewayError):
                    await self._send(notifier)

    def deliver(self, event: AnyEvent) -> None:
        """Notify this process's subscribers alone."""
        for heard in self._attached:
            heard(event)
        if not isinstance(event, ReadsDropped):
            for subscription in self._subscriptions:
                subscription.put(event)

    def _hear(self, message: str | None) -> None:
        try:
            parcel = None if message is None else msgspec.json.decode(message, type=_Parcel)
        except msgspec.DecodeError:  # from a gateway of another version
            parcel = None
        if parcel is None:
            self.deliver(MISSED)
        elif parcel.sender != self._name:
            if parcel.missed:
                self.deliver(MISSED)
            for event in parcel.events:
                self.deliver(event)

    async def _keep_sending(self, notifier: Notifier) -> None:
        while True:
            await self._to_send.wait()
            try:
                await self._send(notifier)
            except GatewayError:  # which the journal logs
                await asyncio.sleep(RETRY_DELAY)

    async def _send(self, notifier: Notifier) -> None:
        while self._leaving or self._left_behind:
            events = tuple(self._leaving.popleft() for _ in range(min(len(self._leaving), LARGEST_PARCEL)))
            parcel = _Parcel(self._name, events, self._left_behind)
            self._left_behind = False
            try:
                await notifier.notify(CHANNEL, msgspec.json.encode(parcel).decode())
            except BaseException:
                self._left_behind = True
                raise
        self._to_send.clear()
