"""GraphiQL in a real browser, over the whole gateway and a sandbox of both platforms."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield await browser.new_page(color_scheme="light", viewport={"width": 1400, "height": 850})
        await browser.close()


async def test_an_example_runs_and_nothing_leaves_the_machine(gateway: Any, page: Page, tmp_path: Path) -> None:
    requested: list[str] = []
    complaints: list[str] = []
    page.context.on("request", lambda request: requested.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    await page.goto(gateway.url)
    for name in ("Dashboard", "Reviews", "Orders", "Repairs", "Modules", "Resident", "Dictionaries", "Platforms"):
        await expect(page.get_by_role("tab", name=name)).to_be_visible()
    await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("pendingShenhes")
    await page.get_by_role("button", name="Execute query").click()

    result = page.locator(".result-window .view-lines")
    await expect(result).to_contain_text('"unpaidOrders"')
    await expect(result).not_to_contain_text('"errors"')
    await page.get_by_role("button", name="Show Documentation Explorer").click()
    await expect(page.locator(".graphiql-doc-explorer-content")).to_contain_text("Mutation")
    await page.wait_for_load_state("networkidle")
    await page.screenshot(path=tmp_path / "explorer.png")

    assert requested.count(f"{gateway.url}/graphql") >= 2, "the schema, and the operation"
    assert any("/explorer/graphql.worker-" in url for url in requested)
    outside = [url for url in requested if not url.startswith((f"{gateway.url}/", "data:", "blob:"))]
    assert outside == []
    assert complaints == []
