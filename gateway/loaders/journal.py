"""What is read from the journal: by one query for all that a level of a response asks for."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeVar

from gateway.execution.level_loader import LevelLoader
from gateway.journal.history import HistoryKey
from gateway.journal.operations import Operations
from gateway.journal.records import Operation
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
