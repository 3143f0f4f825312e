"""The page for a reader of Chinese: descriptions, hits, completions, examples, punctuation."""

import re
from collections.abc import AsyncIterator

import pytest
from browser import QUERY, RESULT, execute, open_page, show_panel, write_query
from playwright.async_api import Page, expect

pytestmark = pytest.mark.browser

ENGLISH_SENTENCE = re.compile(r"(?:\b[a-z]{2,}\b[ ,]+){3}")
"""Four words in a row, the last in lower case or not."""


@pytest.fixture
async def chinese(demo: str) -> AsyncIterator[Page]:
    async with open_page("zh-CN") as page:
        await page.goto(demo)
        await expect(page.locator(QUERY)).to_contain_text("Dashboard")
        yield page


async def open_documentation(page: Page, name: str) -> str:
    """Of a type, by the search of the documentation; its text."""
    if await page.get_by_role("button", name="显示文档").count():
        await page.get_by_role("button", name="显示文档").click()
    else:
        await page.get_by_role("button", name="显示Documentation Explorer").click()
    content = page.locator(".graphiql-doc-explorer-content")
    await expect(content).to_contain_text("Mutation")
    await page.get_by_role("combobox").click()
    await page.keyboard.insert_text(name)
    await page.get_by_role("option", name=re.compile(rf"^{name}\b")).first.click()
    await expect(page.locator(".graphiql-doc-explorer-title")).to_have_text(name)
    return await content.inner_text()


@pytest.mark.parametrize("name", ["Query", "Mutation", "Subscription", "Operation", "ShenheVerification"])
async def test_descriptions_are_in_chinese(chinese: Page, name: str) -> None:
    text = await open_documentation(chinese, name)
    assert len(re.findall("[\u4e00-\u9fff]", text)) > 100
    assert ENGLISH_SENTENCE.findall(text) == []


async def test_descriptions_follow_the_language(chinese: Page) -> None:
    await open_documentation(chinese, "Operation")
    content = chinese.locator(".graphiql-doc-explorer-content")
    await chinese.get_by_role("button", name="English").click()
    await expect(content).to_contain_text("through this gateway")
    await chinese.get_by_role("button", name="中文").click()
    await expect(content).to_contain_text("持久记录")


async def test_hits_of_the_search_have_their_terms(chinese: Page) -> None:
    await chinese.get_by_role("button", name=re.compile("^显示(文档|Documentation Explorer)$")).click()
    await expect(chinese.locator(".graphiql-doc-explorer-content")).to_contain_text("Mutation")
    await chinese.get_by_role("combobox").click()
    await chinese.keyboard.insert_text("报修状态")
    hits = chinese.get_by_role("option")
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


async def test_chinese_punctuation_has_no_box(chinese: Page) -> None:
    await write_query(chinese, "# 待审核：您的小区，（全部）！\n{ viewer { subject } }")
    await execute(chinese, '"subject"')
    await expect(chinese.locator(QUERY)).to_contain_text("（全部）")
    await expect(chinese.locator(".unicode-highlight")).to_have_count(0)


async def test_errors_of_the_panels_are_in_chinese(chinese: Page) -> None:
    await write_query(chinese, "{ nothing repairs(first: 0) { totalCount } }")
    await execute(chinese, '"errors"')
    panel = await show_panel(chinese, "错误")
    await expect(panel.locator("li").first).to_contain_text(re.compile("[\u4e00-\u9fff]{4}"))
    assert ENGLISH_SENTENCE.findall(await panel.inner_text()) == []
    await expect(chinese.locator(RESULT)).to_contain_text("messageZh")
