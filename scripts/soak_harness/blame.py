"""Whose fault each failed answer was, and whether the promises were kept."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from faults import GRACE, Faults
from loader import Failure

UNKNOWN = "UNKNOWN"
"""The outcome of a write whose answer the platform did not give."""


class Restart(NamedTuple):
    name: str
    begin: float
    end: float


class Verdict:
    """`platforms` and `ours` count failed answers by what they were of and their codes."""

    def __init__(self, failures: Iterable[Failure], faults: Faults, restarts: Iterable[Restart]) -> None:
        self.platforms: Counter[str] = Counter()
        self.ours: Counter[str] = Counter()
        while_restarting = _naming(restarts)
        for failure in failures:
            what = f"{failure.name} {'+'.join(sorted(set(failure.codes)))}"
            if is_platforms(failure.codes) and faults.were_on(failure.sent, failure.answered):
                self.platforms[what] += 1
            else:
                self.ours[what + while_restarting(failure)] += 1


def is_platforms(codes: Iterable[str]) -> bool:
    """Whether all of these codes speak of a platform."""
    return all(code.startswith("UPSTREAM_") or code in (UNKNOWN, "NOT_SENT") for code in codes)


def _naming(restarts: Iterable[Restart]) -> Callable[[Failure], str]:
    known = tuple(restarts)

    def name(failure: Failure) -> str:
        met = (each for each in known if each.begin <= failure.answered and failure.sent <= each.end + GRACE)
        return next((f" ({each.name})" for each in met), "")

    return name
