"""What writes have done, so that a test can count them."""

from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlencode

from gateway.sandbox.endpoint import Form


@dataclass(frozen=True, slots=True)
class Effect:
    """One change a write made. `key` is what it may happen to once only, `result` what the platform made of it."""

    endpoint: str
    key: str
    form: Form
    result: str | int | None = None


def fingerprint(form: Form) -> str:
    """A form as a text that does not depend on the order of its fields, nor on the token."""
    return urlencode(sorted((name, value) for name, value in form.items() if name != "token"))


class Effects:
    """Effects in the order they happened.

    Natural keys: the review's, repair's or order's number ("shenhe/update", "repair/update", "callback"), community and
    module ("module"), and the whole form where the document offers nothing better ("order/new", "announcement/new").
    """

    def __init__(self) -> None:
        self._effects: list[Effect] = []

    def record(self, endpoint: str, key: str, form: Form, result: str | int | None = None) -> None:
        self._effects.append(Effect(endpoint, key, form, result))

    def all(self) -> list[Effect]:
        return list(self._effects)

    def of(self, endpoint: str, /, **form: str) -> list[Effect]:
        """The effects of one endpoint whose form has these values: `of("callback", order_number=number)`."""
        return [
            effect for effect in self._effects if effect.endpoint == endpoint and form.items() <= effect.form.items()
        ]

    def count(self, endpoint: str, /, **form: str) -> int:
        return len(self.of(endpoint, **form))

    def repeated(self, endpoint: str) -> dict[str, int]:
        """The keys something happened to more than once, and how often."""
        counts = Counter(effect.key for effect in self._effects if effect.endpoint == endpoint)
        return {key: count for key, count in counts.items() if count > 1}

    def clear(self) -> None:
        self._effects.clear()
