"""What graphql-core says of values has a sentence in Chinese, which repeats none; the rest has that of its code."""

import re
from typing import Any

import graphql
import pytest
from graphql import build_schema, validate
from graphql.execution.values import get_variable_values

from gateway.execution.documents import parse
from gateway.http.errors import _presentable
from gateway.wording.codes import ErrorCode
from gateway.wording.foreign import GRAPHQL, find_place, find_text, translate

SCHEMA = build_schema("""
type Query {
  hello(name: String!, count: Int, ids: [ID!], when: Boolean, ratio: Float, word: Word, who: Who): String
  box(box: Box): String
}
enum Word { A B }
input Who @oneOf { name: String  number: Int }
input Box { name: String!  count: Int }
""")

SECRET = "SECRET"

INVALID = [
    *("{ name_ }", "{ hello }", "{ hello(name: SECRET) }", '{ hello(name: "a", count: "SECRET") }'),
    *('{ hello(name: "a", count: 9999999999) }', '{ hello(name: "a", word: SECRET) }'),
    *('{ hello(name: "a", word: "SECRET") }', '{ hello(name: "a", when: "SECRET") }'),
    *('{ hello(name: "a", ratio: "SECRET") }', '{ hello(name: "a", ids: [1.5]) }', "{ hello(name: null) }"),
    *("{ box(box: {count: 1}) }", '{ box(box: {name: "SECRET", none: 1}) }', '{ box(box: "SECRET") }'),
    '{ hello(name: "a", who: {}) }',
]

VARIABLES: list[tuple[str, dict[str, Any]]] = [
    ("$n: String!", {}),
    ("$n: String!", {"n": None}),
    ("$n: String!", {"n": 5}),
    ("$n: Int", {"n": SECRET}),
    ("$n: Word", {"n": SECRET}),
    ("$n: Box", {"n": {"count": 1}}),
    ("$n: Box", {"n": {"name": SECRET, "none": 1}}),
    ("$n: Who", {"n": {}}),
    ("$n: [Box!]", {"n": [{"name": SECRET}, None]}),
]

EXECUTION = [
    "Argument 'Query.orders(first:)' has invalid value: Expected value of non-null type 'Int!' not to be None.",
    "Argument 'Query.orders(filter:)' has invalid value at .building: Int cannot represent non-integer value: 'SECRET'",
    "Argument 'first' has invalid value: Expected variable '$n' provided to non-null type 'Int!' not to be None.",
    "Argument 'Query.orders(code:)' of required type 'ID!' was not provided.",
    "Variable '$n' has invalid default value at [0]: Int cannot represent non-integer value: 'SECRET'",
    "Variable '$n' has invalid value: Expected value of type 'Date', found: 'SECRET'.",
    "Variable '$n' has invalid value at .when: Date must be a date such as \"2026-11-24\".",
]
"""What is said when a document is run, and only by a few resolvers and scalars."""


def messages(document: str) -> list[str]:
    return [error.message for error in validate(SCHEMA, parse(document, 1000))]


def variable_messages(declared: str, values: dict[str, Any]) -> list[str]:
    [operation] = parse(f'query ({declared}) {{ hello(name: "a") }}', 100).definitions
    assert isinstance(operation, graphql.OperationDefinitionNode)
    errors = get_variable_values(SCHEMA, operation.variable_definitions or (), values)
    assert isinstance(errors, list)
    return [error.message for error in errors]


SAID = {
    **{document: messages(document) for document in INVALID},
    **{f"{declared} = {values}": variable_messages(declared, values) for declared, values in VARIABLES},
    **{message: [message] for message in EXECUTION},
}
"""What is said by what it is said of."""


@pytest.mark.parametrize("cause", SAID)
def test_graphql_error_is_known_in_chinese_without_its_value(cause: str) -> None:
    assert SAID[cause]
    for message in SAID[cause]:
        text = find_text(_presentable(message))
        assert text is not None, message
        assert re.search(r"[\u4e00-\u9fff]", text.chinese)
        assert SECRET not in text.chinese
        assert "None" not in text.chinese
        assert text.rule is not None or not cause.startswith("$"), message


def test_table_has_no_message_that_is_never_said() -> None:
    said = {message for messages in SAID.values() for message in messages}
    found = {text.wording.chinese for text in map(find_text, said) if text is not None}
    assert {said.chinese for said in GRAPHQL.values()} - found == set()
    assert find_place("Variable '$n' has invalid value at .of[0]: Int cannot represent 'SECRET'") == "n.of.0"


def test_unknown_message_has_the_chinese_of_its_code() -> None:
    for message, code in (
        ("Variable '$n' has invalid value: nobody knows.", ErrorCode.BAD_USER_INPUT),
        ("Variable '$n' is never used.", ErrorCode.GRAPHQL_VALIDATION_FAILED),
        ("Syntax Error: Unexpected <EOF>.", ErrorCode.GRAPHQL_PARSE_FAILED),
    ):
        text = translate(message, code)
        assert (text, text.chinese, text.rule) == (message, code.label, None)
