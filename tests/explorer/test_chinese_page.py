"""The page for a reader of Chinese: descriptions, hits, completions, examples, punctuation, and how it is chosen."""

import re

import pytest
import pytest_asyncio
from browser import MARKS, QUERY, RESULT, execute, open_dashboard, show_panel, write_query
from playwright.async_api import Locator, Page, expect

pytestmark = MARKS

ENGLISH_SENTENCE = re.compile(r"(?:\b[a-z]{2,}\b[ ,]+){3}")
"""Four words in a row, the last in lower case or not."""


@pytest.fixture
def locale() -> str:
    return "zh-CN"


@pytest_asyncio.fixture(loop_scope="session")
async def chinese(demo: str, page: Page) -> Page:
    await open_dashboard(page, demo)
    return page


async def search_documentation(page: Page, text: str) -> Locator:
    """The hits in the documentation, which is opened for it."""
    if await (closed := page.get_by_role("button", name=re.compile("^显示(文档|Documentation Explorer)$"))).count():
        await closed.click()
        await expect(page.locator(".graphiql-doc-explorer-content")).to_contain_text("Mutation")
    await page.get_by_role("combobox").click()
    await page.keyboard.insert_text(text)
    return page.get_by_role("option")


async def test_descriptions_follow_the_language(chinese: Page) -> None:
    content = chinese.locator(".graphiql-doc-explorer-content")
    for name in ("Query", "Mutation", "Subscription", "ShenheVerification", "Operation"):
        hits = await search_documentation(chinese, name)
        await hits.filter(has_text=re.compile(rf"^{name}\b")).first.click()
        await expect(chinese.locator(".graphiql-doc-explorer-title")).to_have_text(name)
        text = await content.inner_text()
        assert len(re.findall("[\u4e00-\u9fff]", text)) > 100
        assert ENGLISH_SENTENCE.findall(text) == []
    await chinese.get_by_role("button", name="English").click()
    await expect(content).to_contain_text("through this gateway")
    await chinese.get_by_role("button", name="中文").click()
    await expect(content).to_contain_text("持久记录")


async def test_hits_of_the_search_have_their_terms(chinese: Page) -> None:
    hits = await search_documentation(chinese, "报修状态")
    await expect(hits.filter(has_text=re.compile("^RepairStatus")).first).to_have_text(
        re.compile("RepairStatus 报修状态")
    )


async def test_completions_have_their_terms(chinese: Page) -> None:
    await write_query(chinese, "{ viewe")
    await expect(chinese.locator(".squiggly-error")).not_to_have_count(0)  # the schema has arrived at the editor
    await chinese.keyboard.press("Control+Space")
    await expect(chinese.locator(".suggest-widget").get_by_role("option").first).to_contain_text("当前用户")


async def test_examples_have_comments_in_the_language_of_the_page(chinese: Page) -> None:
    query = chinese.locator(QUERY)
    await expect(query).to_contain_text("一个小区的待办概况")
    await expect(query).not_to_contain_text("What waits")
    await chinese.get_by_role("button", name="English").click()
    await chinese.get_by_role("button", name="Repairs and reporters").click()
    await expect(query).to_contain_text("open ones first")
    await expect(query).not_to_contain_text("#zh")


async def test_errors_and_punctuation_are_in_chinese(chinese: Page) -> None:
    await write_query(chinese, "# 待审核：您的小区，（全部）！\n{ nothing repairs(first: 0) { totalCount } }")
    await execute(chinese, '"errors"')
    await expect(chinese.locator(QUERY)).to_contain_text("（全部）")
    await expect(chinese.locator(".unicode-highlight")).to_have_count(0)
    panel = await show_panel(chinese, "错误")
    await expect(panel.locator("li").first).to_contain_text(re.compile("[\u4e00-\u9fff]{4}"))
    assert ENGLISH_SENTENCE.findall(await panel.inner_text()) == []
    await expect(chinese.locator(RESULT)).to_contain_text("messageZh")


async def test_browser_language_decides_and_can_be_switched(chinese: Page) -> None:
    await expect(chinese.get_by_role("region", name="示例", exact=True)).to_contain_text("未付订单与业主")
    await expect(chinese.get_by_role("button", name="变量", exact=True)).to_be_visible()
    await execute(chinese)
    await expect(chinese.locator(".explorer-status")).to_contain_text("毫秒")
    await expect(await show_panel(chinese, "调用")).to_contain_text("第 1 层")

    await chinese.get_by_role("button", name="English").click()
    await expect(chinese.get_by_role("region", name="Calls", exact=True)).to_contain_text("Level 1")
    assert await chinese.evaluate("document.documentElement.lang") == "en"
    await chinese.reload()
    await expect(chinese.get_by_role("button", name="Variables", exact=True)).to_be_visible()
