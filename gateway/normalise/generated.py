"""What is generated from declarations, and again when a deployment's profile adds to them.

Readers of rows are code that is written from the declarations of fields and words, so that a declared spelling costs a
row nothing. A profile adds keys and words before the first row is read; then all of it is generated once more.
"""

from collections.abc import Callable

_GENERATORS: list[Callable[[], None]] = []


def generated(generate: Callable[[], None]) -> None:
    """Generate now, and whenever the declarations have changed: in the order in which this was called."""
    generate()
    _GENERATORS.append(generate)


def generate_again() -> None:
    """The declarations have changed. Rows that are being read meanwhile are lost: nothing may be served yet."""
    for generate in _GENERATORS:
        generate()


class Lazy:
    """A type that is itself generated: `make()` gives it as the declarations are now."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], object]) -> None:
        self.make = make
