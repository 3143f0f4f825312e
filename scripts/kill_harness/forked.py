"""Gateways that are forked from a process that has imported everything: they start in a tenth of the time.

Run as a program it is that process: for each line of JSON on standard input, the environment and the log of a gateway,
it forks one and prints its process id.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from processes import PAUSE, GatewayProcess

from gateway.__main__ import main
from schema.build import executable_schema


class Forge:
    """The process that forks."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def fork(self, environ: Mapping[str, str], log: Path | None) -> int:
        """Serve with these settings; returns the process id."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the forge has no pipes")
        self._process.stdin.write(json.dumps([dict(environ), str(log or os.devnull)]).encode() + b"\n")
        return int(await self._process.stdout.readline())


@asynccontextmanager
async def forge() -> AsyncIterator[Forge]:
    """Running until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield Forge(process)
    finally:
        process.kill()
        await process.wait()


class ForkedGateway(GatewayProcess):
    """As `GatewayProcess`, but forked."""

    def __init__(self, forge: Forge, environ: Mapping[str, str], log: Path | None = None) -> None:
        super().__init__(environ, log)
        self._forge = forge
        self._pid: int | None = None

    async def start(self, *, ready: bool = True) -> None:
        self._pid = await self._forge.fork(self._environ, self._log)
        if ready:
            await self.until_ready()

    async def kill(self) -> None:
        if self._pid is None:
            return
        os.kill(self._pid, signal.SIGKILL)
        while not self._has_ended:
            await asyncio.sleep(PAUSE)
        self._pid = None
        self.kills += 1

    @property
    def _has_ended(self) -> bool:
        try:
            os.kill(self._pid or 0, 0)
        except ProcessLookupError:
            return True
        return False


def fork_each() -> None:
    """Fork a gateway for each line of standard input."""
    executable_schema()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel takes away what has ended
    for line in sys.stdin:
        environ, log = json.loads(line)
        pid = os.fork()
        if pid == 0:
            serve(environ, log)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def serve(environ: Mapping[str, str], log: str) -> None:
    """In the child: be a gateway until the end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environ)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for descriptor, target in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
        os.dup2(descriptor, target)
    os._exit(main(["serve"]))


if __name__ == "__main__":
    fork_each()
