"""Documents that are prepared once, what is kept of them, and which are refused: also by limits of size and shape."""

import pytest
from graphql import build_schema, get_introspection_query, parse, specified_rules, validate

from gateway.errors import QueryTooComplexError
from gateway.execution.documents import DocumentError, Documents
from gateway.execution.limits import Limits, Outline, check_limits
from gateway.settings import Settings

FIELDS = [f"f{number}" for number in range(400)]
SCHEMA = build_schema(
    f"""
    type Query {{ hello(name: String): String nested: Query {": Int ".join(FIELDS)}: Int }}
    type Mutation {{ touch: Boolean }}
    """
)
LIMITS = Limits(tokens=Settings().max_tokens, depth=Settings().max_depth)
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


NESTED = build_schema("type Query { a: T } type T { a: T }")
BOUNDS = Limits(tokens=1000, depth=3, aliases=2, root_fields=4, directives=2)


def requested(query: str) -> tuple[str, int | None] | None:
    """The limit that was passed and the count, None when the document is within all of them."""
    try:
        check_limits(Outline(NESTED, parse(query)), BOUNDS)
    except QueryTooComplexError as error:
        return error.limit, error.requested
    return None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ a { b { c } } }", None),
        ("{ a { b { c { d } } } }", ("depth", 4)),
        ("{ a { ... { b { ... on T { c } } } } }", None),
        ("{ a { ...F } } fragment F on T { b { c } }", None),
        ("{ a { ...F } } fragment F on T { b { c { d } } }", ("depth", 4)),
        ("{ a { ...F } } fragment F on T { b { ...G } } fragment G on T { c { d } }", ("depth", 4)),
        ("{ e { ...F } a { b { c { d } } } } fragment F on T { b }", ("depth", 4)),
        ("{ x: a y: b }", None),
        ("{ x: a { y: b { z: c } } }", ("aliases", 3)),
        ("{ ...F a { ...F } } fragment F on T { x: b y: c }", ("aliases", 4)),
        ("{ a b c d }", None),
        ("{ a b c d e }", ("rootFields", 5)),
        ("{ ...F a { b c d e f } } fragment F on T { g h ... { i } }", None),
        ("{ ...F ...F a } fragment F on T { g h }", ("rootFields", 5)),
        ("query @x { a @x }", None),
        ("query @x { a @x b @x }", ("directives", 3)),
        ("{ ...F @x } fragment F on T @x { a @x }", ("directives", 3)),
        ("query A { a } query B { a b c d e }", ("rootFields", 5)),
        ("{ ...Missing }", None),
        ("{ ...F } fragment F on T { x: a ...G } fragment G on T { y: a z: a ...F }", None),
    ],
)
def test_limits_count_expanded_fragments(query: str, expected: tuple[str, int] | None) -> None:
    assert requested(query) == expected


def doubling(levels: int) -> str:
    """Written out, it has 2 ** levels aliases."""
    fragments = [f"fragment F{n} on T {{ x: a {{ ...F{n + 1} }} y: a {{ ...F{n + 1} }} }}" for n in range(levels)]
    return " ".join(["{ ...F0 }", *fragments, f"fragment F{levels} on T {{ a }}"])


def test_uncountable_size_is_reported_as_int_maximum() -> None:
    assert requested(doubling(2)) == ("aliases", 6)
    with pytest.raises(QueryTooComplexError) as refused:
        check_limits(
            Outline(NESTED, parse(doubling(100))), Limits(tokens=1, depth=200, aliases=2, root_fields=4, directives=2)
        )
    assert refused.value.requested == 2**31 - 1


def test_long_fragment_chain_does_not_exhaust_the_stack() -> None:
    links = [f"fragment F{n} on T {{ ...F{n + 1} }}" for n in range(1500)]
    assert requested(" ".join(["{ ...F0 }", *links, "fragment F1500 on T { a }"])) is None
