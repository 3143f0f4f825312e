"""The bus between the parts of a gateway, and between gateways: what caches have to drop, and who has to wake up.

It carries no news of records: those are the journal's events (`gateway.journal.events`). A message may be lost with the
connection to the other gateways. They learn that much, and then drop all and wake everyone.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from enum import StrEnum
from itertools import islice
from typing import Any, Final, Protocol, TypeAlias
from uuid import uuid4

import msgspec

from gateway.errors import GatewayError

LARGEST_BACKLOG = 1000
# Well below the 7999 bytes a NOTIFY may carry.
LARGEST_PARCEL = 20
RETRY_DELAY = 1.0


class WakeUp(StrEnum):
    """That there is work to look for in the journal."""

    EVENTS_NOTED = "events.noted"
    PAYMENTS_DUE = "payments.due"
    """Notifications were received, or are to be delivered again."""

    PAYMENTS_PLACED = "payments.placed"
    """The communities of notifications were recorded."""


class ReadsDropped(msgspec.Struct, frozen=True, array_like=True):
    """What these endpoints answered before is out of date, in one community or (None) in all. For caches alone."""

    community_code: str | None
    endpoints: tuple[str, ...]


class Missed(msgspec.Struct, frozen=True):
    """Messages may have been lost here."""


MISSED: Final = Missed()

Message: TypeAlias = WakeUp | ReadsDropped


class Notifier(Protocol):
    """How messages reach the other gateways."""

    async def notify(self, message: str) -> None:
        """Notify every listener, this process's own included. At most 7999 bytes. Raises JournalError."""
        ...

    def listen(self, heard: Callable[[str | None], None]) -> AbstractAsyncContextManager[None]:
        """Have `heard` called with each message, inside the event loop, until the block ends; with None when some may
        have been missed, after the connection had been lost. Never raises for a lost connection.
        """
        ...


class _Parcel(msgspec.Struct, frozen=True, array_like=True):
    """What travels between gateways: the sender, some of its messages, and whether some before them were lost."""

    sender: str
    messages: tuple[Message, ...]
    missed: bool


class EventBus:
    """Publish within this process, and to all gateways inside `bridge`."""

    def __init__(self) -> None:
        self._name = uuid4().hex
        self._attached: list[tuple[Callable[[Any], None], tuple[type, ...]]] = []
        self._sleeping: list[tuple[asyncio.Event, tuple[WakeUp, ...]]] = []
        self._leaving: dict[Message, None] = {}
        self._left_behind = False
        self._to_send = asyncio.Event()

    def publish(self, *messages: Message) -> None:
        """Notify this process now, and the other gateways soon. Never waits, never raises."""
        self.deliver(*messages)
        if len(self._leaving) >= LARGEST_BACKLOG:
            self._leaving.clear()
            self._left_behind = True
        self._leaving.update(dict.fromkeys(messages))
        self._to_send.set()

    def attach(self, heard: Callable[[Any], None], *kinds: type) -> None:
        """Have `heard` called with every message of these `kinds`, or of all, from now on, before `publish` returns. It
        must not raise.
        """
        self._attached.append((heard, kinds or (object,)))

    @contextmanager
    def wake_ups(self, *kinds: WakeUp) -> Iterator[asyncio.Event]:
        """An event that these wake-ups set until the block ends. Whoever waits for it clears it."""
        woken = asyncio.Event()
        self._sleeping.append((woken, kinds))
        try:
            yield woken
        finally:
            self._sleeping.remove((woken, kinds))

    @asynccontextmanager
    async def bridge(self, notifier: Notifier) -> AsyncIterator[None]:
        """Exchange messages with the other gateways until the block ends; what is left to send then is sent."""
        async with notifier.listen(self._hear):
            sender = asyncio.create_task(self._keep_sending(notifier))
            try:
                yield
            finally:
                sender.cancel()
                with suppress(asyncio.CancelledError):
                    await sender
                with suppress(GatewayError):
                    await self._send(notifier)

    def deliver(self, *messages: Message | Missed) -> None:
        """Notify this process alone."""
        for message in messages:
            for heard, kinds in self._attached:
                if isinstance(message, kinds):
                    heard(message)
            for woken, wake_ups in self._sleeping:
                if message in wake_ups or message is MISSED:
                    woken.set()

    def _hear(self, text: str | None) -> None:
        try:
            parcel = None if text is None else msgspec.json.decode(text, type=_Parcel)
        except msgspec.DecodeError:  # from a gateway of another version
            parcel = None
        if parcel is None:
            self.deliver(MISSED)
        elif parcel.sender != self._name:
            self.deliver(*([MISSED] if parcel.missed else []), *parcel.messages)

    async def _keep_sending(self, notifier: Notifier) -> None:
        while True:
            await self._to_send.wait()
            try:
                await self._send(notifier)
            except GatewayError:  # which the journal logs
                await asyncio.sleep(RETRY_DELAY)

    async def _send(self, notifier: Notifier) -> None:
        while self._leaving or self._left_behind:
            messages = tuple(islice(self._leaving, LARGEST_PARCEL))
            for message in messages:
                del self._leaving[message]
            parcel = _Parcel(self._name, messages, self._left_behind)
            self._left_behind = False
            try:
                await notifier.notify(msgspec.json.encode(parcel).decode())
            except BaseException:
                self._left_behind = True
                raise
        self._to_send.clear()
