import os
import re
import signal
import sys
from asyncio import create_subprocess_exec, subprocess, timeout
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from browser import open_page
from playwright.async_api import Page


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[str]:
    """The address of `gateway demo`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    environ = clean | {"GATEWAY_PORT": "0", "GATEWAY_DATA_DIR": str(tmp_path / "data")}
    process = await create_subprocess_exec(sys.executable, "-m", "gateway", "demo", env=environ, stdout=subprocess.PIPE)
    async with timeout(30):
        shown = (await process.stdout.readuntil(b"Stop with")).decode()
    yield re.findall(r"GraphiQL at (\S+)/\n", shown)[0]
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page that contacts this machine alone, and has nothing to complain of in its console.

    Answers with a status of their own (a refused token) are no complaint of the page's.
    """
    outside: list[str] = []
    complaints: list[str] = []
    async with open_page() as page:
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.context.on("request", lambda request: outside.append(request.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
    local = re.compile(r"(data:|blob:|(http|ws)://127\.0\.0\.1:\d+/)")
    assert [url for url in outside if not local.match(url)] == []
    assert [text for text in complaints if "Failed to load resource" not in text] == []
