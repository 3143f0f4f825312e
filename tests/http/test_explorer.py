import re
from html import escape
from typing import Any
from unicodedata import east_asian_width

import pytest
from graphql import OperationType

from gateway.auth.principal import Scope
from gateway.execution.documents import Documents
from gateway.execution.limits import Limits
from gateway.http.explorer import ASSETS, EXAMPLES, open_explorer, read_examples
from gateway.settings import Settings
from schema.build import executable_schema


async def test_explorer_page_loads_served_files(gateway):
    page = await gateway.stranger.get("/")
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
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
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_explorer_files_are_immutable_and_no_others_are_served(gateway):
    for file in ASSETS.glob("*.js"):
        response = await gateway.stranger.get(f"/explorer/{file.name}")
        assert "immutable" in response.headers["cache-control"]
        assert "javascript" in response.headers["content-type"]
        assert re.search(r"-[A-Z0-9]{8}\.js$", file.name)
    for path in ("index.html", "NOTICES.txt", "nothing.js", "..%2fexplorer.py", "../explorer.py"):
        assert (await gateway.stranger.get(f"/explorer/{path}")).status_code == 404


async def test_examples_are_served_in_name_order(gateway):
    examples = (await gateway.stranger.get("/explorer/examples.json")).json()
    assert [example["query"] for example in examples] == [example.query for example in read_examples()]
    assert examples[0]["desk"] == "overview"
    assert examples[0]["chinese"] == "小区工作台"
    assert "query Dashboard" in examples[0]["query"]
    desks = {example["desk"] for example in examples}
    assert desks >= {"reviews", "fees", "repairs", "residents", "announcements", "modules", "payments"}


SETTINGS = Settings()
DOCUMENTS = Documents(executable_schema(), Limits(tokens=SETTINGS.max_tokens, depth=SETTINGS.max_depth), size=16)

DOCUMENTS_BY_NAME = {path.stem: path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.iterdir())}


def operation_type(document: str) -> OperationType:
    return DOCUMENTS.prepare(document).operation.operation


def test_examples_have_a_name_and_fit_a_small_screen() -> None:
    for name, document in DOCUMENTS_BY_NAME.items():
        assert DOCUMENTS.prepare(document).operation.name is not None, name
        _head, *comments = [line for line in document.splitlines() if line.startswith("#")]
        assert comments, name
        columns = [[2 if east_asian_width(character) in "WF" else 1 for character in line] for line in comments]
        assert max(map(sum, columns)) <= 48, name
    assert set(map(operation_type, DOCUMENTS_BY_NAME.values())) == set(OperationType)


@pytest.mark.demo
async def test_every_example_is_answered_without_an_error(gateway: Any) -> None:
    """The subscriptions are tried in the browser."""
    answers = {
        name: await gateway.ask(document, {"key": name})
        for name, document in DOCUMENTS_BY_NAME.items()
        if operation_type(document) is not OperationType.SUBSCRIPTION
    }
    assert {name: answer.body["errors"] for name, answer in answers.items() if "errors" in answer.body} == {}
    assert answers["01-dashboard"].data["community"]["summary"]["pendingShenhes"] > 0
    assert answers["02-reviews"].data["shenhes"]["nodes"][0]["verification"]["findings"] != []
    assert any(order["house"]["owner"] for order in answers["03-orders"].data["orders"]["nodes"] if order["house"])
    assert answers["04-repairs"].data["repairs"]["nodes"][0]["status"] == "OPEN"
    assert answers["05-modules"].data["community"]["moduleDrift"] != []
    assert len(answers["06-people"].data["people"]["residencies"]) == 2
    assert answers["08-payments"].data["operations"]["nodes"][0]["mutation"] == "createOrder"
    for name, answer in answers.items():
        if operation_type(DOCUMENTS_BY_NAME[name]) is OperationType.MUTATION:
            [payload] = answer.data.values()
            outcomes = {result["outcome"] for result in payload.get("results", [payload])}
            assert outcomes == {"PLANNED" if "-plan-" in name else "CONFIRMED"}, name
    assert answers["15-house"].data["house"]["owner"] is not None
    assert len(answers["10-dictionaries"].data["dictionaries"]) > 10
    assert {platform["name"] for platform in answers["11-platforms"].data["platforms"]} == {"WJDH", "SECURITY"}
