"""Who am I: what the token says, and what another caller would see."""

from browser import MARKS, RESULT, execute, open_example, show_panel, write_query
from playwright.async_api import Page, expect

pytestmark = MARKS


async def test_caller_is_shown_and_compared_with_a_clerk(demo: str, page: Page) -> None:
    await page.goto(demo)
    await open_example(page, "Unpaid orders and owners")
    panel = await show_panel(page, "Who am I")
    for words in ("demo", "in 23 h", "all", "pii:read"):
        await expect(panel).to_contain_text(words)
    await panel.get_by_role("button", name="Compare answers").click()

    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("lines differ")
    full = dialog.get_by_role("region", name="Present token: demo")
    clerk = dialog.get_by_role("region", name="Other caller: clerk")
    await expect(full.locator(".is-different").first).to_contain_text('"phone": "199')
    await expect(clerk.locator(".is-different").first).to_contain_text("****")
    assert await full.locator(".is-different").count() == await clerk.locator(".is-different").count()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)


async def test_minted_token_is_used_by_the_page(demo: str, page: Page) -> None:
    await page.goto(demo)
    panel = await show_panel(page, "Who am I")
    await panel.get_by_role("button", name="None", exact=True).click()
    await panel.get_by_label("order:read").check()
    await panel.get_by_label("Communities").fill("10002")
    await panel.get_by_role("button", name="Use this token").click()
    await expect(panel).to_contain_text("now uses the new token")
    await expect(panel.locator(".explorer-identity")).to_contain_text("1/")

    await write_query(page, "{ viewer { subject scopes communityCodes } }")
    await execute(page, '"order:read"')
    await expect(page.locator(RESULT)).not_to_contain_text("pii:read")


async def test_refusals_are_shown_in_the_panel(demo: str, page: Page) -> None:
    await page.goto(demo)
    await open_example(page, "Create an order")
    panel = await show_panel(page, "Who am I")
    await panel.get_by_role("button", name="Compare answers").click()
    await expect(panel.get_by_role("alert")).to_contain_text("carried out twice")
    await panel.get_by_label("Lifetime").fill("0")
    await panel.get_by_role("button", name="Use this token").click()
    await expect(panel.get_by_role("alert").filter(has_text="ttl")).to_be_visible()
