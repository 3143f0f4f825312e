"""What a resolver returns when it needs I/O: which loader, which key. Nothing has been asked yet."""

from collections.abc import Generator, Hashable, Iterable
from typing import Any, Generic, Protocol, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")
LoaderKeyT_contra = TypeVar("LoaderKeyT_contra", bound=Hashable, contravariant=True)
LoaderValueT_co = TypeVar("LoaderValueT_co", covariant=True)


class Loader(Protocol[LoaderKeyT_contra, LoaderValueT_co]):
    """The part of aiodataloader.DataLoader that execution uses."""

    def load(self, key: LoaderKeyT_contra) -> Any: ...

    def load_many(self, keys: Iterable[LoaderKeyT_contra]) -> Any: ...


class Load(Generic[KeyT, ValueT]):
    """An awaitable (loader, key) pair.

    graphql-core awaits it like any awaitable. A compiled plan never awaits it: it collects the pairs of a whole level
    and asks each loader once for all of its keys.
    """

    __slots__ = ("key", "loader")

    def __init__(self, loader: Loader[KeyT, ValueT], key: KeyT) -> None:
        self.loader = loader
        self.key = key

    def __await__(self) -> Generator[Any, None, ValueT]:
        return self.loader.load(self.key).__await__()  # type: ignore[no-any-return] # the loader's future is untyped
