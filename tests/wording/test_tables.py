"""The wording tables are complete: both languages, the same placeholders, and nothing that no error uses."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from gateway.wording.codes import CodeWording
from gateway.wording.faults import FaultWording, WireWording
from gateway.wording.foreign import find_wire_text
from gateway.wording.graphql import GraphQLWording, ScalarWording
from gateway.wording.inputs import InputWording
from gateway.wording.labels import LABELS
from gateway.wording.requests import RequestWording, TokenWording
from gateway.wording.wording import Rule, Text, Wording
from gateway.wording.writes import WriteWording
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
)
"""Tables whose messages the code names where it raises them."""

TABLES: tuple[type[Wording], ...] = (*RAISED, CodeWording, GraphQLWording, WireWording)
MESSAGES = [wording for table in TABLES for wording in table]

CHINESE = re.compile(r"[\u4e00-\u9fff]")

OPTIONAL = {"min", "max"}
"""May be given to any message: the bounds of its rule."""


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("wording", MESSAGES, ids=str)
def test_message_has_both_languages_with_the_same_placeholders(wording: Wording) -> None:
    assert CHINESE.search(wording.chinese)
    assert not CHINESE.search(wording.english.replace("转", ""))
    english, chinese = placeholders(wording.english), placeholders(wording.chinese)
    if isinstance(wording, GraphQLWording):  # it may leave out values that callers sent, and never shows more
        assert chinese <= english
    else:
        assert chinese == english


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


WIRES = [
    *sorted((ROOT / "gateway/http/server").rglob("*.py")),
    *(
        ROOT / f"gateway/platforms/{name}.py"
        for name in ("answer", "connection", "envelope", "pool", "proxy", "transport")
    ),
    ROOT / "gateway/ops/connect_failure.py",
]
"""Files that raise messages and know no table."""

SENTENCE = re.compile(r"[A-Z]\w* .*\w.*")


def raised_texts(tree: ast.AST) -> Iterator[str]:
    """The sentences in exceptions that are made, and in returns, with 503 for each value in them."""
    for node in ast.walk(tree):
        made: list[ast.expr] = []
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if re.search(r"(?<!Runtime)(?<!Value)Error$|ConnectTimeout$|^super\(\).__init__$", name):
                made = node.args
        elif isinstance(node, ast.Return) and node.value is not None:
            made = [node.value]
        for argument in made:
            parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
            texts = [part.value if isinstance(part, ast.Constant) else "503" for part in parts]
            text = "".join(map(str, texts))
            if isinstance(argument, ast.JoinedStr | ast.Constant) and SENTENCE.fullmatch(text):
                yield text


def test_messages_of_the_wires_are_in_their_table() -> None:
    texts = {text for path in WIRES for text in raised_texts(ast.parse(path.read_text()))}
    assert len(texts) > 30
    assert [text for text in sorted(texts) if find_wire_text(text) is None] == []
    found = {find_wire_text(text).wording for text in texts}
    assert [wording.name for wording in WireWording if wording not in found] == []


def test_labels_are_those_of_fields_of_the_schema() -> None:
    schema = executable_schema()
    names = set()
    for type_ in schema.type_map.values():
        for name, field in getattr(type_, "fields", {}).items():
            names |= {name, *getattr(field, "args", {})}
    records = {"person", "review"}
    assert set(LABELS) - names - records == set()
    assert all(CHINESE.search(label) for label in LABELS.values())


def test_rules_say_what_they_ask_for_in_both_languages() -> None:
    assert all(rule.meaning.isascii() and CHINESE.search(rule.label) for rule in Rule)
    assert {wording.rule for wording in MESSAGES} - {None} == set(Rule)


def test_text_is_english_and_knows_its_chinese() -> None:
    text = InputWording.LENGTH(field="filter.title", min=1, max=100)
    assert text == "filter.title must have 1 to 100 characters."
    assert isinstance(text, Text)
    assert text.chinese == "标题须为 1 至 100 个字符。"
    assert (text.rule, text.min, text.max) == ("LENGTH", "1", "100")


def test_text_without_its_values_cannot_be_made() -> None:
    with pytest.raises(KeyError):
        InputWording.LENGTH(field="title")
