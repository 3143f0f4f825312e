"""Documents that are prepared once, what is kept of them, and which are refused."""

import pytest
from graphql import build_schema, get_introspection_query, parse, specified_rules, validate

from gateway.execution.documents import DocumentError, Documents
from gateway.execution.limits import Limits
from gateway.settings import Settings

FIELDS = [f"f{number}" for number in range(400)]
SCHEMA = build_schema(
    f"""
    type Query {{ hello(name: String): String nested: Query {": Int ".join(FIELDS)}: Int }}
    type Mutation {{ touch: Boolean }}
    """
)
SETTINGS = Settings()
LIMITS = Limits(tokens=SETTINGS.max_tokens, depth=SETTINGS.max_depth)
HEAVY = "{ nested { " + " ".join(FIELDS[:250]) + " } }"
"""In memory, it takes the share of nearly two average documents."""


@pytest.fixture
def documents() -> Documents:
    return Documents(SCHEMA, LIMITS, size=4)


MISTAKES = [
    "{ hello(name: 1, name: $a, other: [2]) @nothing hello: nested { ...F } nested hello { f1 } }",
    "query A($a: Int, $a: None, $b: Query) { hello(name: $a) ...F } query A { ...F } { touch } fragment F on Int { a }",
    "fragment F on Query { ...G } fragment G on Query { ...F @skip nested { ...H } } fragment G on Mutation { touch }",
    "mutation { touch @include(if: 3) @skip @skip } subscription { a } query Q($c: String! = null) { hello(name: $c) }",
    "{ f1 @defer(label: 2) ... on Mutation { touch } ... { unknown { so } } } schema { query: Query } type T { a: ID }",
]


@pytest.mark.parametrize("query", MISTAKES)
def test_mistakes_are_those_that_graphql_core_finds(documents: Documents, query: str) -> None:
    with pytest.raises(DocumentError) as refused:
        documents.prepare(query)
    expected = validate(SCHEMA, parse(query), specified_rules)
    assert len(expected) > 3
    assert [(e.message, e.locations) for e in refused.value.errors] == [(e.message, e.locations) for e in expected]


def test_overlapping_fragments_are_prepared(documents: Documents) -> None:
    """As component frameworks write it: many fragments with the same fields, on one object."""
    names = [f"Component{number}" for number in range(20)]
    fragments = " ".join(f"fragment {name} on Query {{ {' '.join(FIELDS[:15])} }}" for name in names)
    assert documents.prepare(f"{{ nested {{ ...{' ...'.join(names)} }} }} {fragments}")


def test_introspection_of_tools_is_within_limits(documents: Documents) -> None:
    asked = ("specified_by_url", "directive_is_repeatable", "schema_description", "input_value_deprecation")
    assert documents.prepare(get_introspection_query(**dict.fromkeys(asked, True)), "IntrospectionQuery")


def test_document_cache_is_bounded_by_count_and_memory(documents: Documents) -> None:
    """A document of many tokens takes the place of several small ones."""
    small = [f"query Q{number} {{ hello }}" for number in range(4)]
    kept = [documents.prepare(query) for query in small]
    assert [documents.prepare(query) for query in small] == kept
    documents.prepare("{ hello }")
    again = documents.prepare(small[0])
    assert again is not kept[0]
    documents.prepare(HEAVY)
    assert documents.prepare(small[0]) is again
    assert documents.prepare(small[3]) is not kept[3]
    assert Documents(SCHEMA, LIMITS, size=1).prepare(HEAVY)
