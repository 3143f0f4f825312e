"""The waterfall of an operation's calls, of the gateway's own traces and of one made up."""

import re
from typing import Any

import pytest
from browser import execute, open_dashboard, open_example, run_traced, show_panel, write_query
from made_up_trace import QUERY, add_trace, call
from playwright.async_api import Page, expect

pytestmark = pytest.mark.browser


async def test_timeline_shows_each_call_once_at_its_place(demo: str, page: Page) -> None:
    await page.goto(demo)
    await open_example(page, "Unpaid orders and owners")
    trace = await run_traced(page)
    panel = await show_panel(page, "Calls")

    assert len(trace["calls"]) > 2
    await expect(panel.locator("[data-call]")).to_have_count(len(trace["calls"]))
    for one in trace["calls"]:
        level = panel.get_by_role("region", name=f"Level {one['level']}", exact=True)
        bar = level.locator(f"[data-call='{one['id']}']")
        for words in (one["platform"], one["endpoint"], one["source"], "orders"):
            await expect(bar).to_contain_text(words)


async def test_second_run_shows_kept_calls(demo: str, page: Page) -> None:
    await page.goto(demo)
    await open_example(page, "Repairs and reporters")
    await run_traced(page)
    trace = await run_traced(page)
    kept = [one for one in trace["calls"] if one["source"] == "kept"]
    assert kept
    panel = await show_panel(page, "Calls")
    await expect(panel.locator("[data-call].is-kept")).to_have_count(len(kept))


async def test_first_answer_leads_to_calls(demo: str, page: Page) -> None:
    await open_dashboard(page, demo)
    await execute(page, '"data"')
    way = page.get_by_role("button", name="see what each was for in Calls")
    await way.click()
    await expect(page.get_by_role("region", name="Level 1", exact=True)).to_be_visible()
    await expect(way).to_have_count(0)


@pytest.fixture
async def panel(demo: str, page: Page) -> Any:
    """The drawer with the made-up trace in it."""
    await open_dashboard(page, demo)
    await add_trace(page)
    await write_query(page, QUERY)
    await execute(page, '"orders"')
    return await show_panel(page, "Calls")


async def test_totals_count_calls_time_and_cost(panel: Any) -> None:
    words = (
        "5 calls",
        "3 own",
        "1 joined",
        "1 kept",
        "100 ms",
        "owner × 2",
        "cost 12 requested, 4 actual",
        "compiled plan",
    )
    for each in words:
        await expect(panel.locator(".explorer-totals")).to_contain_text(each)


async def test_bar_stands_where_its_call_was_in_time(panel: Any) -> None:
    style = await panel.locator("[data-call='5'] .explorer-bar").get_attribute("style")
    assert style == "left: 33.5%; width: 60%;"


async def test_bar_says_what_its_call_was_for(panel: Any, page: Page) -> None:
    for number, words in (
        (1, "orders · 10002"),
        (4, "orders.nodes[0].house.owner"),
        (5, "orders.nodes[1].house.owner"),
    ):
        await expect(panel.locator(f"[data-call='{number}']")).to_contain_text(words)
    number = await page.evaluate("document.querySelector(\"[data-call='4'] .explorer-purpose\").textContent")
    assert re.fullmatch(r"orders\.nodes\[0\]\.house\.owner · \S+ · 10002", number)


async def test_shades_have_a_legend(panel: Any) -> None:
    legend = panel.get_by_role("list", name="Legend")
    for words in ("own", "joined", "kept", "failed", "Connecting", "Waiting", "Reading", "parse, validate", "execute"):
        await expect(legend.get_by_text(words, exact=True)).to_be_visible()
    await expect(legend).not_to_contain_text("Login")


async def test_click_shows_details_of_a_call_beside_it(panel: Any, page: Page) -> None:
    await panel.locator("[data-call='3']").click()
    details = page.get_by_role("dialog", name="Details")
    for words in ("WJDH modules", "From the cache", "xiaoqu (text)", "1235 ms"):
        await expect(details).to_contain_text(words)
    await page.keyboard.press("Escape")
    await expect(details).to_have_count(0)
    await expect(panel.locator("[data-call='3']")).to_be_focused()


async def test_failed_call_has_error_colour_code_and_advice(panel: Any, page: Page) -> None:
    failed = panel.locator("[data-call='5']")
    await failed.click()
    await expect(failed).to_contain_text("UPSTREAM_TIMEOUT")
    await expect(page.get_by_role("dialog", name="Details")).to_contain_text("can be retried")
    await expect(page.get_by_role("dialog", name="Details")).to_contain_text("try again")
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
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Details")).to_contain_text("repair/list")
    await expect(panel.locator("[data-call='2']")).to_have_attribute("aria-expanded", "true")
    await expect(page.locator(".result-window .explorer-mark")).to_have_text('"repairs"')


@pytest.mark.parametrize("width", [1280, 390])
async def test_fan_out_fits_without_scrolling(demo: str, page: Page, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    await open_dashboard(page, demo)
    owners = [
        call(
            number, "SECURITY", "owner", 2, paths=[["orders", "nodes", number, "house", "owner"]], startMs=40.0 + number
        )
        for number in range(2, 47)
    ]
    await add_trace(page, calls=[call(1, "WJDH", "order/list", 1, paths=[["orders"]]), *owners], durationMs=3000.0)
    await write_query(page, QUERY)
    await execute(page, '"orders"')
    panel = await show_panel(page, "Calls")
    body = panel.locator(".explorer-drawer-body")

    await expect(panel.locator("[data-call]")).to_have_count(46)
    group = panel.locator(".explorer-group")
    await expect(group).to_contain_text("owner × 45")
    await expect(group).to_contain_text("orders.nodes[*].house.owner")
    assert await body.evaluate("body => body.scrollHeight <= body.clientHeight")
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    box = await panel.locator(".explorer-group .explorer-lanes").bounding_box()
    assert box is not None
    assert box["width"] > width * 0.4

    await group.get_by_role("button", expanded=False).first.click()
    await expect(panel.locator("[data-call='46']")).to_contain_text("orders.nodes[46].house.owner")


async def test_call_shows_what_was_sent_and_what_came_back(demo: str, page: Page) -> None:
    await page.goto(demo)
    await open_example(page, "What is owed, by age")
    trace = await run_traced(page)
    call = next(call for call in trace["calls"] if call.get("exchange"))
    sent, received = call["exchange"]["sent"], call["exchange"]["received"]
    panel = await show_panel(page, "Calls")
    bar = panel.locator(f"[data-call='{call['id']}']")
    await expect(bar).to_contain_text(sent["form"]["xiaoqu"])
    await expect(bar).to_contain_text("communities[")

    await bar.click()
    details = page.get_by_role("dialog", name="Details")
    asked = details.get_by_role("region", name="Sent to the platform")
    await expect(asked).to_contain_text(f"{sent['method']} {sent['path']}")
    await expect(asked.locator("pre")).to_have_text(
        "\n".join(f"{name}={value}" for name, value in sent["form"].items())
    )
    answered = details.get_by_role("region", name="Came back")
    await expect(answered).to_contain_text(f"HTTP {received['status']} {received['bytes']} bytes")
    assert await answered.locator("pre").text_content() == received["body"]
    await answered.get_by_role("button", name="Copy: Came back").click()
    assert await page.evaluate("navigator.clipboard.readText()") == received["body"]
    await answered.get_by_label("Indent").check()
    indented = await answered.locator("pre").text_content() or ""
    assert re.sub(r"\s", "", indented) == re.sub(r"\s", "", received["body"])
    assert indented.startswith('{\n  "')


async def test_masked_caller_sees_no_personal_value(demo: str, page: Page) -> None:
    await page.goto(demo)
    await open_example(page, "Unpaid orders and owners")
    who = await show_panel(page, "Who am I")
    await who.get_by_role("button", name="Clerk without pii:read").click()
    await who.get_by_role("button", name="Use this token").click()
    await expect(who).to_contain_text("now uses the new token")
    trace = await run_traced(page)
    panel = await show_panel(page, "Calls")
    own = next(call for call in trace["calls"] if call["endpoint"] == "order/list")
    await panel.locator(f"[data-call='{own['id']}']").click()
    await expect(page.get_by_role("dialog", name="Details")).to_contain_text("No text of what was sent")
    shown = await page.evaluate("document.body.innerText")
    assert "order/list" in shown
    assert re.findall(r"199000\d{5}|999\d{14}", shown) == []


async def test_height_of_the_drawer_is_kept(panel: Any, page: Page) -> None:
    body = panel.locator(".explorer-drawer-body")
    edge = panel.get_by_role("separator")
    before = await body.evaluate("body => body.offsetHeight")
    await edge.press("ArrowUp")
    await expect(body).to_have_css("height", f"{before + 32}px")
    box = await edge.bounding_box()
    assert box is not None
    await page.mouse.move(600, box["y"] + 4)
    await page.mouse.down()
    await page.mouse.move(600, 500)
    await page.mouse.up()
    height = await body.evaluate("body => body.offsetHeight")
    assert abs(850 - 500 - height) < 5
    await page.reload()
    await expect(body).to_have_css("height", f"{height}px")
    await edge.dblclick()
    await expect(body).not_to_have_css("height", f"{height}px")


async def test_trace_can_be_switched_off(demo: str, page: Page) -> None:
    await open_dashboard(page, demo)
    await page.get_by_label("Trace").uncheck()
    async with page.expect_request(lambda request: "Dashboard" in (request.post_data or "")) as sent:
        await execute(page)
    assert "x-trace" not in (await sent.value).headers
    panel = await show_panel(page, "Calls")
    await expect(panel).to_contain_text("has no trace")
