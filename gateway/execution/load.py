"""What a resolver returns when it needs I/O: which loader, which key. Nothing has been asked yet."""

import asyncio
from collections.abc import Generator, Hashable
from typing import Any, Generic, Protocol, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")
LoaderKeyT_contra = TypeVar("LoaderKeyT_contra", bound=Hashable, contravariant=True)
LoaderValueT_co = TypeVar("LoaderValueT_co", covariant=True)


class Loader(Protocol[LoaderKeyT_contra, LoaderValueT_co]):
    """The part of aiodataloader.DataLoader that execution uses."""

    def load(self, key: LoaderKeyT_contra) -> Any: ...


class Load(Generic[KeyT, ValueT]):
    """An awaitable (loader, key) pair.

    graphql-core awaits it like any awaitable. A compiled plan never awaits it: it collects the pairs of a whole level
    and asks each loader once for all of its keys.

    Awaiting it is shielded: all fields that want the same key share one future of the loader. graphql-core cancels the
    siblings of a field whose error nulls their parent, and a future cancelled for one of them is cancelled for all:
    fields elsewhere that share it would end the whole request.
    """

    __slots__ = ("key", "loader")

    def __init__(self, loader: Loader[KeyT, ValueT], key: KeyT) -> None:
        self.loader = loader
        self.key = key

    def __await__(self) -> Generator[Any, None, ValueT]:
        future: asyncio.Future[ValueT] = asyncio.ensure_future(self.loader.load(self.key))
        try:
            return (yield from asyncio.shield(future).__await__())
        except asyncio.CancelledError:
            disregard(future)
            raise


def disregard(future: asyncio.Future[Any]) -> None:
    """Nobody waits for this future any more: asyncio is not to report its error as one that was forgotten."""
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
