"""What can be made to go wrong at a platform, while it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.sandbox.endpoint import Endpoint, EndpointKind


class FaultKind(StrEnum):
    """The kinds of trouble, by what has become of the call."""

    # The call is not carried out.
    RESET = "reset"
    HTTP_500 = "http_500"
    TOO_MANY_REQUESTS = "too_many_requests"
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - the name of a fault
    HANG = "hang"
    REFUSED_BEFORE_COMMIT = "refused_before_commit"

    # The call is carried out and its answer is late, cut or garbled.
    LATENCY = "latency"
    SLOW_DRIP = "slow_drip"
    TRUNCATED = "truncated"
    CLOSED_AFTER = "closed_after"
    GZIP_BOMB = "gzip_bomb"
    GARBAGE = "garbage"
    EMPTY_BODY = "empty_body"
    WRONG_SHAPE = "wrong_shape"
    DEEP_NESTING = "deep_nesting"
    PHP_NOTICE = "php_notice"
    BOM = "bom"
    GBK = "gbk"
    TRAILING_COMMA = "trailing_comma"
    BODY = "body"

    # A write is carried out and its answer is lost.
    APPLIED_THEN_RESET = "applied_then_reset"
    APPLIED_THEN_500 = "applied_then_500"
    APPLIED_THEN_HANG = "applied_then_hang"

    # A write hangs, and is carried out when it goes on, though nobody waits any more.
    APPLIED_LATE = "applied_late"

    @property
    def is_for_writes(self) -> bool:
        return self is FaultKind.REFUSED_BEFORE_COMMIT or self.startswith("applied")


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble.

    `seconds`: for latency until the answer, for slow_drip from byte to byte, for too_many_requests what Retry-After
    says. `status`: the HTTP status instead of the kind's usual one (an expired token may come as 401). `body`: what
    the kind `body` answers.
    """

    kind: FaultKind
    seconds: float = 1.0
    status: int | None = None
    body: bytes = b""

    def concerns(self, endpoint: Endpoint) -> bool:
        """A fault set for a whole platform spares the calls it makes no sense for."""
        if self.kind.is_for_writes:
            return endpoint.kind is EndpointKind.WRITE
        return self.kind is not FaultKind.EXPIRED_TOKEN or endpoint.kind is not EndpointKind.TOKEN


@dataclass(slots=True)
class _Rule:
    fault: Fault
    left: int | None


class Faults:
    """The faults that are switched on. `endpoints` are the names known, by platform."""

    def __init__(self, endpoints: Mapping[str, frozenset[str]]) -> None:
        self._endpoints = endpoints
        self._rules: dict[tuple[str, str | None], _Rule] = {}
        self._held: list[Callable[[], None]] = []

    def set(self, platform: str, endpoint: str | None, fault: Fault, times: int | None = None) -> None:
        """Switch a fault on, for one endpoint or (None) the whole platform, permanently or so many times.

        It replaces the fault set for the same place; the endpoint's own goes before the platform's. Raises ValueError
        for a name that does not exist.
        """
        if endpoint not in {None, *self._endpoints.get(platform, ())} or platform not in self._endpoints:
            raise ValueError(f"no such endpoint: {platform} {endpoint}")
        self._rules[platform, endpoint] = _Rule(fault, times)

    def switched_on(self) -> list[tuple[str, str | None, Fault, int | None]]:
        """(platform, endpoint or None for all, fault, how many calls are left or None), in the order they came."""
        return [(*place, rule.fault, rule.left) for place, rule in self._rules.items()]

    def remove(self, platform: str, endpoint: str | None) -> None:
        """Switch the fault of one place off, and let the calls that hang go on."""
        self._rules.pop((platform, endpoint), None)
        self._release()

    def clear(self) -> None:
        """Switch everything off, and let the calls that hang go on."""
        self._rules.clear()
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        for go_on in held:
            go_on()

    def take(self, platform: str, endpoint: Endpoint) -> Fault | None:
        """The fault that meets this call, if any; it is counted."""
        if not self._rules:
            return None
        for place in ((platform, endpoint.name), (platform, None)):
            rule = self._rules.get(place)
            if rule is None or not rule.fault.concerns(endpoint):
                continue
            if rule.left is not None:
                rule.left -= 1
                if rule.left <= 0:
                    del self._rules[place]
            return rule.fault
        return None

    def hold(self, go_on: Callable[[], None]) -> None:
        """Keep a call hanging until `clear`."""
        self._held.append(go_on)
