"""Chromium without a screen, and what a person does in GraphiQL."""

import os
import re
import shutil
from asyncio import sleep, timeout
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium"
expect.set_options(timeout=20_000)  # milliseconds; what is on a page comes late where the machine is busy
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]

MARKS = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
"""Of tests that share one Chromium."""

QUERY = ".graphiql-query-editor .view-lines"
RESULT = ".result-window .view-lines"


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def open_page(browser: Browser, locale: str = "en-US") -> AsyncIterator[Page]:
    """With storage of its own, and the clipboard."""
    context = await browser.new_context(
        color_scheme="light",
        locale=locale,
        viewport={"width": 1400, "height": 850},
        permissions=["clipboard-read", "clipboard-write"],
    )
    yield await context.new_page()
    await context.close()


async def write_query(page: Page, query: str) -> None:
    await _write(page, ".graphiql-query-editor", query)


async def write_token(page: Page, token: str) -> None:
    """Into the headers, and fetch the schema with it."""
    await page.get_by_role("button", name="Headers", exact=True).click()
    await _write(page, ".graphiql-editor-tool", f'{{ "Authorization": "Bearer {token}" }}')
    await page.get_by_role("button", name="Re-fetch GraphQL schema").click()


async def _write(page: Page, editor: str, text: str) -> None:
    await page.locator(f"{editor} .graphiql-editor:not(.hidden) textarea").focus()
    await page.keyboard.press("ControlOrMeta+A")
    await page.keyboard.press("Delete")
    await page.keyboard.insert_text(text)


async def open_dashboard(page: Page, address: str) -> None:
    """The explorer at this address, with its first example in the editor."""
    await page.goto(address)
    await expect(page.locator(QUERY)).to_contain_text("Dashboard")


async def execute(page: Page, result: str = "") -> None:
    """Until the result has this text in it, if any is given."""
    await page.get_by_role("button", name=re.compile("^(Execute query|执行)")).click()
    if result:
        await expect(page.locator(RESULT)).to_contain_text(result)


async def run_traced(page: Page) -> Any:
    """Execute, and return the trace that came."""
    async with page.expect_response(lambda response: "x-trace" in response.request.headers) as came:
        await execute(page)
    return (await (await came.value).json())["extensions"]["trace"]


async def show_panel(page: Page, title: str) -> Locator:
    """Open a plugin by its title, in either language, unless it is open. Returns its panel."""
    button = page.get_by_role("button", name=re.compile(f"^(Show |Hide |显示|隐藏){title}$"))
    if re.match("Show|显示", await button.get_attribute("aria-label") or ""):
        await button.click()
    return page.get_by_role("region", name=title, exact=True)


async def open_example(page: Page, title: str) -> None:
    """In a tab of its own, from the panel of examples."""
    await show_panel(page, "Examples")
    await page.get_by_role("button", name=title).click()


async def wait_until(page: Page, expression: str) -> None:
    """Until an expression is true. Playwright's own way evaluates a text in the page, which its policy forbids."""
    async with timeout(10):
        while not await page.evaluate(expression):  # noqa: ASYNC110 # the browser notifies nobody
            await sleep(0.05)
