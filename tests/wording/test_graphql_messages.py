"""What graphql-core says has a sentence in Chinese, whatever it is about, and repeats no value there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import graphql
import pytest
from graphql import build_schema, specified_rules, validate
from graphql.execution.values import get_variable_values
from graphql.validation import NoSchemaIntrospectionCustomRule

from gateway.execution.documents import parse
from gateway.http.errors import _presentable
from gateway.wording.foreign import find_graphql_text
from gateway.wording.graphql import GraphQLWording

SCHEMA = build_schema("""
directive @once on FIELD
type Query {
  hello(name: String!, count: Int, ids: [ID!], when: Boolean, ratio: Float, word: Word, who: Who): String
  node: Node
}
type Node { id: ID  other: Other }
type Other { id: ID }
type Subscription { ticks: Int  tocks: Int }
enum Word { A B }
input Who @oneOf { name: String  number: Int }
input Box { name: String!  count: Int }
extend type Query { box(box: Box): String }
""")

SECRET = "SECRET"

SYNTAX = [
    "{",
    "{ hello",
    "query ($",
    "{ hello(name: ) }",
    '{ hello(name: "SECRET) }',
    "{ hello(name: 01) }",
    "{ a.b }",
    "{ hello(name: -) }",
    '{ hello(name: "\\x") }',
    '{ hello(name: "\\u00") }',
    "{ ? }",
    "query Q($n: Int = $SECRET) { hello }",
    '"SECRET" { hello }',
    "{ hello(SECRET) }",
    "}",
    '{ hello(name: "\ud800") }',
    "",
    "enum E { true }",
    "fragment on on Query { hello }",
]

DOCUMENTS = [
    "{ SECRET_ }",
    "{ hello { id } }",
    "{ node }",
    '{ hello(name: "a") hello(name: "b") }',
    '{ hello(name: "a", none: 1) }',
    "{ hello }",
    "query ($n: None) { hello(name: $n) }",
    '{ hello(name: "a") @none }',
    'query Q @once { hello(name: "a") }',
    '{ hello(name: "a") @skip(if: true) @skip(if: true) }',
    "{ ...None }",
    '{ hello(name: "a") } fragment F on Node { id }',
    "{ ...F } fragment F on Query { ...F }",
    "{ node { ...F } } fragment F on Int { id }",
    "{ node { ... on Int { id } } }",
    "{ node { ...F } } fragment F on Other { id }",
    "{ node { ... on Other { id } } }",
    '{ hello(name: "a") } query Q { hello(name: "a") }',
    'query Q { hello(name: "a") } query Q { hello(name: "a") }',
    "{ hello(name: $n) }",
    "query Q { hello(name: $n) }",
    'query ($n: Int) { hello(name: "a") }',
    'query Q($n: Int) { hello(name: "a") }',
    "query ($n: Node) { hello(name: $n) }",
    "query ($n: Int) { hello(name: $n) }",
    'query ($n: String) { hello(name: "a", who: {name: $n}) }',
    "type T { id: ID }",
    "subscription { ticks tocks }",
    "subscription S { ticks tocks }",
    "subscription { __typename }",
    "subscription S { ticks @skip(if: false) }",
    "{ __schema { types { name } } }",
    '{ hello(name: "a", name: "b") }',
    "query ($n: String!, $n: String!) { hello(name: $n) }",
    '{ hello(name: "a") ...F ...F } fragment F on Query { hello(name: "a") } fragment F on Query { hello(name: "a") }',
    '{ box(box: {name: "a", name: "b"}) }',
    "{ hello(name: SECRET) }",
    '{ hello(name: "a", count: "SECRET") }',
    '{ hello(name: "a", count: 9999999999) }',
    '{ hello(name: "a", word: SECRET) }',
    '{ hello(name: "a", word: "SECRET") }',
    '{ hello(name: "a", when: "SECRET") }',
    '{ hello(name: "a", ratio: "SECRET") }',
    '{ hello(name: "a", ids: [1.5]) }',
    "{ hello(name: null) }",
    "{ box(box: {count: 1}) }",
    '{ box(box: {name: "SECRET", none: 1}) }',
    '{ box(box: "SECRET") }',
    '{ hello(name: "a", who: {}) }',
    '{ hello(name: "a", who: {name: null}) }',
    "{ node @skip { id } }",
    '{ hello(name: "a") @skip(if: true, none: 1) }',
    "{ node { ...F } } fragment F on None { id }",
]

VARIABLES: list[tuple[str, dict[str, Any]]] = [
    ("$n: String!", {}),
    ("$n: String!", {"n": None}),
    ("$n: String!", {"n": 5}),
    ("$n: Int", {"n": SECRET}),
    ("$n: Int", {"n": 2**40}),
    ("$n: Boolean", {"n": SECRET}),
    ("$n: Float", {"n": SECRET}),
    ("$n: ID", {"n": [SECRET]}),
    ("$n: Word", {"n": SECRET}),
    ("$n: Word", {"n": 5}),
    ("$n: Box", {"n": SECRET}),
    ("$n: Box", {"n": {"count": 1}}),
    ("$n: Box", {"n": {"name": SECRET, "none": 1}}),
    ("$n: Box", {"n": {"name": None}}),
    ("$n: Who", {"n": {}}),
    ("$n: Who", {"n": {"name": None}}),
    ("$n: [Box!]", {"n": [{"name": SECRET}, None]}),
]


def messages(document: str) -> list[str]:
    try:
        parsed = parse(document, 1000)
    except graphql.GraphQLSyntaxError as error:
        return [error.message]
    return [error.message for error in validate(SCHEMA, parsed, [*specified_rules, NoSchemaIntrospectionCustomRule])]


def variable_messages(declared: str, values: dict[str, Any]) -> list[str]:
    [operation] = parse(f'query ({declared}) {{ hello(name: "a") }}', 100).definitions
    assert isinstance(operation, graphql.OperationDefinitionNode)
    errors = get_variable_values(SCHEMA, operation.variable_definitions or (), values)
    assert isinstance(errors, list)
    return [error.message for error in errors]


@pytest.mark.parametrize("document", SYNTAX + DOCUMENTS)
def test_errors_of_documents_are_known_in_chinese(document: str) -> None:
    said = messages(document)
    assert said
    for message in said:
        text = find_graphql_text(_presentable(message))
        assert text is not None, message
        assert re.search(r"[\u4e00-\u9fff]", text.chinese)
        assert "SECRET" not in text.chinese.replace("SECRET_", ""), message


@pytest.mark.parametrize(("declared", "values"), VARIABLES)
def test_errors_of_variables_are_known_in_chinese(declared: str, values: dict[str, Any]) -> None:
    for message in variable_messages(declared, values):
        text = find_graphql_text(_presentable(message))
        assert text is not None, message
        assert SECRET not in text.chinese
        assert text.rule is not None, message


EXECUTION = [
    "Argument 'Query.orders(first:)' has invalid value: Expected value of non-null type 'Int!' not to be None.",
    "Argument 'Query.orders(filter:)' has invalid value at .building: Int cannot represent non-integer value: 'SECRET'",
    "Argument 'Query.orders(code:)' of required type 'ID!' was not provided.",
    "Variable '$n' has invalid default value: Int cannot represent non-integer value: 'SECRET'",
    "Variable '$n' has invalid default value at [0]: Int cannot represent non-integer value: 'SECRET'",
    "Variable '$n' expected value of type 'Node' which cannot be used as an input type.",
    "Variable values are nested too deeply.",
    "Variable '$n' has invalid value: Expected value of type 'Date', found: 'SECRET'.",
    "Expected variable '$n' provided to type 'Int' to provide a runtime value.",
    "Expected variable '$n' provided to non-null type 'Int!' not to be None.",
    "Expected variable '$n' provided to field 'name' for OneOf Input Object type 'Who' not to be None.",
    "Variable '$n' has invalid value at .when: Date must be a string such as \"2026-11-24\".",
]
"""What is said when a document is run, and only by a few resolvers and scalars."""


@pytest.mark.parametrize("message", EXECUTION)
def test_errors_of_execution_are_known_in_chinese(message: str) -> None:
    text = find_graphql_text(message)
    assert text is not None
    assert SECRET not in text.chinese
    assert "None" not in text.chinese


def rule_messages() -> Iterator[str]:
    """What the rules of graphql-core can say, read from their source, with x for each value."""
    folder = Path(graphql.__file__).parent / "validation" / "rules"
    for name in sorted({rule.__module__.rpartition(".")[2] for rule in specified_rules}):
        if name.startswith(("defer", "stream")):  # no directive of the schema
            continue
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "GraphQLError":
                message = node.args[0]
                while isinstance(message, ast.BinOp):
                    message = message.left if not isinstance(message.left, ast.IfExp) else message.right
                for said in (message.body, message.orelse) if isinstance(message, ast.IfExp) else (message,):
                    parts = said.values if isinstance(said, ast.JoinedStr) else [said]
                    yield "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in parts)


def test_every_message_of_a_rule_of_graphql_core_is_known() -> None:
    """Also those that no document here brings about."""
    said = {f"x{message}" if message.startswith(" ") else message for message in rule_messages()}
    assert len(said) > 40
    assert [message for message in sorted(said) if find_graphql_text(message) is None] == []


def test_table_has_no_message_that_nobody_says() -> None:
    said = {message for document in SYNTAX + DOCUMENTS for message in messages(document)} | set(EXECUTION)
    said |= {f"x{message}" if message.startswith(" ") else message for message in rule_messages()}
    said |= {message for declared, values in VARIABLES for message in variable_messages(declared, values)}
    texts = [
        find_graphql_text(message.partition(": ")[2] if "value" in message.partition(": ")[0] else message)
        for message in said
    ]
    found = {text.wording for text in texts + [find_graphql_text(message) for message in said] if text is not None}
    assert [wording.name for wording in GraphQLWording if wording not in found] == []
