"""A PostgreSQL server of one's own, which may be restarted."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from processes import free_port

INSTALLED = Path("/usr/lib/postgresql")
"""Where Debian has the programs of each version."""

USER = "postgres"
"""Who runs the server where the harness is root: PostgreSQL refuses to."""


class Cluster:
    """Listens on this machine alone, and trusts it. Durable, as the journal needs it."""

    def __init__(self, directory: Path) -> None:
        self._data = directory / "data"
        self._log = directory / "log"
        self._port = free_port()
        self._programs = _programs()

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self._port}/postgres"

    async def start(self) -> None:
        await self._run("initdb", "--auth=trust", f"--username={USER}", "--encoding=UTF8", "-D", str(self._data))
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        await self._run("pg_ctl", "start", "-w", "-D", str(self._data), "-l", str(self._log), "-o", options)

    async def restart(self) -> None:
        """As an upgrade does it: all connections end at once (`fast`), and transactions under way roll back."""
        await self._run("pg_ctl", "restart", "-w", "-m", "fast", "-D", str(self._data), "-l", str(self._log))

    async def stop(self) -> None:
        await self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self._data))

    async def _run(self, program: str, *arguments: str) -> None:
        """Raises RuntimeError with what it printed."""
        command = [*_as_user(), str(self._programs / program), *arguments]
        with tempfile.TemporaryFile() as printed:  # no pipe: the server would keep it open
            process = await asyncio.create_subprocess_exec(*command, stdout=printed, stderr=printed, cwd="/")
            if await process.wait():
                printed.seek(0)
                raise RuntimeError(f"{program}: {printed.read().decode()}")


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    """A server, running until the block ends."""
    with tempfile.TemporaryDirectory() as name:
        if os.getuid() == 0:
            shutil.chown(name, USER)
        server = Cluster(Path(name))
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


def _programs() -> Path:
    """Raises RuntimeError where no server is installed."""
    if found := sorted(INSTALLED.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])):
        return found[-1].parent
    raise RuntimeError(f"no PostgreSQL server is installed: there is no initdb in {INSTALLED}")


def _as_user() -> Sequence[str]:
    return ["runuser", "-u", USER, "--"] if os.getuid() == 0 else []
