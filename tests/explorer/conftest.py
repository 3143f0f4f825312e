import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread, Timer

import pytest
from browser import open_page
from playwright.async_api import Page


@contextmanager
def running_demo(data_dir: Path) -> Iterator[str]:
    """The address of `gateway demo`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    environ = clean | {"GATEWAY_PORT": "0", "GATEWAY_DATA_DIR": str(data_dir)}
    command = [sys.executable, "-m", "gateway", "demo"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        late = Timer(30, process.kill)
        late.start()
        last = next(line for line in process.stdout if line.startswith("Stop with"))
        late.cancel()
        rest = Thread(target=process.stdout.read, daemon=True)  # so that it never waits for a reader
        rest.start()
        yield last.split()[-1].removesuffix("/")
        process.send_signal(signal.SIGTERM)
        rest.join()
    assert process.returncode == 0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """That of a demo which the tests of a module share: they write nothing, and let the platforms be."""
    with running_demo(tmp_path_factory.mktemp("demo")) as address:
        yield address


@pytest.fixture
def fresh_demo(tmp_path: Path) -> Iterator[str]:
    """That of a demo which is the test's own."""
    with running_demo(tmp_path / "data") as address:
        yield address


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page that contacts this machine alone, and has nothing to complain of in its console.

    Answers with a status of their own (a refused token), and a gateway that is down, are no complaint of the page's.
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
    of_the_gateway = ("Failed to load resource", "ERR_CONNECTION_REFUSED")
    assert [text for text in complaints if not any(words in text for words in of_the_gateway)] == []
