"""The names in the code of a plan."""

from typing import Any


class Namespace:
    """Gives names out, each once. `globals` holds the values that the code refers to by name."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.globals = dict(values)
        self._taken = set(values)
        self._constants: dict[int, str] = {}

    def name(self, *words: str) -> str:
        """A name made of these words, numbered if something has it already."""
        wanted = name = "_".join(words)
        number = 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name

    def constant(self, value: Any, *words: str) -> str:
        """The name of a global with this value. The same object keeps its name."""
        if id(value) not in self._constants:
            name = self._constants[id(value)] = self.name(*words)
            self.globals[name] = value
        return self._constants[id(value)]
