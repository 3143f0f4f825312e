"""The tokens one platform has given out."""

from collections.abc import Callable


class Tokens:
    """Tokens that live for `lifetime` seconds of `clock`; `single`: a new one ends those before it (quirk 42)."""

    def __init__(self, prefix: str, clock: Callable[[], float], lifetime: float, *, single: bool) -> None:
        self._prefix = prefix
        self._clock = clock
        self.lifetime = lifetime
        self._single = single
        self._issued = 0
        self._expiries: dict[str, float] = {}

    def issue(self) -> str:
        if self._single:
            self._expiries.clear()
        self._issued += 1
        token = f"{self._prefix}.sandbox.{self._issued}"
        self._expiries[token] = self._clock() + self.lifetime
        return token

    def admit(self, token: str) -> bool:
        return self._clock() < self._expiries.get(token, 0.0)

    def expire(self) -> None:
        """Let every token die now (quirk 41)."""
        self._expiries.clear()
