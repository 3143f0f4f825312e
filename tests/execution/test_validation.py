"""The validator reports what graphql-core's `validate` reports: the same errors, in the same order."""

import re
from random import Random

import pytest
import strawberry_schema
from differential import Comparison
from graphql import GraphQLError, GraphQLSyntaxError, parse, specified_rules, validate
from graphql.validation import NoSchemaIntrospectionCustomRule
from test_plans_differential import core_comparison, strawberry_comparison

from gateway.execution.validation import Validator

TOKEN = re.compile(r'"[^"]*"|[\w$@]+|\.{3}|\S')
SEEDS = 400


def described(errors: list[GraphQLError]) -> list[str]:
    return [repr((type(error), error.message, error.locations)) for error in errors]


def altered(text: str, random: Random) -> str:
    """The document with some of its names, variables and values left out, repeated, or in place of others."""
    tokens = TOKEN.findall(text)
    for _ in range(random.randint(0, 3)):
        words = [position for position, token in enumerate(tokens) if token[-1].isalnum()] or [0]
        position, other = random.choice(words), tokens[random.choice(words)]
        token = tokens[position]
        tokens[position : position + 1] = random.choice([[], [token, token], [other], [other], [token, other]])
    return " ".join(tokens)


@pytest.mark.parametrize("comparison", [core_comparison(8), strawberry_comparison(8)], ids=["core", "strawberry"])
def test_altered_documents_fail_as_in_graphql_core(comparison: Comparison) -> None:
    rules = (*specified_rules, NoSchemaIntrospectionCustomRule)
    schema = comparison.schema
    validator = Validator(schema, rules)
    valid = invalid = 0
    for seed in range(SEEDS):
        random = Random(seed)
        text = altered(comparison.generate(seed).text, random)
        try:
            document = parse(text)
        except GraphQLSyntaxError:
            continue
        limit, hide = random.choice([1, 20]), random.random() < 0.5
        expected = validate(schema, document, rules, limit, hide_suggestions=hide)
        assert described(validator.validate(document, limit, hide_suggestions=hide)) == described(expected), text
        valid, invalid = valid + (not expected), invalid + bool(expected)
    assert valid > 0.1 * SEEDS
    assert invalid > 0.1 * SEEDS


CHAIN = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(300))


@pytest.mark.parametrize(
    "text",
    [
        "{ unknown __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        "query A { a } query A { b } { c } mutation { d }",
        "query ($n: Int = null, $n: Nothing, $unused: [Int!]!) @skip(if: $b) @skip(if: $b) { x(n: $n, n: 1, o: $p) }",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A ...C } fragment D on Int { x }",
        "{ a: boxes { number } a: box(id: 1) { number } boxes { number: label } boxes { number } }",
        '{ boxes(count: "x") boxes { number { x } ... on Lid { color } ... on Nothing { x } } }',
        "{ echo(filter: {materials: [WOOD, 3], span: {least: $x, least: 2, more: 1}, color: GREEN}) strictEcho }",
        "subscription { a b } type T { x: Int }",
        "{ missing ...F0 } " + CHAIN,
    ],
)
def test_every_kind_of_error_equals_graphql_core(text: str) -> None:
    document = parse(text)
    expected = validate(strawberry_schema.SCHEMA, document, specified_rules, 20)
    assert expected
    found = Validator(strawberry_schema.SCHEMA, specified_rules).validate(document, 20)
    assert described(found) == described(expected)


def test_validator_retains_nothing_of_a_document() -> None:
    validator = Validator(strawberry_schema.SCHEMA, specified_rules)
    wrong, right = parse("{ boxes { number } boxes { missing } }"), parse("{ boxes { number } }")
    for _ in range(3):
        assert len(validator.validate(wrong, 20)) == 1
        assert validator.validate(right, 20) == []
