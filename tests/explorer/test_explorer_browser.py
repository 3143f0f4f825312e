"""GraphiQL in a real browser, over the whole gateway and a sandbox of both platforms."""

import re
from pathlib import Path
from typing import Any

import pytest
from browser import MARKS, QUERY, RESULT, execute, open_dashboard, open_example, show_panel, wait_until, write_token
from playwright.async_api import Page, expect

pytestmark = MARKS

HEADERS = ".graphiql-editor-tool .view-lines"


async def test_demo_explorer_runs_example_without_other_hosts(demo: str, page: Page) -> None:
    async with page.expect_worker(lambda worker: worker.url.startswith(f"{demo}/explorer/graphql.worker-")):
        await page.goto(demo)
    await expect(page.locator(QUERY)).to_contain_text("pendingShenhes")
    await execute(page)

    result = page.locator(RESULT)
    await expect(result).to_contain_text('"unpaidOrders"')
    await expect(result).not_to_contain_text('"errors"')
    await show_panel(page, "Documentation Explorer")
    await expect(page.locator(".graphiql-doc-explorer-content")).to_contain_text("Mutation")
    await page.wait_for_load_state("networkidle")

    names = await page.locator("svg > title").all_text_contents()
    assert {"docs filled icon", "play icon", "root type icon"} <= set(names)
    assert [name for name in names if not re.fullmatch(r"([a-z]{3,} )+icon", name)] == []

    await page.get_by_role("combobox").click()
    await page.keyboard.insert_text("报修状态")
    await expect(page.get_by_role("option").first).to_contain_text("RepairStatus")


async def test_explorer_asks_for_a_token_at_the_top(served: Any, page: Page) -> None:
    await page.goto(served.url)
    top = page.get_by_role("banner").first
    await expect(top).to_contain_text("no token yet")
    await expect(top).to_contain_text("gateway token")
    await expect(page.get_by_role("button", name="Mint one for everything")).to_have_count(0)
    await expect(page.locator(QUERY)).to_contain_text("Dashboard")
    await execute(page)
    await expect(page.get_by_label("Token")).to_be_focused()
    await expect(page.locator(RESULT)).to_have_text("")

    await page.get_by_label("Token").fill(f"Bearer {served.token}")
    await page.get_by_role("button", name="Use token").click()
    await expect(top).to_contain_text("developer, until")
    await execute(page, '"unpaidOrders"')
    await show_panel(page, "Documentation Explorer")
    await expect(page.locator(".graphiql-doc-explorer-content")).to_contain_text("Mutation")


async def test_demo_page_mints_its_own_token(serve: Any, platforms: Any, tmp_path: Path, page: Page) -> None:
    settings = platforms | {"GATEWAY_DATA_DIR": str(tmp_path)}
    async with serve(settings, sandbox={"wjdh": platforms["GATEWAY_WJDH_URL"]}) as demo:
        await page.goto(demo.url)
        await page.get_by_role("button", name="Mint one for everything").click()
        await expect(page.get_by_role("banner").first).to_contain_text("developer, until")
        await execute(page, '"unpaidOrders"')
        await page.goto("about:blank")  # its workers would miss the server


async def test_new_tabs_keep_the_token(served: Any, page: Page) -> None:
    await page.goto(served.url)
    await write_token(page, served.token)
    headers = page.locator(HEADERS).locator("visible=true")
    for open_tab in (lambda: page.get_by_role("button", name="New tab").click(), lambda: open_example(page, "Orders")):
        await open_tab()
        await expect(headers).to_contain_text('"Bearer ey')
    await write_token(page, "forged")
    await page.get_by_role("tab", name="Dashboard").first.click()  # the new tab may have this name, too
    await expect(headers).to_contain_text('"Bearer forged"')


async def test_token_stays_out_of_storage_and_address(served: Any, page: Page) -> None:
    await page.goto(served.url)
    await write_token(page, served.token)
    await execute(page, '"unpaidOrders"')
    await show_panel(page, "History")
    await expect(page.get_by_role("button", name="Dashboard").first).to_be_visible()
    await page.get_by_role("button", name="Open settings dialog").click()
    await expect(page.get_by_role("dialog")).to_contain_text("Theme")
    await expect(page.get_by_role("dialog")).not_to_contain_text("Persist headers")
    await wait_until(page, "'graphiql:tabState' in localStorage")
    stored = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, location.href])")
    assert [secret for secret in ("Bearer", served.token[-20:]) if secret in stored] == []


PANELS = ("Calls", "Data quality", "Errors", "Who am I", "Events", "Operations", "Sandbox", "Examples")


@pytest.mark.parametrize("width", [1280, 390])
async def test_every_panel_fits_the_screen(demo: str, page: Page, width: int) -> None:
    """On a phone the answer stands below the query."""
    await page.set_viewport_size({"width": width, "height": 844})
    await open_dashboard(page, demo)
    place = "element => { const { top, bottom, width } = element.getBoundingClientRect(); return [top, bottom, width] }"
    _, bottom, query = await page.locator(".graphiql-editors").evaluate(place)
    top, _, answer = await page.locator(".graphiql-response").evaluate(place)
    assert (top >= bottom, query == answer) == (width == 390,) * 2
    assert query > 250

    await execute(page, '"unpaidOrders"')
    for title in (*PANELS, "Documentation Explorer"):
        panel = await show_panel(page, title)
        await expect(panel).to_be_visible()
        assert await panel.evaluate("panel => panel.scrollWidth <= panel.clientWidth"), title
        assert await page.evaluate("document.documentElement.scrollWidth") == width, title


async def test_editor_is_roomy_and_reached_by_the_first_key(demo: str, page: Page) -> None:
    await page.set_viewport_size({"width": 1280, "height": 800})
    await open_dashboard(page, demo)
    editor = await page.locator(".graphiql-query-editor .monaco-editor").first.bounding_box()
    assert editor is not None
    assert editor["width"] >= 460

    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the editor")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await page.keyboard.insert_text("# here\n")
    await expect(page.locator(QUERY)).to_contain_text("# here")


async def test_active_tab_is_in_sight_among_many(demo: str, page: Page) -> None:
    await open_dashboard(page, demo)
    active = page.locator(".graphiql-tab-active")
    for name in ("ReviewWorkList", "Orders", "OverdueFees") * 3:
        await page.locator(".explorer-examples button", has=page.get_by_text(name, exact=True)).click()
        await expect(active).to_contain_text(name)
    await expect(active).to_be_in_viewport(ratio=0.95)
    await page.get_by_role("tab", name="Dashboard").get_by_text("Dashboard").click()
    await expect(active).to_contain_text("Dashboard")
    await expect(active).to_be_in_viewport(ratio=0.95)
