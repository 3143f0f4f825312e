"""From events, which name records, to the records as this caller may see them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import AbstractContextManager
from typing import TypeAlias, TypeVar

from cachetools import LRUCache

from gateway.context import Info
from gateway.errors import EventsMissedError, GatewayError
from gateway.events import Event, Missed, Subscription
from gateway.wording.requests import RequestWording

REMEMBERED = 256

RecordT = TypeVar("RecordT")

Stream: TypeAlias = AsyncGenerator[RecordT | GatewayError, None]
"""The source of a subscription. An error in it is the error of one event: graphql-core raises it in the field."""


async def follow(
    info: Info,
    events: AbstractContextManager[Subscription],
    read: Callable[[Event], Awaitable[RecordT | None]],
    state: Callable[[RecordT], Hashable],
    *,
    once: bool = False,
) -> Stream[RecordT]:
    """The record of each event, read anew; events whose `read` gives None are not this caller's, or say nothing.

    The same change may be published twice, by the action that made it and by the watch that found it: a record whose
    `state` is as it was sent last is not sent again. Unless an error came in between: the subscriber may have read the
    list then, and seen what was taken back since. What never changes is sent `once` in any case.
    """
    sent: LRUCache[str, Hashable] = LRUCache(REMEMBERED)
    with events as subscription:
        async for event in subscription:
            if isinstance(event, Missed):
                if not once:
                    sent.clear()
                yield EventsMissedError(RequestWording.EVENTS_MISSED())
                continue
            info.context.renew()
            try:
                record = await read(event)
            except GatewayError as error:
                if not once:
                    sent.pop(event.record_id, None)
                yield error
                continue
            if record is not None and sent.get(event.record_id) != state(record):
                sent[event.record_id] = state(record)
                yield record


async def nothing() -> AsyncGenerator[RecordT, None]:
    """Ends at once: what the caller asks for is not theirs to see."""
    return
    yield
