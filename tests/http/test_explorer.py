import re
from collections.abc import Iterator
from html import escape

import httpx
import pytest
from graphql_server import Watched, running
from starlette.applications import Starlette

from gateway.http.explorer import ASSETS, explorer_routes, read_examples


@pytest.fixture(scope="module")
def explorer() -> Iterator[httpx.Client]:
    app = Starlette(routes=[*explorer_routes("/graphql", scopes=("order:read", "pii:read"))])
    with running(app, Watched()) as server, httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


def test_explorer_page_loads_served_files(explorer: httpx.Client) -> None:
    page = explorer.get("/")
    assert page.status_code == 200
    assert 'data-graphql-path="/graphql"' in page.text
    assert 'data-subscription-path="/graphql"' in page.text
    assert 'data-scopes="order:read pii:read"' in page.text
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        if not path.startswith("data:"):
            assert explorer.get(f"/{path}").status_code == 200


def test_explorer_page_embeds_only_a_given_token() -> None:
    for token in ("", 'ey"><script>'):
        app = Starlette(routes=[*explorer_routes("/graphql", token=token)])
        with running(app, Watched()) as server:
            page = httpx.get(server.url, trust_env=False).text
            assert f'data-token="{escape(token)}"' in page
            assert "<script>" not in page


def test_explorer_policy_forbids_inline_and_foreign_code(explorer: httpx.Client) -> None:
    page = explorer.get("/")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["worker-src"] == "'self'"
    assert "http" not in page.headers["content-security-policy"]
    assert re.findall(r"<script[^>]*>[^<]+</script>", page.text) == []
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["x-content-type-options"] == "nosniff"


def test_explorer_files_are_immutable_and_page_is_not(explorer: httpx.Client) -> None:
    assert explorer.get("/").headers["cache-control"] == "no-cache"
    for path in ASSETS.glob("*.js"):
        response = explorer.get(f"/explorer/{path.name}")
        assert "immutable" in response.headers["cache-control"]
        assert "javascript" in response.headers["content-type"]
        assert re.search(r"-[A-Z0-9]{8}\.js$", path.name)


@pytest.mark.parametrize("path", ["index.html", "NOTICES.txt", "nothing.js", "..%2fexplorer.py", "../explorer.py"])
def test_explorer_serves_no_other_files(explorer: httpx.Client, path: str) -> None:
    assert explorer.get(f"/explorer/{path}").status_code == 404


def test_examples_are_served_in_name_order(explorer: httpx.Client) -> None:
    examples = explorer.get("/explorer/examples.json").json()
    assert [example["query"] for example in examples] == [example.query for example in read_examples()]
    assert examples[0]["desk"] == "overview"
    assert examples[0]["chinese"] == "小区工作台"
    assert "query Dashboard" in examples[0]["query"]


def test_every_desk_has_examples() -> None:
    desks = {example.desk for example in read_examples()}
    assert desks >= {"reviews", "fees", "repairs", "residents", "announcements", "modules", "payments"}
