"""What a resolver returns when it needs I/O: which loader, which key. Nothing has been asked yet."""

from collections.abc import Callable, Generator, Hashable
from typing import Any, Generic, TypeVar

import msgspec

from gateway.execution.level_loader import LevelLoader
from gateway.futures import join

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class Load(msgspec.Struct, Generic[KeyT, ValueT], eq=False, gc=False):
    """An awaitable (loader, key) pair, and what to `pick` from the loaded value; None takes it as it is.

    graphql-core awaits it like any awaitable. A compiled plan never awaits it: it collects the pairs of a whole level
    and asks each loader once for all of its keys.

    The future of a loader that collects keys is awaited with `join`: all fields that want the same key share it.
    graphql-core cancels the siblings of a field whose error nulls their parent, and a future cancelled for one of them
    is cancelled for all: fields elsewhere that share it would end the whole request. Another loader (`batch` False) is
    asked in the task of the caller, and what it does is cancelled with the caller.
    """

    loader: LevelLoader[KeyT, Any]
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
        value: Any
        if self.loader.batch:
            value = yield from join(self.loader.load(self.key)).__await__()
        else:
            [value] = yield from self.loader.load_all((self.key,)).__await__()
        return value if self.pick is None else self.pick(value)
