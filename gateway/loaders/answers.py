"""Looks at each answer of a platform once, for all who asked for it, when it has been read."""

from typing import Any

from gateway.loaders.data_quality import DataQuality
from gateway.loaders.issues import count_issues
from gateway.loaders.lists import ORDERS
from gateway.loaders.placement import Placement
from gateway.loaders.undocumented import UndocumentedSample
from gateway.ops.metrics import Metrics


class Answers:
    """Called with the endpoint, the value that was read, and the `Call` that has the answer."""

    def __init__(self, metrics: Metrics, quality: DataQuality, placement: Placement) -> None:
        self._metrics = metrics
        self._quality = quality
        self._undocumented = UndocumentedSample(metrics)
        self._placement = placement

    def __call__(self, endpoint: str, value: Any, call: Any) -> None:
        if count_issues(self._metrics, endpoint, value):
            self._quality.note(endpoint, value)
        self._undocumented.offer(call.endpoint, call.answer)
        if endpoint == ORDERS.endpoint:
            self._placement.look_at(value)
