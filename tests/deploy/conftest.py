"""nginx before a gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from deployed import Nginx


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
