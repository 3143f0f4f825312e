"""The statements that a served gateway's journal executes, to be counted."""

from typing import Any

from sqlalchemy import Engine, event


class Statements(list[str]):
    """`with Statements(gateway) as statements`: those executed meanwhile, in order."""

    def __init__(self, gateway: Any) -> None:
        super().__init__()
        database = gateway.parts.journal.database
        engine = getattr(database, "_engine", None)
        self._engine: Engine = database._connection.engine if engine is None else engine.sync_engine

    def __enter__(self) -> "Statements":
        event.listen(self._engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._note)

    def of(self, table: str) -> list[str]:
        """The queries of one table."""
        return [found for found in self if found.startswith("SELECT") and f"FROM {table}" in found]

    def _note(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self.append(statement)
