"""The wording tables are complete: both languages, the same placeholders, and nothing that no error uses."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter

import pytest

from gateway.errors import GatewayError
from gateway.wording.codes import ErrorCode
from gateway.wording.commands import CommandWording
from gateway.wording.faults import FaultWording
from gateway.wording.foreign import DOCUMENTS, SERVER, VALUES
from gateway.wording.inputs import InputWording, ScalarWording, WriteWording
from gateway.wording.language import WORDS
from gateway.wording.requests import RequestWording, TokenWording
from gateway.wording.settings import Mistake
from gateway.wording.wording import LABELS, Sentence, Text, ViolationRule, Wording
from schema.build import executable_schema

ROOT = Path(__file__).parents[2]
PACKAGES = [path for name in ("gateway", "schema") for path in sorted((ROOT / name).rglob("*.py"))]
SOURCES = {
    path: ast.parse(path.read_text()) for path in PACKAGES if path.relative_to(ROOT).parts[1] not in ("sandbox",)
}

RAISED: tuple[type[Wording], ...] = (
    InputWording,
    WriteWording,
    RequestWording,
    TokenWording,
    FaultWording,
    ScalarWording,
    Mistake,
    CommandWording,
)
"""Tables whose messages the code names where it raises them."""

MESSAGES = [wording for table in RAISED for wording in table]
FOREIGN = [
    *VALUES.values(),
    *(Sentence(*texts) for texts in (*DOCUMENTS.items(), *SERVER.items(), *WORDS.items())),
]

CHINESE = re.compile(r"[\u4e00-\u9fff]")

OPTIONAL = {"min", "max"}
"""May be given to any message: the bounds of its rule."""


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


def uses() -> Iterator[tuple[Path, ast.Attribute, ast.AST | None]]:
    """Every place that names a message, and the call that gives its values, if it is called there."""
    names = {table.__name__ for table in RAISED}
    for path, tree in SOURCES.items():
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
                yield path, node, parents.get(node)


def test_every_message_is_used() -> None:
    used = {(node.value.id, node.attr) for _, node, _ in uses() if isinstance(node.value, ast.Name)}
    assert [
        f"{type(it).__name__}.{it.name}"
        for it in MESSAGES
        if type(it) in RAISED and (type(it).__name__, it.name) not in used
    ] == []


def test_messages_get_the_values_that_they_have_places_for() -> None:
    tables = {table.__name__: table for table in RAISED}
    for path, node, parent in uses():
        assert isinstance(node.value, ast.Name)
        wanted = placeholders(tables[node.value.id][node.attr].english)
        where = f"{path.relative_to(ROOT)}:{node.lineno}"
        if isinstance(parent, ast.Call) and parent.func is node:
            given = {keyword.arg for keyword in parent.keywords}
            assert wanted <= given <= wanted | OPTIONAL, where
        elif isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "partial":
            given = {keyword.arg for keyword in parent.keywords}
            assert wanted - given == {"field"}, where


def test_table_has_exactly_the_messages_of_the_server() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "gateway/http/server").glob("*.py"))
    raised = re.findall(r'RequestError\(\d+, [^"]*(?:"[\w-]+", )?f?"([^"]+)"', sources)
    assert {re.sub(r"\{.*?\}", "{name}", text) for text in raised} == set(SERVER)


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


def test_text_is_english_and_knows_its_chinese() -> None:
    text = InputWording.LENGTH(field="filter.title", min=1, max=100)
    assert text == "filter.title must have 1 to 100 characters."
    assert isinstance(text, Text)
    assert text.chinese == "标题须为 1 至 100 个字符。"
    assert (text.rule, text.bounds) == ("LENGTH", {"min": "1", "max": "100"})
    with pytest.raises(KeyError):
        InputWording.LENGTH(field="title")


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
    assert all(CHINESE.search(text) for code in ErrorCode for text in code.texts["zh"])
