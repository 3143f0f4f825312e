import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Thread, Timer
from typing import Any

import pytest
import pytest_asyncio
from browser import open_browser, open_page
from playwright.async_api import Browser, Page

from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.server import Sandbox, SandboxOptions


@contextmanager
def running_demo(data_dir: Path, *options: str, **settings: str) -> Iterator[str]:
    """The address of `gateway demo` with these options and settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    environ = clean | {"GATEWAY_PORT": "0", "GATEWAY_DATA_DIR": str(data_dir), **settings}
    command = [sys.executable, "-m", "gateway", "demo", *options]
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


@pytest.fixture(scope="session")
def start_demo() -> Callable[..., AbstractContextManager[str]]:
    """`with start_demo(data_dir) as address`: a demo of the test's own."""
    return running_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """That of a demo for all tests that write nothing, and let the platforms be."""
    with running_demo(tmp_path_factory.mktemp("demo")) as address:
        yield address


@pytest.fixture(scope="module")
def own_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """That of a demo for the tests of a module."""
    with running_demo(tmp_path_factory.mktemp("demo")) as address:
        yield address


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platforms() -> AsyncIterator[dict[str, str]]:
    """The settings of a sandbox for the gateways of all tests in a browser."""
    async with Sandbox(SandboxOptions(dialect=Dialect.DOCUMENTED)) as sandbox:
        yield sandbox.settings()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(serve: Any, platforms: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    """A gateway of development, whose page has no token."""
    async with serve(platforms | {"GATEWAY_DATA_DIR": str(tmp_path_factory.mktemp("served"))}) as gateway:
        yield gateway


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with open_browser() as browser:
        yield browser


@pytest.fixture
def locale() -> str:
    """The language of the browser."""
    return "en-US"


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, locale: str) -> AsyncIterator[Page]:
    """A page that contacts this machine alone, and has nothing to complain of in its console.

    Answers with a status of their own (a refused token), and a gateway that is down, are no complaint of the page's.
    """
    outside: list[str] = []
    complaints: list[str] = []
    async with open_page(browser, locale) as page:
        page.context.on("request", lambda request: outside.append(request.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
    local = re.compile(r"(data:|blob:|(http|ws)://127\.0\.0\.1:\d+/)")
    assert [url for url in outside if not local.match(url)] == []
    of_the_gateway = ("Failed to load resource", "ERR_CONNECTION_REFUSED")
    assert [text for text in complaints if not any(words in text for words in of_the_gateway)] == []
