"""GraphiQL in a real browser, over the whole gateway and a sandbox of both platforms."""

import os
import re
import signal
import sys
from asyncio import create_subprocess_exec, subprocess, timeout
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from browser import open_page, write_token
from playwright.async_api import Page, expect

pytestmark = pytest.mark.browser

RESULT = ".result-window .view-lines"
HEADERS = ".graphiql-editor-tool .view-lines"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with open_page() as page:
        yield page


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


async def test_demo_explorer_runs_example_without_other_hosts(demo: str, page: Page, tmp_path: Path) -> None:
    requested: list[str] = []
    complaints: list[str] = []
    page.context.on("request", lambda request: requested.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    async with page.expect_worker(lambda worker: worker.url.startswith(f"{demo}/explorer/graphql.worker-")):
        await page.goto(demo)
    reads = ("Dashboard", "Reviews", "Orders", "Repairs", "Modules", "Resident", "Dictionaries", "Platforms")
    for name in (*reads, "NewOrder", "Payments", "Changes"):
        await expect(page.get_by_role("tab", name=name)).to_be_visible()
    await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("pendingShenhes")
    await page.get_by_role("button", name="Execute query").click()

    result = page.locator(RESULT)
    await expect(result).to_contain_text('"unpaidOrders"')
    await expect(result).not_to_contain_text('"errors"')
    await page.get_by_role("tab", name="Orders").click()
    await expect(page.locator(HEADERS).locator("visible=true")).to_contain_text('"Bearer ey')
    await page.get_by_role("button", name="Show Documentation Explorer").click()
    await expect(page.locator(".graphiql-doc-explorer-content")).to_contain_text("Mutation")
    await page.wait_for_load_state("networkidle")
    await page.screenshot(path=tmp_path / "demo.png")

    assert requested.count(f"{demo}/graphql") >= 2, "the schema, and the operation"
    outside = [url for url in requested if not url.startswith((f"{demo}/", "data:", "blob:"))]
    assert outside == []
    assert complaints == []


async def test_explorer_asks_for_a_token(gateway: Any, page: Page, tmp_path: Path) -> None:
    await page.goto(gateway.url)
    headers = page.locator(HEADERS).locator("visible=true")
    await expect(headers).to_contain_text('"Authorization": "Bearer "')
    await expect(headers).to_contain_text('"gateway token"')
    await page.get_by_role("button", name="Execute query").click()
    await expect(page.locator(RESULT)).to_contain_text('"UNAUTHENTICATED"')
    await page.screenshot(path=tmp_path / "closed.png")

    await write_token(page, gateway.token)
    await page.get_by_role("button", name="Execute query").click()

    await expect(page.locator(RESULT)).to_contain_text('"unpaidOrders"')
    await page.get_by_role("button", name="Show Documentation Explorer").click()
    await expect(page.locator(".graphiql-doc-explorer-content")).to_contain_text("Mutation")
    await page.screenshot(path=tmp_path / "open.png")
    await page.get_by_role("tab", name="Dictionaries").click()
    await expect(headers).to_contain_text('"Bearer ey')
    await write_token(page, "forged")
    await page.get_by_role("tab", name="Dashboard").click()
    await expect(headers).to_contain_text('"Bearer forged"')

    await page.get_by_role("button", name="Open settings dialog").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Theme")
    await expect(page.get_by_role("dialog")).not_to_contain_text("Persist headers")
    assert "Bearer" not in await page.evaluate("JSON.stringify(localStorage)")


async def test_explorer_fits_a_phone_screen(demo: str, page: Page, tmp_path: Path) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(demo)
    await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("Dashboard")
    await page.get_by_role("button", name="Execute query").click()
    await expect(page.locator(RESULT)).to_contain_text('"unpaidOrders"')
    await page.get_by_role("button", name="Show Documentation Explorer").click()
    await expect(page.get_by_text("Root Types")).to_be_visible()
    await page.screenshot(path=tmp_path / "phone.png")

    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    editors = await page.locator(".graphiql-editors").bounding_box()
    result = await page.locator(".graphiql-response").bounding_box()
    assert editors is not None
    assert result is not None
    assert result["y"] >= editors["y"] + editors["height"]
    assert editors["width"] == result["width"] > 250


async def test_explorer_icons_have_readable_names(demo: str, page: Page) -> None:
    await page.goto(demo)
    await page.get_by_role("button", name="Show Documentation Explorer").click()
    await expect(page.get_by_role("img", name="root type icon")).to_be_visible()

    names = await page.locator("svg > title").all_text_contents()

    assert {"docs filled icon", "play icon"} <= set(names)
    assert [name for name in names if not re.fullmatch(r"([a-z]{3,} )+icon", name)] == []
