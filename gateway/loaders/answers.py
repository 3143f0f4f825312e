"""Looks at each answer of a platform once, for all who asked for it, when it has been read."""

from typing import Any

from gateway.loaders.data_quality import DataQuality
from gateway.loaders.drift import Drift
from gateway.loaders.issues import count_issues
from gateway.loaders.lists import ORDERS
from gateway.loaders.placement import Placement
from gateway.ops.metrics import Metrics


class Answers:
    """Called with the endpoint, the value that was read, and the `Call` that has the answer."""

    def __init__(self, metrics: Metrics, quality: DataQuality, drift: Drift, placement: Placement) -> None:
        self._metrics = metrics
        self._quality = quality
        self._drift = drift
        self._placement = placement

    def __call__(self, endpoint: str, value: Any, call: Any) -> None:
        drift = self._drift
        if has_issues := count_issues(self._metrics, endpoint, value):
            self._quality.note(endpoint, value)
        drift.until_next -= 1  # in line, as is what follows: there are eleven answers to a list with owners
        if has_issues or drift.until_next <= 0 or not call.is_documented:
            drift.offer(call, value)
        if endpoint == ORDERS.endpoint:
            self._placement.look_at(value)
