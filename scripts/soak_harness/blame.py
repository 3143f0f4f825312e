"""Whose fault each failed answer was."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from faults import GRACE, Faults
from loader import Failure

UNKNOWN = "UNKNOWN"
"""The outcome of a write whose answer the platform did not give."""


class Restart(NamedTuple):
    """Times of the monotonic clock."""

    name: str
    begin: float
    end: float

    def met(self, failure: Failure) -> bool:
        return self.begin <= failure.answered and failure.sent <= self.end + GRACE


class Blame:
    """`platforms` counts the failed answers that a platform is to blame for, by what they were of and their codes.

    `ours` are all others.
    """

    def __init__(self, faults: Faults) -> None:
        self.platforms: Counter[str] = Counter()
        self.ours: list[Failure] = []
        self._faults = faults

    def judge(self, failure: Failure) -> None:
        """At once: no later fault can be to blame."""
        if is_platforms(failure.codes) and self._faults.were_on(failure.sent, failure.answered):
            self.platforms[_what(failure)] += 1
        else:
            self.ours.append(failure)

    def __str__(self) -> str:
        return f"{self.platforms.total()}+{len(self.ours)}"

    def list_ours(self, began: float, restarts: Sequence[Restart]) -> list[str]:
        """How many of each kind there are, at what minutes, and during which restart."""
        kinds: dict[str, list[float]] = {}
        for failure in self.ours:
            met = "".join(f" ({restart.name})" for restart in restarts if restart.met(failure))
            kinds.setdefault(_what(failure) + met, []).append((failure.answered - began) / 60)
        ordered = sorted(kinds.items(), key=lambda kind: -len(kind[1]))
        return [f"{len(at)} {what}, {min(at):.2f} to {max(at):.2f} min" for what, at in ordered]


def is_platforms(codes: Iterable[str]) -> bool:
    """Whether all of these codes speak of a platform."""
    return all(code.startswith("UPSTREAM_") or code in (UNKNOWN, "NOT_SENT") for code in codes)


def _what(failure: Failure) -> str:
    return f"{failure.name} {'+'.join(sorted(set(failure.codes)))}"
