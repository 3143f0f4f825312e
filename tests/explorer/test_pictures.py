"""Pictures for the documentation: the first operation of each desk, and a fan-out over slow, failing platforms.

With `SCREENSHOTS` the pictures are written there: `SCREENSHOTS=docs/images scripts/test tests/explorer -k pictures`.
"""

import os
from pathlib import Path
from urllib.parse import urlencode

import pytest
from browser import MARKS, QUERY, RESULT, execute, open_dashboard, run_traced, show_panel
from playwright.async_api import Page, expect

from gateway.http.explorer import read_examples

pytestmark = MARKS

FAN_OUT = """query OrdersWithOwners {
  orders(communityCode: "10002", first: 20) {
    nodes {
      number
      title
      amount { text }
      house { address owner { phone role } }
    }
  }
  repairs(communityCode: "10002", first: 3) {
    nodes { description }
  }
}"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the pictures are written to."""
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    folder.mkdir(exist_ok=True)
    return folder


async def take_picture(page: Page, file: Path) -> None:
    await page.screenshot(path=file)
    assert file.stat().st_size > 10_000  # noqa: ASYNC240 # once


async def test_pictures_of_the_explorer(own_demo: str, page: Page, folder: Path) -> None:
    await page.goto(f"{own_demo}#{urlencode({'query': FAN_OUT, 'variables': ''})}")
    await expect(page.locator(QUERY)).to_contain_text("OrdersWithOwners")
    faults = {"security": {"kind": "latency", "seconds": 0.8}, "wjdh": {"kind": "http_500", "endpoint": "repair/list"}}
    for platform, fault in faults.items():
        await page.evaluate(
            """([path, body]) => fetch(path, {
                method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body)
            }).then((answer) => { if (!answer.ok) throw new Error(answer.statusText) })""",
            [f"/explorer/sandbox/{platform}/faults", fault],
        )
    trace = await run_traced(page)
    await expect(page.locator(RESULT)).to_contain_text('"orders"')
    owner = next(call for call in trace["calls"] if call["endpoint"] == "owner" and call["source"] == "own")
    for language, other, calls, quality in (
        ("en", "中文", "Calls", "Data quality"),
        ("zh", "English", "调用", "数据质量"),
    ):
        await show_panel(page, quality)
        await take_picture(page, folder / f"explorer-quality-{language}.png")
        panel = await show_panel(page, calls)
        await panel.locator(f"[data-call='{owner['id']}']").click()
        await take_picture(page, folder / f"explorer-calls-{language}.png")
        await page.keyboard.press("Escape")
        await panel.get_by_role("button", expanded=True).first.click()
        await page.set_viewport_size({"width": 390, "height": 844})
        await take_picture(page, folder / f"explorer-phone-{language}.png")
        await page.set_viewport_size({"width": 1400, "height": 850})
        await page.get_by_role("button", name=other).click()


FIRST_OF_DESKS = {
    *("Reviews to decide, everywhere", "What is owed, by age"),
    *("Repairs to answer, everywhere", "A resident and houses"),
    *("Announce in several communities", "Modules of all communities", "Payments to look after"),
}


@pytest.mark.parametrize("locale", ["zh-CN"])
async def test_pictures_of_the_desks(demo: str, page: Page, folder: Path, locale: str) -> None:
    await open_dashboard(page, demo)
    firsts = [example for example in read_examples() if example.english in FIRST_OF_DESKS]
    assert len({example.desk for example in firsts}) == len(FIRST_OF_DESKS)
    for example in firsts:
        await page.get_by_role("button", name=example.chinese).click()
        await execute(page, '"data"')
        await expect(page.locator(RESULT)).not_to_contain_text('"errors"')
        await take_picture(page, folder / f"desk-{example.desk}.png")
