"""GraphiQL in a real browser shows events as they come."""

import os
import shutil

import pytest
from graphql_socket import until
from playwright.async_api import async_playwright, expect

from schema.normalise.vocabulary import RepairStatus

pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium"
SUBSCRIPTION = 'subscription Watched { repairChanged(communityCode: "10002") { status reply } }'


async def test_a_subscription_runs_over_a_web_socket_of_the_same_page(gateway, sandbox):
    number = next(repair.id for repair in sandbox.world.repairs_of["10002"] if not repair.is_resolved)
    complaints = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        await page.goto(gateway.url)
        await page.locator(".graphiql-query-editor .view-lines").click()
        await page.keyboard.press("ControlOrMeta+A")
        await page.keyboard.insert_text(SUBSCRIPTION)
        await expect(page.get_by_role("tab", name="Watched")).to_be_visible()
        await page.get_by_role("button", name="Execute query").click()
        await until(lambda: sandbox.count("WJDH", "repair/list") > 1)

        await gateway.parts.platforms.wjdh.update_repair(number, RepairStatus.RESOLVED, "修好了")

        await expect(page.locator(".result-window .view-lines")).to_contain_text("修好了")
        await browser.close()
    await until(lambda: not len(gateway.parts.watches))
    assert complaints == []
