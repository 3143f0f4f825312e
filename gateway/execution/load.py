"""What a resolver returns when it needs I/O: which loader, which key. Nothing has been asked yet."""

import asyncio
from collections.abc import Callable, Generator, Hashable
from inspect import iscoroutine
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from gateway.futures import join

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")
LoaderKeyT_contra = TypeVar("LoaderKeyT_contra", bound=Hashable, contravariant=True)
LoaderValueT_co = TypeVar("LoaderValueT_co", covariant=True)


class Loader(Protocol[LoaderKeyT_contra, LoaderValueT_co]):
    """The part of aiodataloader.DataLoader that execution uses.

    A loader may have `load_level(keys)` besides, a coroutine that gives the value or the error of each key, in order:
    a plan then asks it once for a whole level (see `gateway.execution.level_loader`).
    """

    def load(self, key: LoaderKeyT_contra) -> Any: ...


class Load(msgspec.Struct, Generic[KeyT, ValueT], eq=False, gc=False):
    """An awaitable (loader, key) pair, and what to `pick` from the loaded value; None takes it as it is.

    graphql-core awaits it like any awaitable. A compiled plan never awaits it: it collects the pairs of a whole level
    and asks each loader once for all of its keys.

    What a loader gives as a future is awaited with `join`: all fields that want the same key share it.
    graphql-core cancels the siblings of a field whose error nulls their parent, and a future cancelled for one of them
    is cancelled for all: fields elsewhere that share it would end the whole request. A coroutine is shared by nobody.
    """

    loader: Loader[KeyT, Any]
    key: KeyT
    pick: Callable[[Any], ValueT] | None = None

    def picked(self, outcome: Any) -> Any:
        """What is picked from a loaded value, or the error of doing so; an error is handed on."""
        if self.pick is None or isinstance(outcome, Exception):
            return outcome
        try:
            return self.pick(outcome)
        except Exception as error:  # noqa: BLE001 # it is the outcome
            return error

    def __await__(self) -> Generator[Any, None, ValueT]:
        loading = self.loader.load(self.key)
        value = yield from (loading if iscoroutine(loading) else join(asyncio.ensure_future(loading))).__await__()
        return value if self.pick is None else self.pick(value)
