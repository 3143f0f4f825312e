"""What is kept for as long as it is used.

Each request looks several things up by its document: hence a dict that remembers the order itself, in C.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")

BYTES_PER_ENTRY = 64 * 1024
"""Of memory, on average, before documents and plans leave earlier than their count asks for."""

BYTES_PER_TOKEN = 300
"""What the parsed form of one token of a document takes in memory, measured and rounded up."""


class Kept(OrderedDict[KeyT, ValueT]):
    """Values up to `most` in weight together; the least recently used go first. `weigh` is asked when one is kept."""

    def __init__(self, most: int, weigh: Callable[[ValueT], int]) -> None:
        super().__init__()
        self._most = most
        self._weigh = weigh
        self._weights: dict[KeyT, int] = {}
        self._weight = 0

    def use(self, key: KeyT) -> ValueT:
        """The value, which is then the last to go. Raises KeyError."""
        value = self[key]
        self.move_to_end(key)
        return value

    def keep(self, key: KeyT, value: ValueT) -> None:
        """Keep a value, or one that weighs more by now. What is heavier than all may be is not kept."""
        self._drop(key)
        weight = self._weigh(value)
        if weight > self._most:
            return
        while self._weight + weight > self._most:
            self._drop(next(iter(self)))
        self[key] = value
        self._weights[key] = weight
        self._weight += weight

    def clear(self) -> None:
        super().clear()
        self._weights.clear()
        self._weight = 0

    def _drop(self, key: KeyT) -> None:
        self.pop(key, None)
        self._weight -= self._weights.pop(key, 0)
