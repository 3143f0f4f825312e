"""The wording tables are complete: both languages, the same placeholders, and nothing that no error uses."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from string import Formatter

import pytest

from gateway.errors import GatewayError
from gateway.wording.codes import ErrorCode
from gateway.wording.foreign import GRAPHQL
from gateway.wording.language import WORDS
from gateway.wording.wording import LABELS, Sentence, ViolationRule, Wording
from schema.build import executable_schema

ROOT = Path(__file__).parents[2]
PACKAGES = [path for name in ("gateway", "schema") for path in sorted((ROOT / name).rglob("*.py"))]
SOURCES = {
    path: ast.parse(path.read_text()) for path in PACKAGES if path.relative_to(ROOT).parts[1] not in ("sandbox",)
}

for path in (ROOT / "gateway" / "wording").glob("*.py"):
    import_module(f"gateway.wording.{path.stem}")
TABLES = {table.__name__: table for table in Wording.__subclasses__()}
"""Their messages are named by the code where it raises them."""

MESSAGES = [wording for table in TABLES.values() for wording in table]
FOREIGN = [*GRAPHQL.values(), *(Sentence(*texts) for texts in WORDS.items())]

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("wording", [*MESSAGES, *FOREIGN], ids=str)
def test_message_has_both_languages_with_the_same_placeholders(wording: Wording | Sentence) -> None:
    assert CHINESE.search(wording.chinese)
    assert not CHINESE.search(wording.english.replace("转", ""))
    english, chinese = placeholders(wording.english), placeholders(wording.chinese)
    if isinstance(wording, Sentence):  # it may leave out values that callers sent, and never shows more
        assert chinese <= english
    else:
        assert chinese == english - {"detail"}


@cache
def uses() -> list[tuple[str, str, str, ast.AST]]:
    """Every place that names a message, with its table and name, and what it stands in: a call gives its values."""
    found = []
    for path, tree in SOURCES.items():
        for parent in ast.walk(tree):
            for node in ast.iter_child_nodes(parent):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in TABLES:
                    found.append((f"{path.relative_to(ROOT)}:{node.lineno}", node.value.id, node.attr, parent))
    return found


def test_every_message_is_used() -> None:
    used = {(table, name) for _, table, name, _ in uses()}
    assert {(type(it).__name__, it.name) for it in MESSAGES} - used == set()


def test_messages_get_the_values_that_they_have_places_for() -> None:
    for where, table, name, parent in uses():
        if isinstance(parent, ast.Call):
            wanted, given = placeholders(TABLES[table][name].english), {keyword.arg for keyword in parent.keywords}
            if ast.unparse(parent.func) == f"{table}.{name}":
                assert wanted <= given <= wanted | {"min", "max"}, where  # the bounds of any rule may be given
            elif ast.unparse(parent.func) == "partial":
                assert wanted - given == {"field"}, where


def test_labels_are_those_of_fields_of_the_schema() -> None:
    schema = executable_schema()
    names, inputs = set(), set()
    for type_ in schema.type_map.values():
        for name, field in getattr(type_, "fields", {}).items():
            names |= {name, *getattr(field, "args", {})}
            if not type_.name.startswith("__"):
                inputs |= set(getattr(field, "args", {name}))
    records = {"person"}
    assert set(LABELS) - names - records == set()
    assert inputs - set(LABELS) == set(), "or else a message in Chinese names them in English"
    assert all(CHINESE.search(label) for label in LABELS.values())


def test_rules_say_what_they_ask_for_in_both_languages() -> None:
    assert all(rule.word.meaning.isascii() and CHINESE.search(rule.label) for rule in ViolationRule)
    assert {wording.rule for wording in MESSAGES} - {None} == set(ViolationRule)


def code_rows(language: str, yes: str, no: str) -> list[str]:
    """The rows of the codes: what each means, what to do, and whether to try again."""
    return [f"| `{it}` | {' | '.join(it.texts[language])} | {yes if it.word.retryable else no} |" for it in ErrorCode]


DOCUMENTED: Mapping[str, list[str]] = {
    "Codes": code_rows("en", "yes", "no"),
    "错误码": code_rows("zh", "是", "否"),
    "Rules": [f"| `{rule}` | {rule.word.meaning} | {rule.label} |" for rule in ViolationRule],
}


PAGES = [ROOT / "docs/errors.md", ROOT / "docs/zh/errors.md"]


def test_page_has_every_code_and_rule() -> None:
    sections = dict(
        re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", "\n".join(map(Path.read_text, PAGES)), re.MULTILINE | re.DOTALL)
    )
    for title, rows in DOCUMENTED.items():
        _head, _line, *documented = re.findall(r"^\|.*\|$", sections[title], re.MULTILINE)
        assert documented == rows, f"the table under {title!r} is to be:\n" + "\n".join(rows)


def subclasses(error: type[GatewayError]) -> Iterator[type[GatewayError]]:
    yield error
    for subclass in error.__subclasses__():
        yield from subclasses(subclass)


def test_every_code_of_an_error_has_a_meaning() -> None:
    codes = {error.code for error in subclasses(GatewayError)} | {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}
    assert codes == set(ErrorCode)
