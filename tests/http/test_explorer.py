import re
from html import escape
from typing import Any

from gateway.auth.principal import Scope
from gateway.http.explorer import ASSETS, open_explorer, read_examples
from gateway.settings import Settings


async def test_explorer_page_loads_served_files(gateway):
    page = await gateway.stranger.get("/")
    assert page.status_code == 200
    assert 'data-graphql-path="/graphql"' in page.text
    assert 'data-subscription-path="/graphql"' in page.text
    assert f'data-scopes="{" ".join(Scope)}"' in page.text
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        if not path.startswith("data:"):
            assert (await gateway.stranger.get(f"/{path}")).status_code == 200


def test_explorer_page_embeds_only_a_given_token() -> None:
    for token in ("", 'ey"><script>'):
        pages: Any = [route.app for route in open_explorer(Settings(), "/graphql", token, {}) if route.path == "/"]
        page = pages[0].body.decode()
        assert f'data-token="{escape(token)}"' in page
        assert "<script>" not in page


async def test_explorer_policy_forbids_inline_and_foreign_code(gateway):
    page = await gateway.stranger.get("/")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["worker-src"] == "'self'"
    assert "http" not in page.headers["content-security-policy"]
    assert re.findall(r"<script[^>]*>[^<]+</script>", page.text) == []
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_explorer_files_are_immutable_and_page_is_not(gateway):
    assert (await gateway.stranger.get("/")).headers["cache-control"] == "no-cache"
    for path in ASSETS.glob("*.js"):
        response = await gateway.stranger.get(f"/explorer/{path.name}")
        assert "immutable" in response.headers["cache-control"]
        assert "javascript" in response.headers["content-type"]
        assert re.search(r"-[A-Z0-9]{8}\.js$", path.name)


async def test_explorer_serves_no_other_files(gateway):
    for path in ("index.html", "NOTICES.txt", "nothing.js", "..%2fexplorer.py", "../explorer.py"):
        assert (await gateway.stranger.get(f"/explorer/{path}")).status_code == 404


async def test_examples_are_served_in_name_order(gateway):
    examples = (await gateway.stranger.get("/explorer/examples.json")).json()
    assert [example["query"] for example in examples] == [example.query for example in read_examples()]
    assert examples[0]["desk"] == "overview"
    assert examples[0]["chinese"] == "小区工作台"
    assert "query Dashboard" in examples[0]["query"]


def test_every_desk_has_examples() -> None:
    desks = {example.desk for example in read_examples()}
    assert desks >= {"reviews", "fees", "repairs", "residents", "announcements", "modules", "payments"}
