from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.stem)
def test_every_example_is_a_valid_named_query_within_the_limits(path: Path) -> None:
    operation = DOCUMENTS.prepare(path.read_text(encoding="utf-8")).operation
    assert operation.operation is OperationType.QUERY
    assert operation.name is not None


async def test_every_example_is_answered_without_an_error(gateway: Any) -> None:
    answers = {path.stem: await gateway.ask(path.read_text(encoding="utf-8")) for path in EXAMPLES.iterdir()}
    assert {name: answer.body["errors"] for name, answer in answers.items() if "errors" in answer.body} == {}
    assert answers["1-dashboard"].data["community"]["summary"]["pendingShenhes"] > 0
    assert answers["2-reviews"].data["shenhes"]["nodes"][0]["verification"]["findings"] != []
    assert any(order["house"]["owner"] for order in answers["3-orders"].data["orders"]["nodes"] if order["house"])
    assert answers["4-repairs"].data["repairs"]["nodes"][0]["status"] == "OPEN"
    assert answers["5-modules"].data["community"]["moduleDrift"] != []
    assert len(answers["6-people"].data["people"]["residencies"]) == 2
    assert len(answers["7-dictionaries"].data["dictionaries"]) > 10
    assert {platform["name"] for platform in answers["8-platforms"].data["platforms"]} == {"WJDH", "SECURITY"}
