"""The statements that a served gateway's journal executes, to be counted."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, event


class Statements:
    """`with Statements(gateway) as statements`: those executed meanwhile, in order."""

    def __init__(self, gateway: Any) -> None:
        database = gateway.parts.journal.database
        engine = getattr(database, "_engine", None)
        self._engine: Engine = database._connection.engine if engine is None else engine.sync_engine
        self._found: list[str] = []

    def __enter__(self) -> "Statements":
        event.listen(self._engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._note)

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __repr__(self) -> str:
        return "\n".join(self._found)

    def of(self, table: str) -> list[str]:
        """The queries of one table."""
        return [found for found in self._found if found.startswith("SELECT") and f"FROM {table}" in found]

    def _note(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self._found.append(statement)
