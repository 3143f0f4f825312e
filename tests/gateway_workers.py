"""A gateway of two worker processes, seen by its log."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import orjson
from processes import GatewayProcess
from throw_away import on_server
from waiting import until

PATIENCE = 60
"""Seconds: some starts of a worker, and the pauses between them."""


class Workers:
    def __init__(self, environ: dict[str, str], log: Path, workers: int = 2) -> None:
        self.gateway = GatewayProcess(environ, log, workers)
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def lines(self, event: str) -> list[dict[str, Any]]:
        lines = [orjson.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    async def logged(self, event: str, times: int = 1) -> list[dict[str, Any]]:
        """The lines of this event, once there are so many."""
        await until(lambda: len(self.lines(event)) >= times)
        return self.lines(event)

    async def served(self, times: int) -> list[int]:
        """The process ids of the workers that began to serve, oldest first, once there are so many."""
        return [line["pid"] for line in await self.logged("worker serves", times)]


async def block_connections(database_url: str, *, but: bool = False) -> None:
    """To the database; who is in stays there."""
    name = database_url.partition("?")[0].rsplit("/", 1)[1]
    await on_server(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {str(but).lower()}")


WorkersT = TypeVar("WorkersT", bound=Workers)


@asynccontextmanager
async def running(
    kind: type[WorkersT], environ: dict[str, str], database_url: str, folder: Path
) -> AsyncIterator[WorkersT]:
    """Started, and serving with one worker at least: else what cannot start ends them all."""
    workers = kind(environ | {"GATEWAY_DATABASE_URL": database_url}, folder / "log")
    try:
        await workers.gateway.start()
        await workers.logged("gateway serves")
        yield workers
    finally:
        with suppress(ProcessLookupError):  # a test may have stopped it
            await workers.gateway.stop()
        sys.stdout.write(workers.log)  # pytest shows it with a failure
