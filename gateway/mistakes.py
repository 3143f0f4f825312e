"""What is wrong with settings: exceptions that say so, and a collection of them."""

from collections.abc import Iterator
from contextlib import contextmanager


class SettingsError(Exception):
    """The settings cannot be used: a sentence for each mistake, which names the variable, never its value."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__(*mistakes)
        self.mistakes = mistakes

    def __str__(self) -> str:
        return "\n".join(self.mistakes)


class Mistakes:
    """Collects what is wrong with settings, so that all of it is reported at once."""

    def __init__(self) -> None:
        self._found: list[str] = []

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Catch the SettingsError of the block. Until `check` has returned, what the block assigns may be missing."""
        try:
            yield
        except SettingsError as error:
            self._found += error.mistakes

    def check(self) -> None:
        """Raises SettingsError with all that was collected."""
        if self._found:
            raise SettingsError(*self._found)


class StartError(Exception):
    """The settings can be used, but the gateway cannot start with them now. The message says why."""
