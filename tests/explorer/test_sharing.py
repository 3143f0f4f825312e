"""Examples, variables, links, copies as code."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from browser import MARKS, QUERY, execute, open_dashboard, open_example, open_page, wait_until, write_query
from playwright.async_api import Browser, Page, expect

pytestmark = MARKS

VARIABLES = ".graphiql-editor-tool .view-lines"


async def share(page: Page, item: str) -> str:
    """Choose an item of the share menu. Returns what it copied, if anything."""
    await page.evaluate("navigator.clipboard.writeText('')")
    await page.get_by_role("button", name="Share").click()
    await page.get_by_role("menuitem", name=item).click()
    await expect(page.locator(".explorer-done")).not_to_have_text("")
    if item.startswith("Copy"):
        await wait_until(page, "navigator.clipboard.readText()")
    text: str = await page.evaluate("navigator.clipboard.readText()")
    return text


async def variables(page: Page) -> dict[str, Any]:
    text = await page.locator(VARIABLES).locator("visible=true").inner_text()
    values: dict[str, Any] = json.loads(text.replace("\xa0", " "))
    return values


async def test_examples_are_listed_by_desk_and_found(demo: str, page: Page) -> None:
    await page.goto(demo)
    panel = page.get_by_role("region", name="Examples", exact=True)
    for desk in ("Reviews", "Fees", "Repairs", "Residents and houses", "Announcements", "Modules", "Payments"):
        await expect(panel.get_by_role("region", name=desk, exact=True)).to_be_visible()
    await page.get_by_label("Search the examples").fill("审核 不通过")
    await expect(panel.locator("li")).to_have_count(2)
    await expect(panel.locator("li").first).to_contain_text("Reject a review")
    await page.get_by_label("Search the examples").fill("no such thing")
    await expect(panel).to_contain_text("No example matches")


async def test_example_has_a_fresh_key_which_no_copy_has(demo: str, page: Page) -> None:
    await page.goto(demo)
    keys = []
    for _ in range(2):
        await open_example(page, "Answer a repair")
        await expect(page.locator(VARIABLES).locator("visible=true")).to_contain_text("explorer-")
        filled = await variables(page)
        assert filled["id"] == "6"
        keys.append(filled["key"])
    await share(page, "New idempotency key")
    keys.append((await variables(page))["key"])
    assert len(set(keys)) == 3

    for item in ("Copy as fetch", "Copy as wx.request", "Copy as curl"):
        code = await share(page, item)
        assert "explorer-" not in code
    headers = {"authorization": f"Bearer {await page.locator('#explorer').get_attribute('data-token')}"}
    async with httpx.AsyncClient(headers=headers) as client:
        answer = await client.post(f"{demo}/graphql", json=json.loads(re.search(r"-d '(.*)'", code)[1]))
    assert answer.json()["errors"][0]["extensions"]["argument"] == "input.idempotencyKey"


async def test_link_opens_query_and_variables_without_token(demo: str, browser: Browser, page: Page) -> None:
    await page.goto(demo)
    await open_example(page, "Repairs and reporters")
    await expect(page.locator(QUERY)).to_contain_text("Repairs")
    link = await share(page, "Copy link")
    assert "Bearer" not in link
    assert urlsplit(link).query == ""
    assert json.loads(parse_qs(urlsplit(link).fragment)["variables"][0]) == {"community": "10002"}

    async with open_page(browser) as other:
        await other.goto(link)
        await expect(other.locator(QUERY)).to_contain_text("query Repairs")
        await expect(other.locator(VARIABLES).locator("visible=true")).to_contain_text('"10002"')
        await execute(other, '"OPEN"')


async def test_links_and_storage_hold_no_personal_data(demo: str, page: Page) -> None:
    await open_dashboard(page, demo)
    await write_query(page, '{ people(name: "赵小明", phone: "19900077777") { id idCard } }')
    await execute(page, '"people"')
    await wait_until(page, "localStorage['graphiql:tabState']?.includes('idCard')")
    link = await share(page, "Copy link")
    await expect(page.locator(".explorer-done")).to_contain_text("2 personal values")
    query = parse_qs(urlsplit(link).fragment)["query"][0]
    assert query == '{ people(name: "", phone: "") { id idCard } }'
    stored = await page.evaluate("JSON.stringify({...localStorage})")
    assert "赵小明" not in stored
    assert "19900077777" not in stored


async def test_operation_is_copied_as_code(demo: str, page: Page) -> None:
    await open_dashboard(page, demo)
    for item, parts in (
        ("Copy as curl", ["curl -s 'http://127.0.0.1:", "Bearer $TOKEN", '"community":"10002"']),
        ("Copy as fetch", ["await fetch(", "Bearer ${token}", '"community": "10002"']),
        ("Copy as wx.request", ["wx.request({", "Bearer ${token}", '"community": "10002"', "header:"]),
    ):
        code = await share(page, item)
        assert [part for part in parts if part not in code] == []
        assert not re.search(r"eyJ\w", code), "the token"
