from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import pytest
from graphql import OperationType

from gateway.execution.documents import Documents
from gateway.execution.limits import Limits
from gateway.http.explorer import EXAMPLES
from gateway.sandbox.server import Sandbox
from gateway.settings import Settings
from schema.build import executable_schema

SETTINGS = Settings()
DOCUMENTS = Documents(executable_schema(), Limits(tokens=SETTINGS.max_tokens, depth=SETTINGS.max_depth), size=16)

DOCUMENTS_BY_NAME = {path.stem: path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.iterdir())}


def operation_type(document: str) -> OperationType:
    return DOCUMENTS.prepare(document).operation.operation


def outcomes(payload: dict[str, Any]) -> list[str]:
    """Of one write, or of each of several."""
    return [result["outcome"] for result in payload.get("results", [payload])]


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.stem)
def test_examples_are_valid_named_operations(path: Path) -> None:
    operation = DOCUMENTS.prepare(path.read_text(encoding="utf-8")).operation
    assert operation.name is not None


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.stem)
def test_example_comments_fit_a_small_screen(path: Path) -> None:
    _head, *comments = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert comments
    assert [line for line in comments if columns(line) > 48] == []


def columns(line: str) -> int:
    """Chinese takes two each."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in line)


def test_every_kind_of_operation_has_an_example() -> None:
    assert set(map(operation_type, DOCUMENTS_BY_NAME.values())) == set(OperationType)


@pytest.fixture
def environ(environ: dict[str, str], sandbox: Sandbox) -> dict[str, str]:
    """As the demo has it."""
    return environ | {"GATEWAY_COMMUNITIES": sandbox.communities}


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
            assert set(outcomes(payload)) == {"PLANNED" if "-plan-" in name else "CONFIRMED"}, name
    assert answers["15-house"].data["house"]["owner"] is not None
    assert len(answers["10-dictionaries"].data["dictionaries"]) > 10
    assert {platform["name"] for platform in answers["11-platforms"].data["platforms"]} == {"WJDH", "SECURITY"}
