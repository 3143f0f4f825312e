"""What the tests of `deploy/` share: the tools that check its files, and nginx before a gateway."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from deployed import Nginx

FindTool = Callable[[str], str]


@pytest.fixture(scope="session")
def find_tool(in_ci: bool) -> FindTool:
    """The path of a program. Where it is missing: a skip on a desk, a failure in CI. `scripts/test` installs it."""

    def find(name: str) -> str:
        path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
        if path is None and in_ci:
            pytest.fail(f"{name} is not installed")
        return path or pytest.skip(f"{name} is not installed")

    return find


@pytest.fixture
def run_nginx(find_tool, tmp_path):
    """`async with run_nginx(port, ...) as nginx`: it proxies for the gateways on these ports of this machine."""

    @asynccontextmanager
    async def run(*gateways: int) -> AsyncIterator[Nginx]:
        program = find_tool("nginx")
        nginx = Nginx(tmp_path, list(gateways))
        process = await asyncio.create_subprocess_exec(program, "-p", str(tmp_path), "-c", str(nginx.file))
        try:
            await nginx.until_started(process)
            yield nginx
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()

    return run
