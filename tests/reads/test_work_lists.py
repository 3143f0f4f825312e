"""Lists over several communities, at the edge: merged, one cursor, and a community that fails."""

from base64 import urlsafe_b64decode
from typing import Any

import pytest
from listed import expected_ids, ids
from platform_answers import calls

from gateway.sandbox.faults import Fault, FaultKind

CODES = ("10002", "00001", "10003")
PART = "totalCount nodes { platformId community { code } } edges { cursor } pageInfo { hasNextPage endCursor page }"
PHONES = ("19900000001", "19900000002")
HERE = ', communityCode: "10002"'

pytestmark = pytest.mark.settings(COMMUNITIES=",".join(CODES))


@pytest.fixture(params=("shenhes", "orders", "repairs"))
def list_name(request):
    return request.param


def list_query(list_name, arguments=""):
    listed = f"{list_name}(first: $first, after: $after{arguments})"
    return f"query ($first: Int! = 20, $after: String) {{ {listed} {{ {PART} }} }}"


async def read(gateway, query, first=100, after=None, **options):
    (part,) = (await gateway.ask(query, {"first": first, "after": after}, **options)).data.values()
    return part


async def read_all(gateway, query, first, after=None):
    """Every page."""
    met = []
    while True:
        part = await read(gateway, query, first, after)
        met += ids(part)
        after = part["pageInfo"]["endCursor"]
        if not part["pageInfo"]["hasNextPage"]:
            return met


async def test_lists_of_communities_are_merged(gateway, sandbox, list_name):
    """And every edge is a place to go on from."""
    for given, codes, first in (
        *(("", CODES, first) for first in (7, 100)),
        (', communityCodes: ["10003", "00001", "10003"]', ("10003", "00001"), 13),
    ):
        wanted, query = expected_ids(sandbox.world, list_name, *codes), list_query(list_name, given)
        assert await read_all(gateway, query, first) == wanted
    wanted, query = expected_ids(sandbox.world, list_name, *CODES), list_query(list_name)
    whole = await read(gateway, query, 60)
    for index in range(0, 60, 7):
        part = await read(gateway, query, 5, whole["edges"][index]["cursor"])
        assert ids(part) == wanted[index + 1 : index + 6]


async def test_caller_of_some_gets_theirs(gateway, sandbox, mint, list_name):
    for codes in ([], ["00001", "10002"]):
        part = await read(gateway, list_query(list_name), token=mint(communities=codes))
        wanted = expected_ids(sandbox.world, list_name, *codes)
        assert ids(part) == wanted[:100]
        assert part["totalCount"] == len(wanted)
        assert {node["community"]["code"] for node in part["nodes"]} == {*codes}
        assert codes or sandbox.counts() == {}


async def test_cursor_of_another_list_or_filter_is_refused(gateway, sandbox):
    part = await read(gateway, list_query("shenhes", f"{HERE}, filter: {{status: PENDING}}"), 6)
    sandbox.reset_calls()
    for name, arguments in (
        *(("repairs", HERE), ("shenhes", HERE), ("operations", "")),
        ("shenhes", f"{HERE}, filter: {{status: APPROVED}}"),
        ("shenhes", ', communityCode: "00001", filter: {status: PENDING}'),
    ):
        query = f"query ($after: String) {{ {name}(after: $after{arguments}) {{ totalCount }} }}"
        answer = await gateway.ask(query, {"after": part["pageInfo"]["endCursor"]})
        assert (answer.code, answer.error["extensions"]["argument"]) == ("BAD_USER_INPUT", "after"), (name, arguments)
    assert calls(sandbox) == {}


async def test_cursor_shows_nothing_of_the_person_looked_for(gateway):
    queries = [list_query("orders", f'{HERE}, filter: {{phone: "{phone}"}}') for phone in PHONES]
    first, second = [(await read(gateway, query, 1))["pageInfo"]["endCursor"] for query in queries]
    assert first[:8] != second[:8]
    assert not any(phone in urlsafe_b64decode(first + "==").decode("latin1") for phone in PHONES)


async def test_going_on_costs_the_pages_it_is_on(gateway, sandbox):
    for name, first, arguments, asked in (
        *(("shenhes", 10, "", {"shenheList": 1}), ("repairs", 10, "", {"repair/list": 2})),
        *(("orders", first, "", {"order/list": pages}) for first, pages in ((10, 2), (15, 2), (20, 2), (30, 3))),
        ("orders", 10, ", filter: {paymentStatus: UNPAID, status: OPEN}", {"order/list": 2}),
        ("repairs", 10, ", filter: {status: OPEN}", {"repair/list": 1}),
    ):
        query = list_query(name, f"{HERE}{arguments}")
        part = await read(gateway, query, first)
        sandbox.reset_calls()
        await read(gateway, query, first, part["pageInfo"]["endCursor"])
        assert calls(sandbox) == asked, (name, first, arguments)
    sandbox.reset_calls()  # a page by its number is not looked for
    await gateway.ask('{ shenhes(communityCode: "10002", first: 10, page: 2) { nodes { id } } }')
    assert calls(sandbox) == {"shenheList": 1}


@pytest.fixture
def authorise(sandbox):
    """`authorise("00001", False)`: its lists alone are refused."""

    def change(code, authorised):
        its = sandbox.world.communities[code]
        sandbox.world.communities[code] = type(its)(its.code, its.name, authorised=authorised)

    return change


async def test_failing_community_costs_its_rows_and_an_error(gateway, sandbox, authorise, list_name):
    authorise("00001", False)
    query, others = list_query(list_name), expected_ids(sandbox.world, list_name, "10002", "10003")
    answer = await gateway.ask(query, {"first": 100})
    part = answer.partial[list_name]
    assert ids(part) == others[:100]
    assert (part["totalCount"], part["pageInfo"]["hasNextPage"]) == (len(others), True)
    assert (answer.error["path"], answer.error["extensions"]["communityCode"]) == ([list_name], "00001")
    # what order/list says of it is that it has succeeded (quirk 17)
    assert answer.code == ("UPSTREAM_REFUSED" if list_name == "orders" else "UPSTREAM_FORBIDDEN_COMMUNITY")

    authorise("00001", True)
    rest = await read_all(gateway, query, 100, part["pageInfo"]["endCursor"])
    assert sorted(ids(part) + rest) == sorted(expected_ids(sandbox.world, list_name, *CODES))

    sandbox.faults.set("WJDH", None, Fault(FaultKind.RESET))
    answer = await gateway.ask(query)
    assert answer.partial == {list_name: None}
    assert {error["extensions"]["communityCode"] for error in answer.errors} == set(CODES)


async def test_failing_community_is_named_at_the_alias(gateway, mint, authorise):
    """But where it alone was asked for."""
    authorise("00001", False)
    for _ in range(3):  # by a plan at last
        answer = await gateway.ask("{ mine: shenhes(first: 3) { nodes { id } } }")
        assert answer.error["path"] == ["mine"]
        assert len(answer.partial["mine"]["nodes"]) == 3
    answer = await gateway.ask("{ shenhes { totalCount } }", token=mint(communities=["00001"]))
    assert answer.partial == {"shenhes": None}
    assert answer.error["extensions"]["communityCode"] == "00001"
    answer = await gateway.ask('{ shenhes(communityCode: "00001") { totalCount } }')
    assert "communityCode" not in answer.error["extensions"]


async def test_closed_community_costs_its_own_items(gateway, sandbox, mint, list_name):
    token = mint(communities=["00001"])
    assert (await gateway.ask(list_query(list_name, HERE), token=token)).data == {list_name: None}
    assert sandbox.counts() == {}
    alone = await gateway.ask(list_query(list_name, ', communityCodes: ["00001"]'), token=token)
    answer = await gateway.ask(list_query(list_name, ', communityCodes: ["00001", "10002"]'), token=token)
    assert ids(answer.partial[list_name]) == ids(alone.data[list_name])
    assert (answer.code, answer.error["extensions"]["communityCode"]) == ("FORBIDDEN_COMMUNITY", "10002")


async def test_communities_are_read_side_by_side(gateway, sandbox):
    await gateway.ask("{ shenhes(first: 1) { totalCount } }")
    sandbox.reset_calls()
    sandbox.faults.set("WJDH", None, Fault(FaultKind.LATENCY, seconds=0.2))
    await gateway.ask("{ shenhes(first: 20) { totalCount } }")
    assert calls(sandbox) == {"shenheList": 3}
    assert sandbox.wjdh.max_concurrent == 3


COSTS: list[tuple[str, str, dict[str, Any], int]] = [
    *(("", "", {}, 3), ("", HERE, {}, 1), ("", ', communityCodes: ["10002", "00001"]', {}, 2)),
    *(("($code: ID)", ", communityCode: $code", code, lists) for code, lists in (({"code": "10002"}, 1), ({}, 3))),
    ("($codes: [ID!])", ", communityCodes: $codes", {"codes": ["10002", "00001"]}, 2),
    ("($codes: [ID!])", ", communityCodes: $codes", {"codes": None}, 3),
]


async def test_cost_goes_by_the_communities_that_are_read(gateway, sandbox):
    for declared, arguments, variables, lists in COSTS:
        sandbox.reset_calls()
        answer = await gateway.ask(f"query {declared} {{ orders(first: 20{arguments}) {{ totalCount }} }}", variables)
        assert answer.body["extensions"]["cost"]["requested"] == 3 * lists, arguments
        assert sum(calls(sandbox).values()) <= 3 * lists, arguments
