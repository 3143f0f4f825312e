"""The waterfall of an operation's calls, of the gateway's own traces and of one made up."""

import re
from typing import Any

import pytest
import pytest_asyncio
from browser import MARKS, execute, open_dashboard, open_example, run_traced, show_panel
from made_up_trace import call, show_made_up
from playwright.async_api import Page, expect

pytestmark = MARKS


async def test_timeline_shows_each_call_once_at_its_place(demo: str, page: Page) -> None:
    """As often as the query is run: the second time by answers of the cache."""
    await page.goto(demo)
    await open_example(page, "Repairs and reporters")
    for is_second in (False, True):
        calls = (await run_traced(page))["calls"]
        kept = [one for one in calls if one["source"] == "kept"]
        assert len(calls) > 2
        assert bool(kept) or not is_second
        panel = await show_panel(page, "Calls")
        await expect(panel.locator("[data-call]")).to_have_count(len(calls))
        await expect(panel.locator("[data-call].is-kept")).to_have_count(len(kept))
        for one in calls:
            level = panel.get_by_role("region", name=f"Level {one['level']}", exact=True)
            for words in (one["platform"], one["endpoint"], one["source"], "repairs"):
                await expect(level.locator(f"[data-call='{one['id']}']")).to_contain_text(words)


@pytest_asyncio.fixture(loop_scope="session")
async def panel(demo: str, page: Page) -> Any:
    """The drawer with the made-up trace in it."""
    await show_made_up(page, demo)
    return await show_panel(page, "Calls")


TOTALS = ("5 calls", "3 own", "1 joined", "1 kept", "100 ms", "owner × 2", "cost 12 requested, 4 actual", "compiled")
SHADES = ("own", "joined", "kept", "failed", "Connecting", "Waiting", "Reading", "parse, validate", "execute")


async def test_timeline_has_totals_legend_and_bars(panel: Any) -> None:
    for each in TOTALS:
        await expect(panel.locator(".explorer-totals")).to_contain_text(each)
    legend = panel.get_by_role("list", name="Legend")
    for words in SHADES:
        await expect(legend.get_by_text(words, exact=True)).to_be_visible()
    await expect(legend).not_to_contain_text("Login")

    for number, words in ((1, "orders · 10002"), (5, "orders.nodes[1].house.owner")):
        await expect(panel.locator(f"[data-call='{number}']")).to_contain_text(words)
    purpose = panel.locator("[data-call='4'] .explorer-purpose")
    await expect(purpose).to_have_text(re.compile(r"^orders\.nodes\[0\]\.house\.owner · \S+ · 10002$"))

    await expect(panel.locator("[data-call='5']")).to_contain_text("UPSTREAM_TIMEOUT")
    ok, failed = (panel.locator(f"[data-call='{number}'] .explorer-bar") for number in (4, 5))
    assert await failed.get_attribute("style") == "left: 33.5%; width: 60%;"
    colour = "element => getComputedStyle(element).backgroundColor"
    assert await failed.evaluate(colour) != await ok.evaluate(colour)


async def test_click_shows_details_of_a_call_beside_it(panel: Any, page: Page) -> None:
    details = page.get_by_role("dialog", name="Details")
    for number, said in (
        (3, ("WJDH modules", "From the cache", "xiaoqu (text)", "1235 ms")),
        (5, ("UPSTREAM_TIMEOUT", "can be retried", "try again")),
    ):
        await panel.locator(f"[data-call='{number}']").click()
        for words in said:
            await expect(details).to_contain_text(words)
        await page.keyboard.press("Escape")
        await expect(details).to_have_count(0)
        await expect(panel.locator(f"[data-call='{number}']")).to_be_focused()


async def test_chosen_bar_marks_query_and_response(panel: Any, page: Page) -> None:
    """By a click, and by the keyboard."""
    await panel.locator("[data-call='4']").click()
    await expect(page.locator(".graphiql-query-editor .explorer-mark")).to_have_text("owner")
    await expect(page.locator(".result-window .explorer-mark")).to_have_text('"owner"')
    await panel.locator("[data-call='4']").click()
    await expect(page.locator(".explorer-mark")).to_have_count(0)

    await panel.locator("[data-call='1']").focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Details")).to_contain_text("repair/list")
    await expect(panel.locator("[data-call='2']")).to_have_attribute("aria-expanded", "true")
    await expect(page.locator(".result-window .explorer-mark")).to_have_text('"repairs"')


@pytest.mark.parametrize("width", [1280, 390])
async def test_fan_out_fits_without_scrolling(demo: str, page: Page, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    places = {number: ["orders", "nodes", number, "house", "owner"] for number in range(2, 47)}
    owners = [call(at, "SECURITY", "owner", 2, paths=[path], startMs=40.0 + at) for at, path in places.items()]
    orders = call(1, "WJDH", "order/list", 1, paths=[["orders"]])
    await show_made_up(page, demo, calls=[orders, *owners], durationMs=3000.0)
    panel = await show_panel(page, "Calls")
    body = panel.locator(".explorer-drawer-body")

    await expect(panel.locator("[data-call]")).to_have_count(46)
    group = panel.locator(".explorer-group")
    await expect(group).to_contain_text("owner × 45")
    await expect(group).to_contain_text("orders.nodes[*].house.owner")
    assert await body.evaluate("body => body.scrollHeight <= body.clientHeight")
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await group.locator(".explorer-lanes").evaluate("lanes => lanes.clientWidth") > width * 0.4

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
    await edge.hover()
    await page.mouse.down()
    await page.mouse.move(600, 500)
    await page.mouse.up()
    height = await body.evaluate("body => body.offsetHeight")
    assert abs(850 - 500 - height) < 5
    await page.reload()
    await expect(body).to_have_css("height", f"{height}px")
    await edge.dblclick()
    await expect(body).not_to_have_css("height", f"{height}px")


async def test_first_answer_leads_to_calls_unless_trace_is_off(demo: str, page: Page) -> None:
    await open_dashboard(page, demo)
    await execute(page, '"data"')
    way = page.get_by_role("button", name="see what each was for in Calls")
    await way.click()
    await expect(page.get_by_role("region", name="Level 1", exact=True)).to_be_visible()
    await expect(way).to_have_count(0)

    await page.get_by_label("Trace").uncheck()
    async with page.expect_request(lambda request: "Dashboard" in (request.post_data or "")) as sent:
        await execute(page)
    assert "x-trace" not in (await sent.value).headers
    await expect(page.get_by_role("region", name="Calls", exact=True)).to_contain_text("has no trace")
