"""Expensive documents are refused cheaply, briefly, and without delaying other callers."""

import asyncio
from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT_ONCE = 3
LARGEST_REFUSAL = 12 * 1024

COMPLEX = "QUERY_TOO_COMPLEX"
INVALID = "GRAPHQL_VALIDATION_FAILED"
UNREADABLE = "GRAPHQL_PARSE_FAILED"
INPUT = "BAD_USER_INPUT"

VIEWER = "viewer { subject }"
HOME = 'community(code: "10002")'
LONG = 60_000


def spreading(fragments: int, times: int, core: str) -> str:
    """Fragments of which each spreads the one before it so many times."""
    texts = [f"fragment f0 on Query {{ {core} }}"]
    texts += [f"fragment f{n} on Query {{ {f'...f{n - 1} ' * times} }}" for n in range(1, fragments)]
    return f"{{ ...f{fragments - 1} }} {' '.join(texts)}"


def ring(length: int) -> str:
    """Fragments of which each spreads the next one, and the last the first."""
    texts = (f"fragment f{n} on Query {{ ...f{(n + 1) % length} }}" for n in range(length))
    return f"{{ ...f0 }} {' '.join(texts)}"


def numbered(text: str, times: int) -> str:
    return " ".join(text.replace("#", str(n)) for n in range(times))


def nested(before: str, depth: int, core: str = "", after: str = "}") -> str:
    return before * depth + core + after * depth


PERSON = 'people(name: "王芳", phone: "19900000002")'
VERIFIED = "house { owner { phone } orders(first: 100) { totalCount } }"
RESIDENCIES = f"verification {{ registered {{ residencies {{ {VERIFIED} }} }} }}"
ORDER = """mutation { createOrder(input: { communityCode: "10002", title: "a", amount: "1", idempotencyKey: "k",
    payer: # }) { outcome } }"""
SWITCH = 'setModule(input: {communityCode: "10002", name: REPAIRS, enabled: true}) { outcome }'

DOCUMENTS: dict[str, tuple[Any, ...]] = {
    "fields are nested": (
        {COMPLEX},
        *(nested("{a", 10_000), nested("{a", 600), nested("{ ... ", 1000, VIEWER)),
        f"{{ {PERSON} {nested('{ residencies { members { people ', 10, '{ id }', '}}}')} }}",
        f"query ($v: {nested('[', 900, 'ID', ']')}) {{ {VIEWER} }}",
    ),
    "values are nested": (
        {COMPLEX, INVALID},
        f"{{ nodes(ids: {'[' * 10_000}) }}",
        f"{{ nodes(ids: {nested('[', 900, '', ']')}) {{ id }} }}",
        f"{{ house(address: {nested('{a:', 500, '1')}) {{ id }} }}",
    ),
    "fields stand side by side": (
        {COMPLEX},
        f"{{ {'id ' * LONG} }}",
        f"{{ viewer {{ {'subject ' * 1900} }} }}",
        f"{{ {'platforms { name } ' * 300} }}",
        f"{{ viewer {{ {numbered('a#: subject', 600)} }} }}",
        "{ " + numbered(f"a#: {HOME} {{ {numbered('b#: orders(first: 100) { nodes { id } }', 10)} }}", 10) + " }",
        f"{{ viewer {{ subject {'@skip(if: false) ' * 300} }} }}",
        f"{{ viewer {{ subject {'@a ' * 900} }} }}",
        f"mutation {{ {numbered(f'a#: {SWITCH}', 40)} }}",
    ),
    "fields are multiplied by fragments": (
        {COMPLEX},
        *(spreading(25, 2, "a: viewer { subject }"), spreading(8, 10, VIEWER)),
        spreading(30, 2, f"... @skip(if: true) {{ {VIEWER} }}"),
    ),
    "lists are verified within lists": (
        {COMPLEX},
        "{ " + numbered(f"a#: {HOME} {{ shenhes(first: 100) {{ nodes {{ {RESIDENCIES} }} }} }}", 15) + " }",
    ),
    "depth is hidden in fragments": (
        {COMPLEX, INVALID},
        "{ viewer { ...f0 } } " + numbered("fragment f# on Viewer { a# { b { c { d { subject } } } } }", 60),
        ring(200),
    ),
    "a fragment is spread a thousand times": (
        {COMPLEX, INVALID, None},
        f"{{ viewer {{ {'...f ' * 900} }} }} fragment f on Viewer {{ subject }}",
    ),
    "fragments are rings, unused or twice": (
        {INVALID},
        "{ ...f } fragment f on Query { ...f }",
        "{ viewer { ...a } } fragment a on Viewer { subject ...b } fragment b on Viewer { subject ...a }",
        f"{{ {VIEWER} }} {numbered('fragment f# on Viewer { subject }', 200)}",
        f"{{ viewer {{ ...f }} }} {'fragment f on Viewer { subject } ' * 200}",
        f"query ({numbered('$v#: Int', 300)}) {{ {VIEWER} }}",
    ),
    "a choice has no value or two": (
        {INVALID},
        *(ORDER.replace("#", payer) for payer in ("{}", "{ carNumber: null }", '{ carNumber: "a", idCard: "b" }')),
    ),
    "there are two hundred operations": (
        {INVALID, INPUT},
        *(numbered(f"query q# {{ {VIEWER} }}", 200), f"query q {{ {VIEWER} }} " * 200),
    ),
    "fields conflict pair by pair": (
        {COMPLEX, INVALID},
        f"{{ {HOME} {{ {numbered('... { house(building: #, unit: 1, floor: 1, room: 1) { id } }', 80)} }} }}",
        f"{{ viewer {{ {numbered('...f#', 120)} }} }} "
        + numbered("fragment f# on Viewer { x: subject x: scopes }", 120),
        f"{{ {HOME} {{ ...f0 ...f0 }} }} "
        + numbered("fragment f# on Community { orders { nodes { house { community { ...g# } } } } }", 20)
        + numbered(f"fragment g# on Community {{ {' '.join(f'...f{n}' for n in range(8))} }}", 20),
        f"{{ viewer {{ {numbered('no#', 900)} }} }}",
    ),
    "names and numbers are long": (
        {INVALID, INPUT},
        f"{{ viewer {{ {'a' * LONG} }} }}",
        *(f"{{ {HOME} {{ orders(first: {n}{'9' * LONG}) {{ totalCount }} }} }}" for n in ("", "1.")),
    ),
    "texts are long": (
        {INPUT},
        *(
            f"{{ community(code: {text}) {{ id }} }}"
            for text in (f'"{"a" * LONG}"', '"' + "\\u0061" * 9000 + '"', '"""' + "\n" * LONG + '"""')
        ),
    ),
    "a document is of one character": (
        {COMPLEX, UNREADABLE},
        *("," * 200_000, "#\n" * 100_000, "#" * 200_000, "{" * LONG, '"' * LONG),
    ),
    "the schema is asked for": ({"FORBIDDEN"}, "{ __schema { types { name fields { name type { name } } } } }"),
    "the schema is asked for round and round": (
        {INVALID, COMPLEX},
        f"{{ __schema {{ types {{ {nested('fields { type { ', 6, 'name', ' } }')} }} }} }}",
        "{ " + numbered('a#: __type(name: "Query") { fields { name } }', 100) + " }",
    ),
}
"""The codes that refuse it, None: it may be answered; and documents that do it."""

ORDERS = 'query ($v: %s) { orders(communityCode: "10002", %s: $v) { totalCount } }'
NODES = "query ($v: [ID!]!) { nodes(ids: $v) { id } }"
ARGUMENTS: list[tuple[str, list[Any]]] = [
    (NODES, [["A"] * 51, ["A"] * 10_000]),
    ("mutation ($v: [ID!]!) { approveShenhes(input: { ids: $v }) { results { outcome } } }", [["A"] * 51]),
    (ORDERS % ("Int!", "first"), [101, 2**31 - 1, 2**31, 10**30, 0, -1]),
    (ORDERS % ("Int!", "page"), [0, 2**31 - 1, -5]),
    (ORDERS % ("String", "after"), ["a" * LONG]),
    ('query ($v: String!) { people(name: $v, phone: "19900000001") { name } }', ["a" * LONG]),
]


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_costly_document_is_refused_cheaply(target, bystanders, name):
    codes, *documents = DOCUMENTS[name]

    async for _ in bystanders.unharmed():
        for document in documents:
            for answer in await asyncio.gather(*(target.query(document) for _ in range(AT_ONCE))):
                assert answer.status in (200, 400, 413), document[:200]
                assert (answer.codes or {None}) <= codes, document[:200]
                assert len(answer.body) < LARGEST_REFUSAL, document[:200]


async def test_costly_arguments_are_refused_before_any_call(target, bystanders):
    target.sandbox.reset_calls()

    async for _ in bystanders.unharmed():
        for document, values in ARGUMENTS:
            for answer in await asyncio.gather(*(target.query(document, {"v": value}) for value in values * AT_ONCE)):
                assert answer.codes == {INPUT}, document
                assert len(answer.body) < LARGEST_REFUSAL, document
    assert target.calls == []
