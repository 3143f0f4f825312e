"""Faults of both platforms, which go on and off, and whose fault each failed answer was."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import NamedTuple

import httpx
from processes import CONTROL, CONTROLS
from sender import Failure

GRACE = 15.0
"""Seconds after a fault in which calls may fail for it: one that began before times out (after 8), and then a circuit
stays open (for 5)."""


class Planned(NamedTuple):
    platform: str
    kind: str
    options: Mapping[str, str] = {}


PLAN = (
    Planned("WJDH", "http_500"),
    Planned("SECURITY", "reset"),
    Planned("WJDH", "latency", {"seconds": "0.3"}),
    Planned("SECURITY", "http_500"),
    Planned("WJDH", "garbage"),
    Planned("WJDH", "reset"),
    Planned("SECURITY", "latency", {"seconds": "0.3"}),
    Planned("WJDH", "hang", {"times": "100"}),
    Planned("WJDH", "truncated"),
    Planned("SECURITY", "wrong_shape"),
    Planned("WJDH", "applied_then_reset"),
    Planned("SECURITY", "hang", {"times": "20"}),
    Planned("WJDH", "wrong_shape"),
)


class Restart(NamedTuple):
    """Times of the monotonic clock."""

    name: str
    begin: float
    end: float

    def met(self, failure: Failure) -> bool:
        return self.begin <= failure.answered and failure.sent <= self.end + GRACE


class Faults:
    """Run `run` in a task. While another holds `calm` none is on, and none was shortly before.

    `platforms` counts the failed answers that a platform is to blame for, by what they were of and their codes; `ours`
    are all others.
    """

    def __init__(self, settings: Mapping[str, str], on: float, off: float) -> None:
        """`on`, `off`: seconds; the pause is `GRACE` at least."""
        self.calm = asyncio.Lock()
        self.counts: Counter[str] = Counter()
        self.platforms: Counter[str] = Counter()
        self.ours: list[Failure] = []
        addresses = {platform: settings[f"GATEWAY_{platform}_URL"] for platform in ("WJDH", "SECURITY")}
        self._urls = {platform: f"{address}{CONTROL}faults" for platform, address in addresses.items()}
        self._on = on
        self._off = max(off, GRACE)
        self._windows: list[list[float]] = []

    async def run(self) -> None:
        async with httpx.AsyncClient(headers=CONTROLS, trust_env=False, timeout=10) as client:
            for planned in cycle(PLAN):
                async with self.calm:
                    self.counts[planned.kind] += 1
                    await self._show(client, planned)
                    await asyncio.sleep(GRACE)
                await asyncio.sleep(self._off - GRACE + 0.1)

    def judge(self, failure: Failure) -> None:
        """At once: no later fault can be to blame."""
        if _is_platforms(failure.codes) and self._were_on(failure.sent, failure.answered):
            self.platforms[_what(failure)] += 1
        else:
            self.ours.append(failure)

    @property
    def seconds(self) -> float:
        """For how long one was on."""
        return sum(end - begin for begin, end in self._windows)

    def take_asked_again(self, restart: Restart) -> int:
        """How many callbacks were answered 2 for the database's `restart`: no failures, no longer in `ours`."""
        before = len(self.ours)
        self.ours = [failure for failure in self.ours if failure.codes != ["CODE_2"] or not restart.met(failure)]
        return before - len(self.ours)

    def list_ours(self, began: float, restarts: Sequence[Restart]) -> list[str]:
        """How many of each kind there are, at what minutes, and during which restart."""
        kinds: dict[str, list[float]] = {}
        for failure in self.ours:
            met = "".join(f" ({restart.name})" for restart in restarts if restart.met(failure))
            kinds.setdefault(_what(failure) + met, []).append((failure.answered - began) / 60)
        ordered = sorted(kinds.items(), key=lambda kind: -len(kind[1]))
        return [f"{len(at)} {what}, {min(at):.2f} to {max(at):.2f} min" for what, at in ordered]

    def _were_on(self, since: float, until: float) -> bool:
        """Whether a fault may have to do with what happened then: times of the monotonic clock."""
        return any(begin <= until and since <= end + GRACE for begin, end in self._windows)

    async def _show(self, client: httpx.AsyncClient, planned: Planned) -> None:
        window = [time.monotonic(), float("inf")]
        self._windows.append(window)
        try:
            form = {"kind": planned.kind, **planned.options}
            (await client.post(self._urls[planned.platform], data=form)).raise_for_status()
            await asyncio.sleep(self._on)
        finally:
            (await client.delete(self._urls[planned.platform])).raise_for_status()
            window[1] = time.monotonic()


def _is_platforms(codes: Iterable[str]) -> bool:
    """Whether all of these codes speak of a platform. UNKNOWN: of a write whose answer the platform did not give."""
    return all(code.startswith("UPSTREAM_") or code in ("UNKNOWN", "NOT_SENT") for code in codes)


def _what(failure: Failure) -> str:
    return f"{failure.name} {'+'.join(sorted(set(failure.codes)))}"
