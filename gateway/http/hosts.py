"""Which names the gateway answers to: against web pages that have their own name point at it (DNS rebinding)."""

from collections.abc import Collection
from functools import lru_cache

LONGEST_HOST = 255


class Hosts:
    """The names of the `Host` header, such as `gateway.example`, that are answered, on any port; with none, all are."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)
        self._cached = lru_cache(maxsize=64)(self._names_it)

    def accept(self, headers: list[tuple[bytes, bytes]]) -> bool:
        """Whether a request with these headers is for the gateway."""
        if not self._names:
            return True
        for name, value in headers:
            if name == b"host":
                return len(value) <= LONGEST_HOST and self._cached(value)
        return False

    def _names_it(self, host: bytes) -> bool:
        """With or without port; IPv6 addresses have brackets there."""
        text = host.decode("latin-1").lower()
        name, separator, port = text.rpartition(":")
        if not separator or port.endswith("]"):
            name, port = text, ""
        if port and not port.isdigit():
            return False
        return name.removeprefix("[").removesuffix("]") in self._names
