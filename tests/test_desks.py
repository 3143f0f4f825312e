"""The desks: their pages show the explorer's examples, with the cost and the platform calls that each really has."""

import re
from typing import Any

import pytest
from graphql import OperationType, get_operation_ast, parse
from pages import DOCS, blocks, read_text
from waiting import until

from gateway.http.explorer import read_examples
from gateway.sandbox.day import live_through_a_day
from gateway.sandbox.server import Sandbox

pytestmark = pytest.mark.demo

ROW = re.compile(r"^\| `(\w+)` \| (\d+|-) \| (\d+|-) \| .+ \|$", re.MULTILINE)
NO_READS_OF_THE_DESK = ("secret", "token", "callback")
"""Logins, and deliveries of payments, which go on beside."""


def name_and_kind(document: str) -> tuple[str, OperationType]:
    operation = get_operation_ast(parse(document))
    assert operation is not None
    assert operation.name is not None
    return operation.name.value, operation.operation


EXAMPLES = {name_and_kind(example.query)[0]: example.query for example in read_examples()}
ROWS = ROW.findall(read_text(DOCS / "desks.md"))
"""An operation, its cost, and the calls of platforms; "-" for a subscription."""
SUBSCRIPTIONS = [row for row in ROWS if name_and_kind(EXAMPLES[row[0]])[1] is OperationType.SUBSCRIPTION]


def test_page_shows_each_operation_of_its_tables() -> None:
    shown = {name_and_kind(block)[0]: block for block in blocks(DOCS / "desks.md", "graphql")}
    assert list(shown) == [operation for operation, _, _ in ROWS]
    for operation, block in shown.items():
        query = EXAMPLES[operation]
        assert block == "".join(line for line in query.splitlines(keepends=True) if not line.startswith("#"))
    assert {row[1:] for row in SUBSCRIPTIONS} == {("-", "-")}


def test_chinese_page_has_the_same_figures() -> None:
    assert ROW.findall(read_text(DOCS / "zh/desks.md")) == ROWS


async def payments_are_placed(gateway: Any) -> bool:
    """Their communities are found out a moment after they came."""
    answer = await gateway.ask("{ payments { nodes { communityCode } } }")
    return {"communityCode": None} not in answer.data["payments"]["nodes"]


@pytest.mark.parametrize("row", [row for row in ROWS if row not in SUBSCRIPTIONS], ids=lambda row: row[0])
async def test_operation_costs_what_the_page_says(gateway: Any, sandbox: Sandbox, row: tuple[str, ...]) -> None:
    await live_through_a_day(sandbox, gateway.url, gateway.ask)
    await until(lambda: payments_are_placed(gateway))
    sandbox.reset_calls()

    answer = await gateway.ask(EXAMPLES[row[0]], {"key": row[0]})

    assert "errors" not in answer.body, answer.body["errors"]
    calls = sum(count for (_, endpoint), count in sandbox.counts().items() if endpoint not in NO_READS_OF_THE_DESK)
    assert (row[0], str(answer.body["extensions"]["cost"]["requested"]), str(calls)) == row
