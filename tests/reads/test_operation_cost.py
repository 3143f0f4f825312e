"""The weighed cost of operations, compared with the platform calls that they make."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import test_upstream_calls
from graphql import OperationDefinitionNode, OperationType, get_named_type, parse
from platform_answers import calls
from schema_routes import SCHEMA, Field, arguments, node_types

from gateway.http.explorer import EXAMPLES
from gateway.sandbox.dialects.dialect import Dialect
from gateway.settings import Settings
from schema.build import get_cost

ROOT = Path(__file__).parents[2]
LIMIT = Settings().cost_limit
VARIABLES = {"community": "10002", "name": "王芳", "phone": "19900000002", "key": "once"}

FAN_OUT = """query ($first: Int!) { orders(communityCode: "10002", first: $first) {
    nodes { house { orders(first: $first) { nodes { house { owner { phone } } } } } } } }"""
FEES = '{ community(code: "10002") { code fees { count complete missing } } }'

pytestmark = pytest.mark.settings(MAX_DEPTH="20")


def queries(*pages):
    """Every query in a fenced block of these pages."""
    blocks = [
        block
        for page in pages
        for block in re.findall(r"^```graphql\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    ]
    return {block.split("{")[0].strip(): block for block in blocks if kind(block) is OperationType.QUERY}


def kind(document):
    [operation] = [node for node in parse(document).definitions if isinstance(node, OperationDefinitionNode)]
    return operation.operation


DOCUMENTED = {
    **queries(ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))),
    **{
        path.stem: document
        for path in sorted(EXAMPLES.iterdir())
        if kind(document := path.read_text(encoding="utf-8")) is not OperationType.SUBSCRIPTION
    },
    **{name: query for name, query in vars(test_upstream_calls).items() if name.isupper() and isinstance(query, str)},
}
"""What pages and GraphiQL show, and what is counted elsewhere."""

UNALIGNED_PAGES = {
    f"{name}({arguments})": f'{{ {name}(communityCode: "10002", {arguments}) {{ totalCount nodes {{ id }} }} }}'
    for name in ("orders", "shenhes", "repairs")
    for arguments in (
        *("first: 1", "first: 100", "first: 16, page: 2", "first: 7, page: 999"),
        *('first: 31, after: "b2Zmc2V0OjEz"', 'first: 100, after: "b2Zmc2V0OjEz"', "first: 101", "first: 0"),
    )
}
"""Slices that begin in the middle of the platform's pages, or beyond the end."""


async def count_calls(gateway, sandbox, query, variables=None):
    sandbox.reset_calls()
    answer = await gateway.ask(query, variables)
    return answer.body["extensions"]["cost"]["requested"], calls(sandbox).total()


async def one_order(gateway):
    return (await gateway.read('{ orders(communityCode: "10002", first: 1) { nodes { id } } }'))["nodes"][0]["id"]


@pytest.mark.parametrize("dialect", Dialect)
async def test_documented_query_costs_at_most_its_weight(gateway, sandbox, subtests):
    variables = {**VARIABLES, "id": await one_order(gateway)}
    assert len(DOCUMENTED) > 20
    for name, query in (DOCUMENTED | UNALIGNED_PAGES).items():
        with subtests.test(name):
            requested, asked = await count_calls(gateway, sandbox, query, variables)
            assert asked <= requested <= LIMIT
    assert await count_calls(gateway, sandbox, DOCUMENTED["query Owners"]) == (43, 12)


async def test_costly_query_is_refused_before_any_call(gateway, sandbox):
    dear = await gateway.ask(FAN_OUT, {"first": 100})
    requested = 8 + 100 * (8 + 100)
    said = {"code": "QUERY_TOO_COMPLEX", "limit": "cost", "bound": LIMIT, "requested": requested}
    assert dear.body["extensions"] == {"cost": {"requested": requested, "limit": LIMIT}}
    extensions = dear.error["extensions"]
    assert {name: value for name, value in extensions.items() if name not in ("messageZh", "requestId")} == said
    assert "data" not in dear.body
    assert sandbox.counts() == {}
    assert (await gateway.ask(FAN_OUT, {"first": 20})).data["orders"]["nodes"]

    other = await gateway.ask("{" + " ".join(f"a{n}: __typename" for n in range(5000)) + "}")
    assert (other.code, "extensions" in other.body) == ("QUERY_TOO_COMPLEX", False)
    # local lists cost no call, but are no less work
    assert await count_calls(gateway, sandbox, '{ announcements(communityCode: "10002") { totalCount } }') == (80, 0)


@pytest.mark.settings(COST_LIMIT="22")
async def test_cost_limit_is_inclusive_and_configurable(gateway):
    query = 'query ($n: Int!) { orders(communityCode: "10002", first: $n) { nodes { house { owner { phone } } } } }'
    assert (await gateway.ask(query, {"n": 20})).code == "QUERY_TOO_COMPLEX"
    answer = await gateway.ask(query, {"n": 19})
    assert answer.data["orders"]["nodes"]
    assert answer.body["extensions"]["cost"] | {"actual": 0} == {"requested": 22, "limit": 22, "actual": 0}


IDS = dict.fromkeys(node_types(), "3")


def causes_calls(field):
    cost = get_cost(field)
    return cost.calls or cost.searches or cost.lists


def free_fields(parent, met=()):
    """A selection of all fields of a type that declare no calls, and of theirs."""
    chosen = ["__typename"]
    for name, field in getattr(parent, "fields", {}).items():
        below = get_named_type(field.type)
        if causes_calls(field) or below in met:
            continue
        inner = free_fields(below, (*met, parent)) if hasattr(below, "fields") else ""
        chosen.append(f"{name}{arguments(Field(parent.name, name), IDS, 'first: 5')} {inner}")
    return f"{{ {' '.join(chosen)} }}"


def places(parent=SCHEMA.query_type, prefix="{", suffix="}", met=frozenset()):
    """Each type where a field that calls leads to it: a query up to there, open for a selection, and its end."""
    if parent in met:
        return
    for name, field in getattr(parent, "fields", {}).items():
        below = get_named_type(field.type)
        if not hasattr(below, "fields"):
            continue
        opened = f"{prefix} {name}{arguments(Field(parent.name, name), IDS, 'first: 5')}"
        if causes_calls(field) or parent is SCHEMA.query_type:
            yield below, opened, suffix
        yield from places(below, f"{opened} {{", f"}} {suffix}", met | {parent})


async def test_fields_without_declared_calls_cost_none(gateway, sandbox):
    seen = set()
    for reached, opened, end in places():
        if reached in seen:
            continue
        seen.add(reached)
        _, alone = await count_calls(gateway, sandbox, f"{opened} {{ __typename }} {end}")
        _, with_fields = await count_calls(gateway, sandbox, f"{opened} {free_fields(reached)} {end}")
        assert with_fields == alone, f"{opened} {free_fields(reached)} {end}"
    assert len(seen) > 15


@pytest.fixture
def orders_by_one(sandbox):
    sandbox.options = replace(sandbox.options, orders_per_page=1)
    sandbox.reset()


@pytest.mark.usefixtures("orders_by_one")
async def test_lists_are_weighed_by_the_pages_seen_last(gateway, sandbox):
    one = f'{{ node(id: "{await one_order(gateway)}") {{ id }} }}'
    assert await count_calls(gateway, sandbox, FEES) == (61, 60)
    assert await count_calls(gateway, sandbox, one) == (11, 1)
    assert (await count_calls(gateway, sandbox, "{ payments(first: 100) { nodes { order { id } } } }"))[0] < LIMIT


@pytest.mark.settings(COST_LIMIT="9", COMMUNITIES="")
async def test_operation_at_its_limit_makes_no_further_call(gateway, monkeypatch):
    monkeypatch.setattr("gateway.context.ASSUMED_COMMUNITIES", 2)
    query = "{ communities { summary { unpaidOrders openRepairs disabledModules } } }"
    answer = await gateway.ask(query)
    cost = answer.body["extensions"]["cost"]
    counts = [count for each in answer.partial["communities"] for count in each["summary"].values()]
    too_complex = [error for error in answer.errors if error["extensions"]["code"] == "QUERY_TOO_COMPLEX"]
    assert cost == {"requested": 7, "limit": 9, "actual": 9}
    assert (len(counts), len(too_complex), len(answer.errors)) == (12, 12 - 8, counts.count(None))
    refused = await gateway.ask(query)  # how many there are is known by now
    assert refused.body["extensions"]["cost"] == {"requested": 13, "limit": 9}


@pytest.mark.settings(COST_LIMIT="20")
@pytest.mark.usefixtures("orders_by_one")
async def test_sum_that_reaches_the_limit_is_an_error(gateway, sandbox):
    answer = await gateway.ask(FEES)
    assert answer.partial == {"community": {"code": "10002", "fees": None}}
    assert (answer.code, answer.error["path"]) == ("QUERY_TOO_COMPLEX", ["community", "fees"])
    assert answer.body["extensions"]["cost"] == {"requested": 10, "limit": 20, "actual": 20}
    assert sandbox.count("WJDH", "order/list") == 20


async def test_calls_with_dead_tokens_do_not_exceed_the_cost(gateway, sandbox):
    query = '{ community(code: "10002") { summary { unpaidOrders openRepairs disabledModules } } }'
    await gateway.ask(query)
    sandbox.expire_tokens()
    answer = await gateway.ask(query)
    assert answer.data
    assert answer.body["extensions"]["cost"] == {"requested": 3, "limit": LIMIT, "actual": 3}
