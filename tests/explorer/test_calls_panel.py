"""The waterfall of an operation's calls, of the gateway's own traces and of one made up."""

from typing import Any

import pytest
from browser import execute, open_dashboard, open_example, run_traced, show_panel, write_query
from made_up_trace import QUERY, add_trace
from playwright.async_api import Page, expect

pytestmark = pytest.mark.browser


async def test_timeline_shows_each_call_once_at_its_place(demo: str, page: Page) -> None:
    await page.goto(demo)
    await open_example(page, "Unpaid orders and owners")
    trace = await run_traced(page)
    panel = await show_panel(page, "Calls")

    assert len(trace["calls"]) > 2
    await expect(panel.locator("[data-call]")).to_have_count(len(trace["calls"]))
    for call in trace["calls"]:
        level = panel.get_by_role("region", name=f"Level {call['level']}", exact=True)
        bar = level.locator(f"[data-call='{call['id']}']")
        await expect(bar).to_contain_text(call["endpoint"])
        await expect(bar).to_contain_text(call["source"])
        platform = "xpath=ancestor::ul/preceding-sibling::h4[1]"
        await expect(bar.locator(platform)).to_have_text(call["platform"])


async def test_second_run_shows_kept_calls(demo: str, page: Page) -> None:
    await page.goto(demo)
    await open_example(page, "Repairs and reporters")
    await run_traced(page)
    trace = await run_traced(page)
    kept = [call for call in trace["calls"] if call["source"] == "kept"]
    assert kept
    panel = await show_panel(page, "Calls")
    await expect(panel.locator(".explorer-call.is-kept")).to_have_count(len(kept))


@pytest.fixture
async def panel(demo: str, page: Page) -> Any:
    """The panel with the made-up trace in it."""
    await open_dashboard(page, demo)
    await add_trace(page)
    await write_query(page, QUERY)
    await execute(page, '"orders"')
    return await show_panel(page, "Calls")


async def test_totals_count_calls_time_and_cost(panel: Any) -> None:
    for words in ("5 calls", "3 own", "1 joined", "1 kept", "100 ms", "cost 12 requested, 4 actual", "compiled plan"):
        await expect(panel.locator(".explorer-totals")).to_contain_text(words)


async def test_bar_stands_where_its_call_was_in_time(panel: Any) -> None:
    style = await panel.locator("[data-call='5'] .explorer-bar").get_attribute("style")
    assert style == "left: 33.5%; width: 60%;"


async def test_hover_shows_details_of_a_call(panel: Any) -> None:
    await panel.locator("[data-call='3']").hover()
    details = panel.get_by_role("region", name="Details")
    for words in ("WJDH modules", "From the cache", "xiaoqu (text)", "1235 ms"):
        await expect(details).to_contain_text(words)


async def test_failed_call_has_error_colour_code_and_advice(panel: Any) -> None:
    failed = panel.locator("[data-call='5']")
    await failed.click()
    await expect(failed).to_contain_text("UPSTREAM_TIMEOUT")
    await expect(panel.get_by_role("region", name="Details")).to_contain_text("can be retried")
    await expect(panel.get_by_role("region", name="Details")).to_contain_text("Try again.")
    colour = "element => getComputedStyle(element).backgroundColor"
    red, green = [await panel.locator(f"[data-call='{number}'] .explorer-bar").evaluate(colour) for number in (5, 4)]
    assert red != green


async def test_click_on_bar_marks_query_and_response(panel: Any, page: Page) -> None:
    await panel.locator("[data-call='4']").click()
    await expect(page.locator(".graphiql-query-editor .explorer-mark")).to_have_text("owner")
    await expect(page.locator(".result-window .explorer-mark")).to_have_text('"owner"')
    await panel.locator("[data-call='4']").click()
    await expect(page.locator(".explorer-mark")).to_have_count(0)


async def test_bars_are_reached_by_keyboard(panel: Any, page: Page) -> None:
    await panel.locator("[data-call='1']").focus()
    await page.keyboard.press("Tab")
    await expect(panel.get_by_role("region", name="Details")).to_contain_text("repair/list")
    await page.keyboard.press("Enter")
    await expect(panel.locator("[data-call='2']")).to_have_attribute("aria-pressed", "true")
    await expect(page.locator(".result-window .explorer-mark")).to_have_text('"repairs"')


async def test_trace_can_be_switched_off(demo: str, page: Page) -> None:
    await open_dashboard(page, demo)
    await page.get_by_label("Trace").uncheck()
    async with page.expect_request(lambda request: "Dashboard" in (request.post_data or "")) as sent:
        await execute(page)
    assert "x-trace" not in (await sent.value).headers
    panel = await show_panel(page, "Calls")
    await expect(panel).to_contain_text("has no trace")
