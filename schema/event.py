"""Events: what happened to a record, and where to go on after it."""

from datetime import datetime
from typing import Annotated

import strawberry

from gateway.context import Info
from gateway.loaders.event_streams import Cursor, Happenings
from schema.fields import plain

After = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor of the event received last, from any of these subscriptions: begins with what was "
        "noticed since; omitted: with what is noticed from now on. In an event stream, the header Last-Event-ID goes "
        "before it (起始游标)."
    ),
]

NULL_RECORD = "null where it is gone, or the event says no more than that changes may have been missed"


@strawberry.interface(description="Something that was noticed, kept for 24 hours (事件).")
class Event:
    cursor: str = plain("Opaque: where to go on after this event, as the argument `after` (游标).")
    at: datetime = plain("When it was noticed (时间).")
    missed: bool = plain(
        "Whether, between the event before and this one, changes may have gone unnoticed: read the list again "
        "(是否可能有遗漏)."
    )


def make_cursor(info: Info, after: str | None) -> Cursor | None:
    """Where to begin. Raises UserInputError for what is no cursor."""
    text = info.context.last_event_id or after
    return None if text is None else info.context.event_streams.cursors.read(text)


async def renewed(info: Info, happenings: Happenings) -> Happenings:
    """The events, each with what the caller may see then and nothing read before."""
    try:
        async for happened in happenings:
            info.context.renew()
            yield happened
    finally:
        await happenings.aclose()


async def nothing() -> Happenings:
    """Ends at once: what the caller asks for is not theirs to see."""
    return
    yield
