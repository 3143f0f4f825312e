"""How many reads cost no call of their own, by endpoint, for Prometheus."""

from gateway.ops.tally import Count, Family, Tally

SHARED_READS = Family(
    "gateway_shared_reads_total",
    "counter",
    "Reads that cost no call of their own: their answer was kept, or under way already",
    ("endpoint", "by"),
)


class SharedReadCounts:
    """Where reads are counted whose answer was `kept`, or that `joined` a call under way."""

    def __init__(self, tally: Tally | None = None) -> None:
        self._tally = Tally() if tally is None else tally
        self._tally.declare(SHARED_READS)
        self._counts: dict[tuple[str, str], Count] = {}

    def add(self, endpoint: str, by: str) -> None:
        count = self._counts.get((endpoint, by))
        if count is None:
            count = self._counts[endpoint, by] = self._tally.count(SHARED_READS, endpoint, by)
        count.add()
