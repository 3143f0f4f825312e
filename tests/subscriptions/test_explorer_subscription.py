"""GraphiQL in a real browser shows events as they come."""

import pytest
from browser import change_token, open_page, write_query, write_token
from playwright.async_api import expect
from waiting import until

from gateway.normalise.vocabulary import RepairStatus

pytestmark = pytest.mark.browser

SUBSCRIPTION = 'subscription Watched { repairEvents(communityCode: "10002") { repair { status reply } } }'


@pytest.mark.usefixtures("ends_watches_at_once")
async def test_explorer_subscription_uses_the_page_websocket(gateway, sandbox):
    number = next(repair.id for repair in sandbox.world.repairs_of["10002"] if not repair.is_resolved)
    async with open_page() as page:
        await page.goto(gateway.url)
        await write_token(page, gateway.token)
        complaints = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        await write_query(page, SUBSCRIPTION)
        await expect(page.get_by_role("tab", name="Watched")).to_be_visible()
        await page.get_by_role("button", name="Execute query").click()
        await until(lambda: sandbox.count("WJDH", "repair/list") > 1)

        await gateway.parts.platforms.wjdh.update_repair(number, RepairStatus.RESOLVED, "修好了")

        await expect(page.locator(".result-window .view-lines")).to_contain_text("修好了")
    await until(lambda: not len(gateway.parts.watches))
    assert complaints == []


async def test_explorer_shows_a_refused_token(gateway):
    async with open_page() as page:
        await page.goto(gateway.url)
        await write_token(page, gateway.token)
        await write_query(page, SUBSCRIPTION)
        await expect(page.get_by_role("tab", name="Watched")).to_be_visible()
        await change_token(page, "forged")
        await page.get_by_role("button", name="Execute query").click()
        await expect(page.locator(".result-window .view-lines")).to_contain_text("4403")
