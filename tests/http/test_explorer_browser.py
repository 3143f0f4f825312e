"""GraphiQL in a real browser that can reach nothing but this machine."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from graphql_server import LIMITS, Server, Watched, endpoint, running
from playwright.sync_api import Browser, Page, expect, sync_playwright
from starlette.routing import Route

from gateway.http import explorer

pytestmark = pytest.mark.browser

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

EXAMPLE = '# Says hello.\nquery Hello($name: String! = "邻居") {\n  hello(name: $name)\n}\n'
OTHER_EXAMPLE = "query Nested {\n  nested {\n    hello\n  }\n}\n"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def explorer_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    examples = {"1-hello.graphql": EXAMPLE, "2-nested.graphql": OTHER_EXAMPLE}
    for name, text in examples.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(explorer, "EXAMPLES", tmp_path)
    watched = Watched()
    graphql = endpoint(watched, limits=replace(LIMITS, depth=15))  # as deep as the introspection of GraphiQL
    routes = [Route("/graphql", graphql), *explorer.explorer_routes("/graphql")]
    with running(routes, watched) as server:
        yield server


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(color_scheme="light", viewport={"width": 1400, "height": 850})
    yield context.new_page()
    context.close()


def test_an_example_runs_and_nothing_leaves_the_machine(explorer_server: Server, page: Page, tmp_path: Path) -> None:
    requested: list[str] = []
    complaints: list[str] = []
    page.context.on("request", lambda request: requested.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    page.goto(explorer_server.url)
    expect(page.get_by_role("tab", name="Hello")).to_be_visible()
    expect(page.get_by_role("tab", name="Nested")).to_be_visible()
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text("Says")
    page.get_by_role("button", name="Execute query").click()

    expect(page.locator(".result-window .view-lines")).to_contain_text("hello 邻居")
    page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(page.locator(".graphiql-doc-explorer-content")).to_contain_text("Query")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=tmp_path / "explorer.png")

    assert any(url.endswith("/graphql") for url in requested)
    assert any("graphql.worker" in url for url in requested)
    outside = [url for url in requested if not url.startswith((explorer_server.url, "data:", "blob:"))]
    assert outside == []
    assert complaints == []
