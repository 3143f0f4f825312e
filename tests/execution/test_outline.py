"""Limits, scopes and costs read one walk over the document."""

from typing import Any

import pytest
from graphql import FieldNode, GraphQLField, build_schema, parse

from gateway.execution import outline as module
from gateway.execution.cost import Amount, Cost
from gateway.execution.documents import Documents
from gateway.execution.limits import Limits
from gateway.execution.outline import Outline

SCHEMA = build_schema("""
    type Query { books(first: Int! = 2): [Book!] found: Found }
    type Book { title: String similar: [Book!] }
    type Author { name: String }
    union Found = Book | Author
""")
LIMITS = Limits(tokens=200, depth=9, aliases=9, root_fields=9, directives=9)
QUERY = """
    query A($first: Int!) { books(first: $first) { ...B similar { ... @skip(if: false) { title } } } }
    query C { found { __typename ... on Author { name } ...B } }
    fragment B on Book { title ...D }
    fragment D on Book { similar { title } }
"""


def test_document_is_walked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    walked = []

    def walk(*arguments: Any) -> Any:
        walked.append(arguments)
        return list_selections(*arguments)

    list_selections = module._list_selections
    monkeypatch.setattr(module, "_list_selections", walk)

    def get_cost(field: GraphQLField) -> Cost:
        return Cost(calls=Amount("first"), items=Amount("first")) if field.args else Cost()

    documents = Documents(SCHEMA, LIMITS, 4, get_cost=get_cost, get_scopes=lambda field: frozenset(field.args))
    prepared = documents.prepare(QUERY, "A")
    assert prepared.cost
    nobody: Any = None
    assert [prepared.cost.of({"first": first}, nobody) for first in (3, 7)] == [3, 7]
    assert prepared.scopes == {"first"}
    assert len(walked) == len(prepared.document.definitions)


def test_each_selection_comes_after_its_enclosing_field() -> None:
    outline = Outline(SCHEMA, parse(QUERY))
    for _, selections in (*outline.operations, *outline.fragments.values()):
        for position, selected in enumerate(selections):
            assert selected.enclosing < position
            around = selections[selected.enclosing].depth if selected.enclosing >= 0 else -1
            assert selected.depth == around + 1


def test_fields_are_those_of_their_types() -> None:
    (_, first), (_, second) = Outline(SCHEMA, parse(QUERY)).operations
    found = [(str(each.parent), each.node.name.value) for each in first + second if isinstance(each.node, FieldNode)]
    assert found == [
        ("Query", "books"),
        ("Book", "similar"),
        ("Book", "title"),
        ("Query", "found"),
        ("Found", "__typename"),
        ("Author", "name"),
    ]


def test_fragments_follow_those_they_spread() -> None:
    outline = Outline(SCHEMA, parse(QUERY))
    assert (list(outline.fragments), outline.is_cyclic) == (["D", "B"], False)


@pytest.mark.parametrize(
    ("query", "is_cyclic"),
    [
        ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", True),
        ("{ ...A } fragment A on Query { ...A }", True),
        ("{ ...Missing nothing { at all } ... on Nothing { x } } fragment F on Nothing { x }", False),
    ],
)
def test_invalid_document_has_an_outline(query: str, is_cyclic: bool) -> None:
    assert Outline(SCHEMA, parse(query)).is_cyclic is is_cyclic
