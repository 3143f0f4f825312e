"""What graphql-core says often has a sentence in Chinese, which repeats no value."""

import re
from typing import Any

import graphql
import pytest
from graphql import build_schema, specified_rules, validate
from graphql.execution.values import get_variable_values
from graphql.validation import NoSchemaIntrospectionCustomRule

from gateway.execution.documents import parse
from gateway.http.errors import _presentable
from gateway.wording.foreign import DOCUMENTS, VALUES, find_place, find_text

SCHEMA = build_schema("""
type Query {
  hello(name: String!, count: Int, ids: [ID!], when: Boolean, ratio: Float, word: Word, who: Who): String
  node: Node
  union: Both
}
type Subscription { one: Int  two: Int }
type Node { id: ID }
type Leaf { id: ID }
union Both = Node
enum Word { A B }
input Who @oneOf { name: String  number: Int }
input Box { name: String!  count: Int }
extend type Query { box(box: Box): String }
""")

SECRET = "SECRET"

INVALID = [
    *("{ hello", "query ($", "{ hello(name: ) }", '{ hello(name: "SECRET) }', "{ hello(name: 01) }"),
    *('{ hello(name: "\\x") }', "query Q($n: Int = $SECRET) { hello }", "{ hello(SECRET) }", "", "{ name_ }"),
    *("{ hello { id } }", "{ node }", '{ a: hello(name: "SECRET") a: node { id } }'),
    *('{ hello(name: "a", none: 1) }', "{ hello }", "query ($n: None) { hello(name: $n) }"),
    *("query ($n: Node) { hello(name: $n) }", "query ($n: Int) { hello(name: $n) }"),
    *("query ($n: Int) { hello(name: $m) }", "{ __schema { types { name } } }", "{ node @none { id } }"),
    *("{ node { ...F } } fragment F on None { id }", "{ node { ...G } } fragment F on Node { id }"),
    *("{ node { ...F } } fragment F on Node { ...F }", "{ node { ...F } } fragment F on Leaf { id }"),
    *("{ node { ... on Leaf { id } } }", "{ node { id } } query Q { node { id } } query Q { node { id } }"),
    *("subscription { one two }", "{ hello(name: SECRET) }", '{ hello(name: "a", count: "SECRET") }'),
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
        assert "None" not in text.chinese.replace("类型 None", "")
        assert text.rule is not None or not cause.startswith("$"), message


def test_table_has_no_message_that_is_never_said() -> None:
    said = {message for messages in SAID.values() for message in messages}
    found = {text.wording.chinese for text in map(find_text, said) if text is not None}
    known = {*DOCUMENTS.values(), *(said.chinese for said in VALUES.values())}
    assert known - found == set()
    assert find_text("Variable '$n' has invalid value: nobody knows.") is None, "it has the words of its code"
    assert find_place("Variable '$n' has invalid value at .of[0]: Int cannot represent 'SECRET'") == "n.of.0"
