"""Expensive documents are refused cheaply, briefly, and without delaying other callers."""

import asyncio
from typing import Any

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

AT_ONCE = 3
LARGEST_REFUSAL = 12 * 1024

COMPLEX = "QUERY_TOO_COMPLEX"
FORBIDDEN = "FORBIDDEN"
INVALID = "GRAPHQL_VALIDATION_FAILED"
UNREADABLE = "GRAPHQL_PARSE_FAILED"
INPUT = "BAD_USER_INPUT"

VIEWER = "viewer { subject }"
HOME = 'community(code: "10002")'


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


DOCUMENTS = {
    "fields are nested ten thousand deep": ("{a" * 10_000 + "}" * 10_000, COMPLEX),
    "fields are nested as deep as tokens allow": ("{a" * 600 + "}" * 600, COMPLEX),
    "a person's residencies' members' residencies go round ten times": (
        '{ people(name: "王芳", phone: "19900000002") '
        + "{ residencies { members { people " * 10
        + "{ id }"
        + "}}}" * 10
        + "}",
        COMPLEX,
    ),
    "inline fragments are nested a thousand deep": ("{ ... " * 1000 + VIEWER + "}" * 1000, COMPLEX),
    "lists in an argument are nested ten thousand deep": (f"{{ nodes(ids: {'[' * 10_000}) }}", COMPLEX),
    "lists in an argument are nested as deep as tokens allow": (
        f"{{ nodes(ids: {'[' * 900}{']' * 900}) {{ id }} }}",
        {COMPLEX, INVALID},
    ),
    "objects in an argument are nested five hundred deep": (
        f"{{ house(address: {'{a:' * 500}1{'}' * 500}) {{ id }} }}",
        {COMPLEX, INVALID},
    ),
    "a variable's type is a list of lists of lists": (f"query ($v: {'[' * 900}ID{']' * 900}) {{ {VIEWER} }}", COMPLEX),
    "sixty thousand fields stand side by side": (f"{{ {'id ' * 60_000} }}", COMPLEX),
    "one field is asked for as often as tokens allow": (f"{{ viewer {{ {'subject ' * 1900} }} }}", COMPLEX),
    "root fields are asked for a thousand times": (f"{{ {'platforms { name } ' * 300} }}", COMPLEX),
    "a thousand aliases rename one field": (f"{{ viewer {{ {numbered('a#: subject', 600)} }} }}", COMPLEX),
    "aliases at three levels multiply": (
        "{ " + numbered(f"a#: {HOME} {{ {numbered('b#: orders(first: 100) { nodes { id } }', 10)} }}", 10) + " }",
        COMPLEX,
    ),
    "aliases are multiplied by fragments": (spreading(25, 2, "a: viewer { subject }"), COMPLEX),
    "root fields are multiplied by fragments a millionfold": (spreading(8, 10, VIEWER), COMPLEX),
    "directives are multiplied by fragments": (spreading(30, 2, f"... @skip(if: true) {{ {VIEWER} }}"), COMPLEX),
    "depth is hidden in a chain of fragments": (
        "{ viewer { ...f0 } } " + numbered("fragment f# on Viewer { a# { b { c { d { subject } } } } }", 60),
        {COMPLEX, INVALID},
    ),
    "a fragment is spread a thousand times": (
        f"{{ viewer {{ {'...f ' * 900} }} }} fragment f on Viewer {{ subject }}",
        {COMPLEX, INVALID, None},
    ),
    "a fragment spreads itself": ("{ ...f } fragment f on Query { ...f }", INVALID),
    "two hundred fragments spread each other in a ring": (ring(200), {COMPLEX, INVALID}),
    "fragments spread each other in a ring with fields between": (
        "{ viewer { ...a } } fragment a on Viewer { subject ...b } fragment b on Viewer { subject ...a }",
        INVALID,
    ),
    "two hundred fragments are used by nobody": (
        f"{{ {VIEWER} }} {numbered('fragment f# on Viewer { subject }', 200)}",
        INVALID,
    ),
    "a fragment is defined two hundred times": (
        f"{{ viewer {{ ...f }} }} {'fragment f on Viewer { subject } ' * 200}",
        INVALID,
    ),
    "a field is skipped a thousand times": (f"{{ viewer {{ subject {'@skip(if: false) ' * 300} }} }}", COMPLEX),
    "a field has six hundred directives that nobody knows": (f"{{ viewer {{ subject {'@a ' * 900} }} }}", COMPLEX),
    "a document declares three hundred variables it does not use": (
        f"query ({numbered('$v#: Int', 300)}) {{ {VIEWER} }}",
        INVALID,
    ),
    "a document has two hundred operations": (numbered(f"query q# {{ {VIEWER} }}", 200), INPUT),
    "an operation's name stands there two hundred times": (f"query q {{ {VIEWER} }} " * 200, {INVALID, INPUT}),
    "fields of one name differ in their arguments": (
        "{ " + HOME + " { " + numbered("... { house(building: #, unit: 1, floor: 1, room: 1) { id } }", 80) + " } }",
        {COMPLEX, INVALID},
    ),
    "hundreds of fragments conflict with each other pair by pair": (
        "{ viewer { "
        + numbered("...f#", 120)
        + " } } "
        + numbered("fragment f# on Viewer { x: subject x: scopes }", 120),
        {COMPLEX, INVALID},
    ),
    "fragments with the same fields are compared level by level": (
        "{ "
        + HOME
        + " { ...f0 ...f0 } } "
        + numbered("fragment f# on Community { orders { nodes { house { community { ...g# } } } } }", 20)
        + numbered("fragment g# on Community { ...f0 ...f1 ...f2 ...f3 ...f4 ...f5 ...f6 ...f7 }", 20),
        {COMPLEX, INVALID},
    ),
    "nine hundred fields do not exist": (f"{{ viewer {{ {numbered('no#', 900)} }} }}", {COMPLEX, INVALID}),
    "a field's name has sixty thousand letters": (f"{{ viewer {{ {'a' * 60_000} }} }}", INVALID),
    "a text has sixty thousand letters": (f'{{ community(code: "{"a" * 60_000}") {{ id }} }}', INPUT),
    "a text is made of escapes": (f'{{ community(code: "{chr(92)}u0061{f"{chr(92)}u0061" * 9000}") {{ id }} }}', INPUT),
    "a block text has sixty thousand lines": (f'{{ community(code: """{chr(10) * 60_000}""") {{ id }} }}', INPUT),
    "a number has sixty thousand digits": (
        f"{{ {HOME} {{ orders(first: {'9' * 60_000}) {{ totalCount }} }} }}",
        {INVALID, INPUT},
    ),
    "a decimal number has sixty thousand digits": (
        f"{{ {HOME} {{ orders(first: 1.{'9' * 60_000}) {{ totalCount }} }} }}",
        INVALID,
    ),
    "a document is two hundred thousand commas": ("," * 200_000, COMPLEX),
    "a document is a hundred thousand comments": ("#\n" * 100_000, COMPLEX),
    "a document is a comment of two hundred thousand letters": ("#" * 200_000, COMPLEX),
    "a document is all opening brackets": ("{" * 60_000, {COMPLEX, UNREADABLE}),
    "a document is one quotation mark after the other": ('"' * 60_000, {COMPLEX, UNREADABLE}),
    "the schema is asked for in full": ("{ __schema { types { name fields { name type { name } } } } }", FORBIDDEN),
    "the schema is asked for round and round": (
        "{ __schema { types { " + "fields { type { " * 6 + "name" + " } }" * 6 + " } } }",
        {INVALID, COMPLEX},
    ),
    "the schema is asked for in a hundred ways": (
        "{ " + numbered('a#: __type(name: "Query") { fields { name } }', 100) + " }",
        {INVALID, COMPLEX},
    ),
    "an operation is asked for by a mutation of everything at once": (
        "mutation { "
        + numbered('a#: setModule(input: {communityCode: "10002", name: REPAIRS, enabled: true}) { outcome }', 40)
        + " }",
        COMPLEX,
    ),
    "fifty lists of a hundred reviews are verified": (
        "{ "
        + numbered(
            f"a#: {HOME} {{ shenhes(first: 100) {{ nodes {{ verification {{ registered {{ residencies {{ house "
            "{ owner { phone } orders(first: 100) { totalCount } } } } } } } }",
            15,
        )
        + " }",
        COMPLEX,
    ),
}
"""What is done, and the code or codes that refuse it."""

ARGUMENTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "fifty-one records are asked for by id": ("query ($v: [ID!]!) { nodes(ids: $v) { id } }", {"v": ["A"] * 51}, INPUT),
    "ten thousand records are asked for by id": (
        "query ($v: [ID!]!) { nodes(ids: $v) { id } }",
        {"v": ["A"] * 10_000},
        INPUT,
    ),
    "fifty-one reviews are approved": (
        "mutation ($v: [ID!]!) { approveShenhes(input: { ids: $v }) { results { outcome } } }",
        {"v": ["A"] * 51},
        INPUT,
    ),
    **{
        f"a page has {size} records": (
            'query ($v: Int!) { orders(communityCode: "10002", first: $v) { totalCount } }',
            {"v": size},
            INPUT,
        )
        for size in (101, 2**31 - 1, 2**31, 10**30, 0, -1)
    },
    **{
        f"the page after {name} is asked for": (
            'query ($v: Int!) { orders(communityCode: "10002", page: $v) { totalCount } }',
            {"v": page},
            INPUT,
        )
        for name, page in (("none", 0), ("the last but one of the world", 2**31 - 1), ("-5", -5))
    },
    "a cursor is a text of sixty thousand letters": (
        'query ($v: String) { orders(communityCode: "10002", after: $v) { totalCount } }',
        {"v": "a" * 60_000},
        INPUT,
    ),
    "a name to look up has sixty thousand letters": (
        'query ($v: String!) { people(name: $v, phone: "19900000001") { name } }',
        {"v": "a" * 60_000},
        INPUT,
    ),
}


def allowed(codes: Any) -> set[str | None]:
    return {codes} if isinstance(codes, str) else codes


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_costly_document_is_refused_cheaply(target, bystanders, name):
    document, codes = DOCUMENTS[name]

    async def attack():
        answers = await asyncio.gather(*(target.query(document) for _ in range(AT_ONCE)))
        for answer in answers:
            assert answer.status in (200, 400, 413)
            assert (answer.codes or {None}) <= allowed(codes)
            assert len(answer.body) < LARGEST_REFUSAL

    await bystanders.unharmed_by(attack)


@pytest.mark.parametrize("name", ARGUMENTS)
async def test_costly_arguments_are_refused_before_any_call(target, bystanders, name):
    document, variables, code = ARGUMENTS[name]
    target.sandbox.reset_calls()

    async def attack():
        answers = await asyncio.gather(*(target.query(document, variables) for _ in range(AT_ONCE)))
        for answer in answers:
            assert answer.codes == {code}
            assert len(answer.body) < LARGEST_REFUSAL

    await bystanders.unharmed_by(attack)
    assert target.sandbox.calls == []
