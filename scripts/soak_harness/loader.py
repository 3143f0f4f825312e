"""The process that loads the gateways, and what it reports."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from load_process import LONGEST_LINE


class Failure(NamedTuple):
    """An answer that was not as it should be. `sent`, `answered`: times of the monotonic clock."""

    name: str
    sent: float
    answered: float
    codes: list[str]


class Loader:
    """Gives orders to the load. `on_failure` is called with each failed answer that it reports."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.on_failure: Callable[[Failure], object] = lambda _failure: None
        self._process = process
        self._lines: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self._turn = asyncio.Lock()

    async def order(self, name: str, *arguments: object) -> Any:
        """Returns what it prints, when it is done."""
        async with self._turn:
            self._write([name, arguments])
            found = None
            while (line := await self._lines.get()).get("done") != name:
                if "ended" in line:
                    raise RuntimeError("the load ended")
                found = next(iter(line.values()))
            return found

    def begin(self, given: Mapping[str, object]) -> None:
        """Its first line."""
        self._write(given)

    async def read(self) -> None:
        """Its lines, until it ends."""
        while self._process.stdout and (line := await self._process.stdout.readline()):
            match json.loads(line):
                case {"failed": failed}:
                    self.on_failure(Failure(**failed))
                case other:
                    self._lines.put_nowait(other)
        self._lines.put_nowait({"ended": True})

    def _write(self, line: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(line).encode() + b"\n")


@asynccontextmanager
async def loader(**given: object) -> AsyncIterator[Loader]:
    """Runs until the block ends. `given` is what `load_process.Load` is made with."""
    command = (sys.executable, str(Path(__file__).with_name("load_process.py")))
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=LONGEST_LINE
    )
    load = Loader(process)
    load.begin(given)
    reading = asyncio.create_task(load.read())
    try:
        yield load
    finally:
        process.kill()
        await process.wait()
        await reading
