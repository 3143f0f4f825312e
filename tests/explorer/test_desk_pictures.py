"""What each desk's first operation shows in the explorer, and its picture for the documentation.

With `SCREENSHOTS` the pictures are written there: `SCREENSHOTS=docs/images scripts/test tests/explorer -k pictures`.
"""

import os
from pathlib import Path

import pytest
from browser import execute, open_page
from playwright.async_api import expect

from gateway.http.explorer import read_examples

pytestmark = pytest.mark.browser

RESULT = ".result-window .view-lines"
FIRST_OF_DESK = {
    "reviews": "Reviews to decide, everywhere",
    "fees": "What is owed, by age",
    "repairs": "Repairs to answer, everywhere",
    "residents": "A resident and houses",
    "announcements": "Announce in several communities",
    "modules": "Modules of all communities",
    "payments": "Payments to look after",
}


async def test_pictures_of_the_desks(demo: str, tmp_path: Path) -> None:
    folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
    examples = {example.english: example for example in read_examples()}
    async with open_page("zh-CN") as page:
        await page.goto(demo)
        await expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("Dashboard")
        for desk, title in FIRST_OF_DESK.items():
            example = examples[title]
            assert example.desk == desk
            await page.get_by_role("button", name=example.chinese).click()
            await execute(page)
            await expect(page.locator(RESULT)).to_contain_text('"data"')
            await expect(page.locator(RESULT)).not_to_contain_text('"errors"')
            await page.screenshot(path=folder / f"desk-{desk}.png")
            assert (folder / f"desk-{desk}.png").stat().st_size > 10_000
