"""Every call the platforms received, for tests to count."""

from collections import Counter, deque
from dataclasses import dataclass

from gateway.sandbox.endpoint import PlatformName

KEPT = 20_000
"""So many calls are kept word for word, the newest; all are counted."""


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One request to a documented endpoint. `at` is a time of the sandbox's clock, `connection` a number."""

    platform: PlatformName
    endpoint: str
    method: str
    form: dict[str, str]
    raw_headers: list[tuple[bytes, bytes]]
    at: float
    connection: int

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers by lower-case name."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.raw_headers}


class CallLog:
    """Calls in the order they arrived."""

    def __init__(self) -> None:
        self._calls: deque[LoggedCall] = deque(maxlen=KEPT)
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, call: LoggedCall) -> None:
        self._calls.append(call)
        self._counts[call.platform, call.endpoint] += 1

    def clear(self) -> None:
        self._calls.clear()
        self._counts.clear()

    @property
    def calls(self) -> list[LoggedCall]:
        return list(self._calls)

    def counts(self) -> dict[tuple[str, str], int]:
        """Calls by (platform, endpoint), token calls under their own names."""
        return dict(self._counts)
