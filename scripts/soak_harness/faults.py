"""Faults of both platforms, which go on and off, and when they were on."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import NamedTuple

import httpx
from processes import CONTROL

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


class Faults:
    """Run `run` in a task. While another holds `calm` none is on, and none was shortly before."""

    def __init__(self, settings: Mapping[str, str], on: float, off: float) -> None:
        """`on`, `off`: seconds; the pause is `GRACE` at least."""
        self.calm = asyncio.Lock()
        self.counts: Counter[str] = Counter()
        addresses = {platform: settings[f"GATEWAY_{platform}_URL"] for platform in ("WJDH", "SECURITY")}
        self._urls = {platform: f"{address}{CONTROL}faults" for platform, address in addresses.items()}
        self._on = on
        self._off = max(off, GRACE)
        self._windows: list[list[float]] = []

    async def run(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            for planned in cycle(PLAN):
                async with self.calm:
                    self.counts[planned.kind] += 1
                    await self._show(client, planned)
                    await asyncio.sleep(GRACE)
                await asyncio.sleep(self._off - GRACE + 0.1)

    def were_on(self, since: float, until: float) -> bool:
        """Whether a fault may have to do with what happened then: times of the monotonic clock."""
        return any(begin <= until and since <= end + GRACE for begin, end in self._windows)

    @property
    def seconds(self) -> float:
        """For how long one was on."""
        return sum(end - begin for begin, end in self._windows)

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


def names(plan: Sequence[Planned] = PLAN) -> str:
    return ", ".join(dict.fromkeys(planned.kind for planned in plan))
