"""docs/errors.md lists the codes, the rules and the messages that people see, as they are in the tables."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway.errors import GatewayError
from gateway.wording.codes import CodeWording
from gateway.wording.inputs import InputWording
from gateway.wording.wording import Rule, Wording
from gateway.wording.writes import WriteWording

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def message_rows(table: type[Wording]) -> list[str]:
    """The rows of a table's messages, in its order."""
    return [f"| {f'`{it.rule}`' if it.rule else ''} | {it.english} | {it.chinese} |" for it in table]


TABLES: Mapping[str, list[str]] = {
    "Codes": [f"| `{it.name}` | {it.english} | {it.chinese} |" for it in CodeWording],
    "Rules": [f"| `{rule}` | {rule.meaning} | {rule.label} |" for rule in Rule],
    "Messages about inputs": message_rows(InputWording),
    "Messages about writes": message_rows(WriteWording),
}


def test_page_has_every_code_rule_and_message() -> None:
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL))
    for title, rows in TABLES.items():
        _head, _line, *documented = re.findall(r"^\|.*\|$", sections[title], re.MULTILINE)
        assert documented == rows, f"the table under {title!r} is to be:\n" + "\n".join(rows)


def subclasses(error: type[GatewayError]) -> Iterator[type[GatewayError]]:
    yield error
    for subclass in error.__subclasses__():
        yield from subclasses(subclass)


def test_every_code_of_an_error_has_a_meaning() -> None:
    codes = {error.code for error in subclasses(GatewayError)} | {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}
    assert codes == set(CodeWording.__members__)
