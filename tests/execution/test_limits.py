import pytest
from graphql import build_schema, parse

from gateway.errors import QueryTooComplexError
from gateway.execution.limits import Limits, Outline, check_limits

SCHEMA = build_schema("type Query { a: T } type T { a: T }")
BOUNDS = Limits(tokens=1000, depth=3, aliases=2, root_fields=4, directives=2)


def requested(query: str) -> tuple[str, int | None] | None:
    """The limit that was passed and the count, None when the document is within all of them."""
    try:
        check_limits(Outline(SCHEMA, parse(query)), BOUNDS)
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
            Outline(SCHEMA, parse(doubling(100))), Limits(tokens=1, depth=200, aliases=2, root_fields=4, directives=2)
        )
    assert refused.value.requested == 2**31 - 1


def test_long_fragment_chain_does_not_exhaust_the_stack() -> None:
    links = [f"fragment F{n} on T {{ ...F{n + 1} }}" for n in range(1500)]
    assert requested(" ".join(["{ ...F0 }", *links, "fragment F1500 on T { a }"])) is None
