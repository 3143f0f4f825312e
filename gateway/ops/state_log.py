"""A log line when something stops working and one when it works again, however often either is noticed meanwhile."""

import time
from typing import Literal

import structlog

from gateway.ops.resilience import Clock

log = structlog.get_logger(__name__)

SETTLED = 5.0
"""Seconds without a failure after which what works again is taken to go on working: a few lines, not many, for what
fails now and then.
"""


class StateLog:
    """Logs `lost` at `level` at the first failure, and `back` at info at the first success after the last one.

    `where` goes into both lines.
    """

    __slots__ = ("_back", "_clock", "_failed_at", "_failures", "_level", "_lost", "_since", "_where")

    def __init__(
        self,
        lost: str,
        back: str,
        level: Literal["warning", "error"] = "warning",
        clock: Clock = time.monotonic,
        **where: object,
    ) -> None:
        self._lost = lost
        self._back = back
        self._level = level
        self._clock = clock
        self._where = where
        self._since: float | None = None
        self._failed_at = 0.0
        self._failures = 0

    def failed(self, **why: object) -> None:
        """It did not work. `why` is logged with the first failure."""
        self._failed_at = self._clock()
        self._failures += 1
        if self._since is None:
            self._since = self._failed_at
            getattr(log, self._level)(self._lost, **self._where, **why)

    def worked(self) -> None:
        """It did."""
        if self._since is None:
            return
        now = self._clock()
        if now - self._failed_at >= SETTLED:
            log.info(self._back, **self._where, seconds=round(now - self._since, 1), failures=self._failures)
            self._since, self._failures = None, 0
