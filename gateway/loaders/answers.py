"""Looks at each answer of a platform once, for all who asked for it, when it has been read."""

import asyncio
from collections import defaultdict
from typing import Any

import structlog

from gateway.loaders.data_quality import DataQuality, count_issues, read_whole
from gateway.loaders.lists import ORDERS
from gateway.loaders.lookups import ModuleStatesLoader
from gateway.loaders.placement import Placement
from gateway.loaders.sizes import KnownSizes
from gateway.normalise.observation import Observer, Undocumented
from gateway.normalise.wire import Wire
from gateway.ops.metrics import Metrics
from gateway.platforms.answer import RawAnswer
from gateway.platforms.endpoint import Endpoint
from gateway.platforms.envelope import BadAnswerError, BusyAnswerError, open_envelope

EVERY = 1000
"""Of the answers of each endpoint, the first one is looked at, and then one in so many. A page of 20 reviews takes 3 ms
of CPU, which is 3 µs for each answer.
"""

WHOLE_EVERY = 20
"""Of the pages of each list, the first one is read whole for its data issues, and then one in so many: the details and
the house of an order and the content of a review are read when they are asked for.
"""

LARGEST = 256 * 1024
"""Bytes of an answer that is looked at."""

MOST_ROWS = 50
MOST_LOGGED = 500

log = structlog.get_logger(__name__)


class UndocumentedSample:
    """Looks at every n-th answer as `gateway check --deep` does, once it was handed on. What is undocumented is
    counted, and logged when it is seen first: by its key, never by a value.
    """

    def __init__(self, metrics: Metrics, wire: Wire) -> None:
        self._metrics = metrics
        self._observer = Observer(wire)
        self._until_next: dict[str, int] = defaultdict(int)
        self._logged: set[tuple[object, ...]] = set()

    def offer(self, endpoint: Endpoint, answer: RawAnswer | None) -> None:
        """Take note of an answer."""
        if self._until_next[endpoint.name]:
            self._until_next[endpoint.name] -= 1
        elif endpoint.record is not None and answer is not None and len(answer.body) <= LARGEST:
            self._until_next[endpoint.name] = EVERY - 1
            asyncio.get_running_loop().call_soon(self._look, endpoint.record.__name__, answer)

    def _look(self, record: str, answer: RawAnswer) -> None:
        try:
            data = open_envelope(answer).body.get("data")
        except (BadAnswerError, BusyAnswerError):
            return
        self._observer.answer(record, data, MOST_ROWS)
        for found in self._observer.undocumented():
            self._metrics.undocumented.labels(found.record, found.what).inc(found.rows)
            self._log(found)
        self._observer.forget()

    def _log(self, found: Undocumented) -> None:
        what = found[:-1]
        if what not in self._logged and len(self._logged) < MOST_LOGGED:
            self._logged.add(what)
            log.warning(
                "undocumented", record=found.record, key=found.key, what=found.what, type=", ".join(found.found) or None
            )


class Answers:
    """Called with the endpoint, the value that was read, and the `Call` that has the answer."""

    def __init__(
        self, metrics: Metrics, wire: Wire, quality: DataQuality, placement: Placement, sizes: KnownSizes
    ) -> None:
        self._metrics = metrics
        self._quality = quality
        self._undocumented = UndocumentedSample(metrics, wire)
        self._placement = placement
        self._sizes = sizes
        self._until_whole: dict[str, int] = defaultdict(int)

    def __call__(self, endpoint: str, value: Any, call: Any) -> None:
        if self._until_whole[endpoint]:
            self._until_whole[endpoint] -= 1
            checked = value
        else:
            self._until_whole[endpoint] = WHOLE_EVERY - 1
            checked = read_whole(value)
        if count_issues(self._metrics, endpoint, checked):
            self._quality.note(endpoint, checked)
        self._undocumented.offer(call.endpoint, call.answer)
        if endpoint == ORDERS.endpoint:
            self._placement.look_at(value)
            self._sizes.look_at(value)
        elif endpoint == ModuleStatesLoader.endpoint:
            self._sizes.communities = tuple(sorted(value))
