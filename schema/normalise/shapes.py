"""The shapes of answers: JSON hidden in text, single records, lists, and pages in three dialects (quirks 112, 113, 133)."""

from collections.abc import Mapping


class ShapeError(ValueError):
    """An answer is not of the documented shape at all. The message names what was expected, never a value."""


def one_row(data: object) -> Mapping[str, object] | None:
    """The object that `data` is, or is as JSON text; None when it is empty. Raises ShapeError."""
    raise NotImplementedError
