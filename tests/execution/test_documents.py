"""Documents that are prepared once, what is kept of them, and which are refused."""

import sys
from hashlib import sha256
from typing import Any

import pytest
from graphql import build_schema, get_introspection_query, parse, specified_rules, validate

from gateway.execution import documents as module
from gateway.execution.documents import DocumentError, Documents, Parameters
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


def test_valid_document_is_prepared_once(documents: Documents) -> None:
    first, again = documents.prepare("{ hello }"), documents.prepare("{ hello }")
    assert first is again
    assert documents.prepare("{hello}").key != first.key


def test_operation_is_found_by_name_or_alone(documents: Documents) -> None:
    two = "query A { hello } mutation B { touch }"
    assert [documents.prepare(two, name).kind for name in ("A", "B")] == ["query", "mutation"]
    assert documents.prepare("query A { hello }") is documents.prepare("query A { hello }", "A")


UNKNOWN = "{ nested { " + " ".join(f"unknown{n}" for n in range(500)) + " } }"


@pytest.mark.parametrize(
    ("query", "operation_name", "code", "count"),
    [
        ("query A { hello } query B { hello }", None, "BAD_USER_INPUT", 1),
        ("query A { hello }", "B", "BAD_USER_INPUT", 1),
        ("{ hello }", "A", "BAD_USER_INPUT", 1),
        ("{ " + "nothing " * 100 + "}", None, "QUERY_TOO_COMPLEX", 1),  # never validated
        (UNKNOWN, None, "GRAPHQL_VALIDATION_FAILED", module.MAX_VALIDATION_ERRORS + 1),
    ],
    ids=["two", "other", "unnamed", "limits before validation", "many errors"],
)
def test_refused_document_has_its_code_and_few_errors(
    documents: Documents, query: str, operation_name: str | None, code: str, count: int
) -> None:
    with pytest.raises(DocumentError) as refused:
        documents.prepare(query, operation_name)
    error = refused.value.errors[0]
    assert (getattr(error.original_error, "code", None) or error.extensions["code"]) == code
    assert len(refused.value.errors) == count


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
    query = get_introspection_query(
        descriptions=True,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )
    assert documents.prepare(query, "IntrospectionQuery")


def test_document_cache_is_bounded_by_count(documents: Documents) -> None:
    first = documents.prepare("{ hello }")
    for number in range(4):
        documents.prepare(f"query Q{number} {{ hello }}")
    assert documents.prepare("{ hello }") is not first


def test_document_cache_is_bounded_by_memory(documents: Documents) -> None:
    """A document of many tokens takes the place of several small ones."""
    small = [f"query Q{number} {{ hello }}" for number in range(3)]
    kept = [documents.prepare(query) for query in small]
    documents.prepare(HEAVY)
    assert documents.prepare(small[1]) is kept[1]
    assert documents.prepare(small[2]) is kept[2]
    assert documents.prepare(small[0]) is not kept[0]


def test_document_too_heavy_for_cache_is_prepared() -> None:
    tiny = Documents(SCHEMA, LIMITS, size=1)
    assert tiny.prepare(HEAVY) is not tiny.prepare(HEAVY)


def store(documents: Documents, text: str | None, of: str = "") -> None:
    sizes: Any = None  # no field costs anything
    asked = Parameters(text, document_id=sha256((of or text or "").encode()).hexdigest())
    documents.admit(asked, sizes, lambda _calls, _most: None)


def is_stored(documents: Documents, text: str) -> bool:
    """Whether its hash alone brings it back."""
    try:
        store(documents, None, text)
    except DocumentError:
        return False
    return True


def test_persisted_store_evicts_unused_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{{ f{number} }}" + "#" * 100 for number in range(10)]
    monkeypatch.setattr(module, "PERSISTED_BYTES", 4 * sys.getsizeof(texts[0]))
    documents = Documents(SCHEMA, LIMITS)
    store(documents, texts[0])
    for text in texts[1:]:
        assert is_stored(documents, texts[0])
        store(documents, text)
    assert [text for text in texts if is_stored(documents, text)] == [texts[0], *texts[7:]]

    large = texts[0] + "#" * 1000
    store(documents, large)
    assert not is_stored(documents, large)
