"""The cost of operations, with a schema that is independent of the gateway's."""

from typing import Any

import pytest
from graphql import GraphQLField, build_schema, execute_sync, get_introspection_query, parse

from gateway.execution.cost import Amount, Cost, OfCaller, OperationCost
from gateway.execution.limits import FIELDS_PER_CALL, Outline, count_introspected

SCHEMA = build_schema(
    """
    type Query {
      books(first: Int! = 20): Books author(name: String): Author byIds(ids: [ID!]!): [Book] free: Int found: Found
      shelf(code: ID!): Shelf
      shelves(code: ID, codes: [ID!], first: Int! = 20): [Book]
    }
    type Shelf { total: Int }
    type Mutation { lend(input: Lend!): [Book] }
    input Lend { ids: [ID!]! to: String }
    type Books { nodes: [Book!]! edges: [Edge!]! count: Int }
    type Edge { node: Book }
    type Book { title: String chapters: Int author: Author own: Shelf books(first: Int! = 20): Books }
    union Found = Book | Author
    type Author { name: String books(first: Int! = 20): Books }
    """
)
COSTS = {
    "books": Cost(calls=Amount("first", lambda first: 1 + first // 10), items=Amount("first")),
    "author": Cost(calls=1),
    "chapters": Cost(searches=10),
    "total": Cost(lists=1),
    "shelf": Cost(names="code"),
    "byIds": Cost(calls=Amount("ids"), items=Amount("ids")),
    "shelves": Cost(Amount("first"), Amount("first"), times=OfCaller("shelves", instead=("code", "codes"))),
    "lend": Cost(calls=Amount("input.ids", lambda ids: 2 * ids), items=Amount("input.ids")),
}


class Caller:
    """Sees so many shelves."""

    def __init__(self, shelves: int = 0) -> None:
        self.shelves = shelves
        self.asked = 0

    def get_size(self, name: str) -> int:
        assert name == "shelves"
        self.asked += 1
        return self.shelves

    def get_pages(self, code: str | None) -> int:
        return {"a": 7, "b": 30}[code] if code else 37


CALLER = Caller()


def get_cost(field: GraphQLField) -> Cost:
    parents = SCHEMA.type_map.values()
    named = [(name, other) for parent in parents for name, other in getattr(parent, "fields", {}).items()]
    name = next((name for name, other in named if other is field), "")
    return COSTS.get(name, Cost())


def weighed(query: str) -> OperationCost:
    outline = Outline(SCHEMA, parse(query))
    [introspected] = count_introspected(SCHEMA, outline)
    return OperationCost(outline, outline.operations[0], get_cost, introspected)


CHAPTERS = "byIds(ids: [1, 2, 3]) { author { name } chapters }"
SPREAD = "{ byIds(ids: [1, 2]) { ...B books(first: 10) { nodes { ...B } } } } fragment B on Book { chapters }"
SEARCHED = "query ($n: Int!) { books(first: $n) { nodes { chapters } } }"
TOTAL = "{ total x: total }"
OF_SHELF = f'query ($code: ID = "b") {{ shelf(code: $code) {TOTAL} }}'
BY_IDS = "query ($ids: [ID!]!{}) {{ byIds(ids: $ids) {{ author {{ name }} }} }}"
LEND = "mutation ($input: Lend!) { lend(input: $input) { author { name } } }"
LEND_IDS = "mutation ($ids: [ID!]!) { lend(input: {ids: $ids, to: null}) { author { name } } }"
FIRST = "query ($first: Int) { books(first: $first) { count } }"
FIRST_OF_50 = FIRST.replace("Int", "Int! = 50")

COSTS_OF = [
    ("{ free __typename }", {}, 0),
    ("{ __schema { queryType { name } } }", {}, 1),
    ("{ author { name } }", {}, 1),
    ("{ a: author { name } b: author { name } }", {}, 2),
    ("{ books { count } }", {}, 3),
    ("{ books(first: 10) { count } }", {}, 2),
    ("{ books(first: -5) { nodes { author { name } } } }", {}, 1),
    ("{ books(first: null) { nodes { author { name } } } }", {}, 1),
    ("{ books(first: 10) { nodes { title } pageInfo: count } }", {}, 2),
    ("{ books(first: 10) { nodes { author { name } } } }", {}, 2 + 10),
    ("{ books(first: 10) { edges { node { author { name } } } } }", {}, 2 + 10),
    ("{ books(first: 10) { nodes { ...F } } } fragment F on Book { author { name } }", {}, 2 + 10),
    ("{ books(first: 10) { nodes { ... on Book { author { name } } ... { author { name } } } } }", {}, 2 + 20),
    ("{ books(first: 10) { nodes { author { books(first: 5) { nodes { title } } } } } }", {}, 2 + 10 * (1 + 1)),
    ("{ books(first: 100) { nodes { books(first: 100) { nodes { author { name } } } } } }", {}, 11 + 100 * (11 + 100)),
    ("{ found { __typename ... on Book { author { name } } ... on Author { name } } }", {}, 1),
    ("{ found { ...F } } fragment F on Book { author { name } }", {}, 1),
    ('{ byIds(ids: ["a", "b"]) { author { name } } }', {}, 2 + 2),
    ("{ byIds(ids: []) { author { name } } }", {}, 0),
    ('mutation { lend(input: {ids: ["a", "b"]}) { author { name } } }', {}, 4 + 2),
    ('mutation { lend(input: {to: "a"}) { author { name } } }', {}, 0),
    ("mutation { lend(input: null) { author { name } } }", {}, 0),
    ("{ author @skip(if: true) { name } }", {}, 1),
    ("subscription { nothing }", {}, 0),
    # All searches read all pages at most.
    (f"{{ {CHAPTERS} }}", {}, 3 + 3 + 3 * 10),
    (f"{{ a: {CHAPTERS} b: {CHAPTERS} }}", {}, 2 * (3 + 3) + 37),
    (SPREAD, {}, 2 + 2 * 2 + 37),
    *((SEARCHED, {"n": n}, cost) for n, cost in ((0, 1), (1, 1 + 10), (9, 1 + 37))),
    # Whole lists are those of their community.
    (f'{{ shelf(code: "a") {TOTAL} other: shelf(code: "b") {TOTAL} }}', {}, 2 * 37),
    *((OF_SHELF, given, cost) for given, cost in (({"code": "a"}, 14), ({}, 60))),
    ("{ byIds(ids: [1, 2]) { own { total } } }", {}, 2 + 37),
    # The size of a page, by variable, its default, or that of the argument.
    *((FIRST, given, 3) for given in ({}, {"other": 7})),
    *((FIRST, {"first": n}, cost) for n, cost in ((-5, 1), (-5.0, 1), (0, 1), (None, 1), (10, 2), (100.0, 11))),
    *((FIRST_OF_50, given, cost) for given, cost in (({}, 6), ({"first": 10}, 2))),
    # Lists count by their length, and a single value as a list of one.
    (LEND_IDS, {"ids": ["a", "b", "c"]}, 6 + 3),
    (LEND, {"input": {"ids": ["a", "b", "c"], "to": "x"}}, 6 + 3),
    *((LEND, {"input": odd}, 0) for odd in ({"to": "x"}, 7, None)),
    *((LEND, {"input": {"ids": value}}, 2 + 1) for value in (3, 12345, 1e9, "a", ["a"])),
    *((BY_IDS.format(""), {"ids": value}, 1 + 1) for value in (3, 12345, 1e9, "a", ["a"])),
    *((BY_IDS.format(f" = {value}"), {}, 1 + 1) for value in ("3", "9" * 5000, '"a"', "[3]")),
    *((f"{{ byIds(ids: {value}) {{ author {{ name }} }} }}", {}, 1 + 1) for value in ("3", "9" * 5000, '"a"', "[3]")),
    *(
        (f"mutation {{ lend(input: {{ids: {value}}}) {{ author {{ name }} }} }}", {}, 2 + 1)
        for value in ("3", "9" * 5000, '"a"', "[3]")
    ),
]


@pytest.mark.parametrize(("query", "variables", "requested"), COSTS_OF, ids=[query[:60] for query, *_ in COSTS_OF])
def test_calls_are_summed_and_multiplied_through_lists(query: str, variables: dict[str, Any], requested: int) -> None:
    assert weighed(query).of(variables, CALLER) == requested


def test_sums_are_remembered_for_their_variables_alone() -> None:
    weight = weighed(FIRST)
    for given, cost in (({}, 3), ({"first": 10}, 2), ({}, 3), ({"first": 100}, 11), ({"first": 10}, 2)):
        assert weight.of(given, CALLER) == cost


BY_CODE = "query ($code: ID, $codes: [ID!]) { shelves(code: $code, codes: $codes, first: 2) { title } }"


@pytest.mark.parametrize(
    ("query", "variables", "shelves"),
    [
        ("{ shelves(first: 2) { title } }", {}, 7),
        ("{ shelves(first: 2, code: null) { title } }", {}, 7),
        ('{ shelves(first: 2, code: "a") { title } }', {}, 1),
        ("{ shelves(first: 2, code: 10002) { title } }", {}, 1),
        ('{ shelves(first: 2, codes: ["a", "b"]) { title } }', {}, 2),
        ('{ shelves(first: 2, codes: "a") { title } }', {}, 1),
        (BY_CODE, {}, 7),
        (BY_CODE, {"code": None, "codes": None}, 7),
        (BY_CODE, {"code": "a"}, 1),
        (BY_CODE, {"code": 10002}, 1),
        (BY_CODE, {"codes": ["a", "b", "c"]}, 3),
        (BY_CODE.replace("$code: ID", '$code: ID = "a"'), {}, 1),
        (BY_CODE.replace("$code: ID", '$code: ID = "a"'), {"code": None}, 7),
    ],
)
def test_caller_decides_where_no_argument_does(query: str, variables: dict[str, Any], shelves: int) -> None:
    weight = weighed(query)
    for size in (7, 0, 7):
        assert weight.of(variables, Caller(size)) == 2 * (size if shelves == 7 else shelves)


def test_caller_is_not_asked_where_arguments_decide() -> None:
    caller = Caller(7)
    for query, variables in (
        ('{ shelves(code: "a") { title } }', {}),
        ("query ($code: ID!) { shelves(code: $code) { title } }", {"code": "a"}),
        ("query ($codes: [ID!]!) { shelves(codes: $codes) { title } }", {"codes": ["a"]}),
        ("query ($first: Int!) { books(first: $first) { count } }", {"first": 3}),
    ):
        assert weighed(query).of(variables, caller) >= 1
    assert caller.asked == 0


@pytest.mark.parametrize("value", ["20", True, {"a": 1}, [[]], 1.5, 10**300])
def test_mistyped_values_are_weighed_before_coercion(value: object) -> None:
    assert weighed("query ($first: Int!) { books(first: $first) { count } }").of({"first": value}, CALLER) >= 1


STANDARD = get_introspection_query()


def count_fields(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(count_fields, value.values()))
    return sum(map(count_fields, value)) if isinstance(value, list) else 0


def test_introspection_is_weighed_by_its_answer() -> None:
    resolved = count_fields(execute_sync(SCHEMA, parse(STANDARD)).data)
    assert resolved / 2 < FIELDS_PER_CALL * weighed(STANDARD).of({}, CALLER) < resolved * 2


@pytest.mark.parametrize(
    "query",
    [
        "{{ __schema {{ {} }} }}",
        "{{ __schema {{ ...S }} }} fragment S on __Schema {{ {} }}",
        "{{ __schema {{ ... on __Schema {{ {} }} }} }}",
    ],
)
def test_introspection_aliases_are_weighed_separately(query: str) -> None:
    types = "types { name fields { name type { name } } }"
    one, ten = (
        weighed(query.format(" ".join(f"a{n}: {types}" for n in range(count)))).of({}, CALLER) for count in (1, 10)
    )
    assert 8 * one < ten <= 10 * one
