from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import pytest
from graphql import OperationType

from gateway.execution.documents import Documents
from gateway.execution.limits import Limits
from gateway.http.explorer import EXAMPLES
from gateway.settings import Settings
from schema.build import executable_schema

SETTINGS = Settings()
DOCUMENTS = Documents(
    executable_schema(),
    Limits(
        tokens=SETTINGS.max_tokens,
        depth=SETTINGS.max_depth,
        aliases=SETTINGS.max_aliases,
        root_fields=SETTINGS.max_root_fields,
        directives=SETTINGS.max_directives,
    ),
    size=16,
)

WRITES = ("07-new-order", "12-reject-review", "14-answer-repair", "17-announce", "18-switch-module")
SUBSCRIPTIONS = ("09-changes", "13-new-reviews", "19-paid")
VARIABLES = {name: {"key": name} for name in WRITES}


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
    operations = [DOCUMENTS.prepare(path.read_text(encoding="utf-8")).operation for path in EXAMPLES.iterdir()]
    assert {operation.operation for operation in operations} == set(OperationType)


async def test_every_example_is_answered_without_an_error(gateway: Any) -> None:
    """The subscriptions are tried in the browser."""
    answers = {
        path.stem: await gateway.ask(path.read_text(encoding="utf-8"), VARIABLES.get(path.stem))
        for path in sorted(EXAMPLES.iterdir())
        if path.stem not in SUBSCRIPTIONS
    }
    assert {name: answer.body["errors"] for name, answer in answers.items() if "errors" in answer.body} == {}
    assert answers["01-dashboard"].data["community"]["summary"]["pendingShenhes"] > 0
    assert answers["02-reviews"].data["shenhes"]["nodes"][0]["verification"]["findings"] != []
    assert any(order["house"]["owner"] for order in answers["03-orders"].data["orders"]["nodes"] if order["house"])
    assert answers["04-repairs"].data["repairs"]["nodes"][0]["status"] == "OPEN"
    assert answers["05-modules"].data["community"]["moduleDrift"] != []
    assert len(answers["06-people"].data["people"]["residencies"]) == 2
    assert answers["08-payments"].data["operations"]["nodes"][0]["mutation"] == "createOrder"
    for name in WRITES:
        [payload] = answers[name].data.values()
        assert payload["outcome"] == "CONFIRMED", name
    assert answers["15-house"].data["house"]["owner"] is not None
    assert len(answers["10-dictionaries"].data["dictionaries"]) > 10
    assert {platform["name"] for platform in answers["11-platforms"].data["platforms"]} == {"WJDH", "SECURITY"}
