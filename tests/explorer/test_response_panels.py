"""Data quality, errors, the status line, why a null is null, and what another caller would see."""

import re
from typing import Any

import pytest_asyncio
from browser import MARKS, RESULT, execute, open_dashboard, open_example, run_traced, show_panel, write_query
from made_up_trace import show_made_up
from playwright.async_api import Locator, Page, expect

pytestmark = MARKS

NULLS: dict[str, Any] = {
    "data": {
        "orders": {"nodes": [{"number": None, "title": None, "remark": None, "amount": None, "house": None}]},
        "repairs": None,
        "modules": None,
    },
    "errors": [
        {"message": "Too slow", "path": ["repairs"], "extensions": {"code": "UPSTREAM_TIMEOUT", "retryable": True}},
        {
            "message": "This needs the scope module:read",
            "path": ["modules"],
            "extensions": {
                "code": "FORBIDDEN",
                "missingScope": "module:read",
                "messageZh": "需要权限 module:read",
                "requestId": "0af7651916cd43dd",
            },
        },
    ],
    "nulls": [
        {"path": ["repairs"], "reason": "FAILED"},
        {"path": ["modules"], "reason": "WITHHELD"},
        {"path": ["orders", "nodes", 0, "title"], "reason": "MASKED"},
        {"path": ["orders", "nodes", 0, "remark"], "reason": "NOT_SENT"},
        {"path": ["orders", "nodes", 0, "amount"], "reason": "UNREADABLE"},
        {"path": ["orders", "nodes", 0, "number"], "reason": "EMPTY"},
        {"path": ["orders", "nodes", 0, "house"], "reason": "NOT_APPLICABLE"},
    ],
}


@pytest_asyncio.fixture(loop_scope="session")
async def nulls(demo: str, page: Page) -> Page:
    await show_made_up(page, demo, **NULLS)
    return page


async def click_null(page: Page, field: str) -> Locator:
    """Click on the null of this field. Returns what explains it."""
    await page.locator(f"{RESULT} .view-line", has_text=f'"{field}": null').get_by_text("null").click()
    return page.locator(".explorer-null")


async def test_click_on_null_explains_it(nulls: Page) -> None:
    for field, reason in (
        ("repairs", "because it failed: Too slow"),
        ("modules", "because it is withheld: This needs the scope module:read"),
        ("title", "because it is masked"),
        ("remark", "because the platform did not send it"),
        ("amount", "because the platform sent something unreadable"),
        ("number", "Truly empty"),
        ("house", "The schema says: The house charged, parsed from `address`; null for a personal charge"),
    ):
        explained = await click_null(nulls, field)
        await expect(explained).to_contain_text(reason)
        await expect(explained.locator("code")).to_contain_text(field)


async def test_null_of_an_example_has_a_reason_by_its_trace(demo: str, page: Page) -> None:
    await open_dashboard(page, demo)
    await execute(page, '"communityCodes"')
    await expect(await click_null(page, "communityCodes")).to_have_text(
        "viewer.communityCodes This null has a meaning of its own. "
        "The schema says: Codes of the communities the caller may see, as in the token; null: all."
    )
    await page.get_by_label("Trace").uncheck()
    async with page.expect_response("**/graphql"):
        await execute(page)
    await expect(await click_null(page, "communityCodes")).to_contain_text("A trace would say")


async def test_errors_are_explained_in_the_language_of_the_page(nulls: Page) -> None:
    panel = await show_panel(nulls, "Errors")
    timeout, forbidden = panel.locator("li").nth(0), panel.locator("li").nth(1)
    for words in ("UPSTREAM_TIMEOUT", "can be retried", "Too slow", "took too long"):
        await expect(timeout).to_contain_text(words)
    for words in ("FORBIDDEN", "lacks a scope", "Missing scope: module:read"):
        await expect(forbidden).to_contain_text(words)
    await forbidden.get_by_role("button", name="modules").click()
    await expect(nulls.locator(".result-window .explorer-mark")).to_have_text('"modules"')
    await forbidden.get_by_role("button", name="Copy: Request id").click()
    assert await nulls.evaluate("navigator.clipboard.readText()") == "0af7651916cd43dd"

    await nulls.get_by_role("button", name="中文").click()
    forbidden = nulls.get_by_role("region", name="错误", exact=True).locator("li").nth(1)
    await expect(forbidden).to_contain_text("需要权限 module:read")
    await expect(forbidden).not_to_contain_text("This needs the scope")


async def test_equal_errors_are_one_card_with_their_communities(demo: str, page: Page) -> None:
    lost: dict[str, object] = {"code": "UPSTREAM_UNAVAILABLE", "platform": "WJDH", "endpoint": "modules"}
    lost["retryable"] = True
    codes = [f"1000{at}" for at in range(8)]
    data = {"communities": [{"code": code, "modules": None} for code in codes]}
    errors = [
        {"message": "Not reached", "path": ["communities", at, "modules"], "extensions": lost | {"requestId": code}}
        for at, code in enumerate(codes)
    ]
    await show_made_up(page, demo, "{ communities { code modules { name } } }", data=data, errors=errors)
    card = (await show_panel(page, "Errors")).locator("li")
    await expect(card).to_have_count(1)
    for words in ("8 times", f"Communities: {', '.join(codes)}", "communities[0].modules", "and 3 more"):
        await expect(card).to_contain_text(words)


async def test_error_card_has_every_violation(demo: str, page: Page) -> None:
    await open_dashboard(page, demo)
    given = 'communityCode: "", title: "", amount: "1", payer: { phone: { phone: "1" } }, idempotencyKey: ""'
    await write_query(page, f"mutation {{ createOrder(input: {{ {given} }}) {{ outcome }} }}")
    async with page.expect_response("**/graphql") as came:
        await execute(page)
    [error] = (await (await came.value).json())["errors"]
    violations = error["extensions"]["violations"]
    assert len(violations) > 1
    listed = (await show_panel(page, "Errors")).get_by_role("list", name="Violations").get_by_role("listitem")
    await expect(listed).to_have_count(len(violations))
    for violation in violations:
        await expect(listed.filter(has_text=violation["message"]).first).to_contain_text(violation["rule"])


async def test_status_line_and_headers_tell_of_the_answer(demo: str, page: Page) -> None:
    await open_dashboard(page, demo)
    async with page.expect_response(lambda response: "x-trace" in response.request.headers) as came:
        await execute(page)
    response = await came.value
    status = page.locator(".explorer-status")
    sizes = (r"HTTP 200", r"\d+ ms", r"[\d.]+ k?B")
    for words in (*sizes, r"\d+ operations left", r"\d+ calls left", r"cost \d+ requested, \d+ actual"):
        await expect(status).to_contain_text(re.compile(words))
    await status.get_by_role("button", name="Copy: Request id").click()
    assert await page.evaluate("navigator.clipboard.readText()") == response.headers["x-request-id"]

    await page.get_by_role("button", name="Headers of the answer").click()
    headers = page.get_by_role("dialog", name="Headers of the answer")
    for words in ("x-request-id", "ratelimit-policy", "cache-control"):
        await expect(headers).to_contain_text(words)


async def test_issues_are_listed_and_what_was_sent_is_shown(demo: str, page: Page) -> None:
    await open_dashboard(page, demo)
    orders = '{ orders(communityCode: "10002", first: 30) { nodes { id title amount { text } house { address } } } }'
    await write_query(page, orders)
    issues = (await run_traced(page))["dataIssues"]
    assert issues
    panel = await show_panel(page, "Data quality")
    await expect(panel.locator("tbody tr")).to_have_count(len(issues))

    await panel.get_by_role("button", name="Show what was sent").click()
    await expect(panel.locator("thead")).to_contain_text("What was sent")
    await expect(panel.locator("tbody")).not_to_contain_text("not found again")


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
