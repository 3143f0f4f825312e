"""Lists over several communities, at the edge: merged, one cursor, and a community that fails."""

from base64 import urlsafe_b64decode

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


@pytest.mark.parametrize(
    ("given", "codes", "first"),
    [
        *(("", CODES, first) for first in (7, 100)),
        (', communityCodes: ["10003", "00001", "10003"]', ("10003", "00001"), 13),
    ],
)
async def test_lists_of_communities_are_merged(gateway, sandbox, list_name, given, codes, first):
    wanted = expected_ids(sandbox.world, list_name, *codes)
    assert await read_all(gateway, list_query(list_name, given), first) == wanted


@pytest.mark.parametrize("codes", [["00001", "10002"], []])
async def test_caller_of_some_gets_theirs(gateway, sandbox, mint, list_name, codes):
    part = await read(gateway, list_query(list_name), token=mint(communities=codes))
    wanted = expected_ids(sandbox.world, list_name, *codes)
    assert ids(part) == wanted[:100]
    assert part["totalCount"] == len(wanted)
    assert {node["community"]["code"] for node in part["nodes"]} == {*codes}
    assert codes or sandbox.counts() == {}


async def test_every_edge_is_a_place_to_go_on_from(gateway, sandbox, list_name):
    wanted, query = expected_ids(sandbox.world, list_name, *CODES), list_query(list_name)
    whole = await read(gateway, query, 60)
    for index in range(0, 60, 7):
        part = await read(gateway, query, 5, whole["edges"][index]["cursor"])
        assert ids(part) == wanted[index + 1 : index + 6]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *(("repairs", HERE), ("shenhes", HERE), ("operations", "")),
        ("shenhes", f"{HERE}, filter: {{status: APPROVED}}"),
        ("shenhes", ', communityCode: "00001", filter: {status: PENDING}'),
    ],
)
async def test_cursor_of_another_list_or_filter_is_refused(gateway, sandbox, name, arguments):
    part = await read(gateway, list_query("shenhes", f"{HERE}, filter: {{status: PENDING}}"), 6)
    sandbox.reset_calls()
    query = f"query ($after: String) {{ {name}(after: $after{arguments}) {{ totalCount }} }}"
    answer = await gateway.ask(query, {"after": part["pageInfo"]["endCursor"]})
    assert (answer.code, answer.error["extensions"]["argument"]) == ("BAD_USER_INPUT", "after")
    assert calls(sandbox) == {}


async def test_cursor_shows_nothing_of_the_person_looked_for(gateway):
    queries = [list_query("orders", f'{HERE}, filter: {{phone: "{phone}"}}') for phone in PHONES]
    first, second = [(await read(gateway, query, 1))["pageInfo"]["endCursor"] for query in queries]
    assert first[:8] != second[:8]
    assert not any(phone in urlsafe_b64decode(first + "==").decode("latin1") for phone in PHONES)


@pytest.mark.parametrize(
    ("name", "first", "arguments", "asked"),
    [
        *(("shenhes", 10, "", {"shenheList": 1}), ("repairs", 10, "", {"repair/list": 2})),
        *(("orders", first, "", {"order/list": pages}) for first, pages in ((10, 2), (15, 2), (20, 2), (30, 3))),
        ("orders", 10, ", filter: {paymentStatus: UNPAID, status: OPEN}", {"order/list": 2}),
        ("repairs", 10, ", filter: {status: OPEN}", {"repair/list": 1}),
    ],
)
async def test_going_on_costs_the_pages_it_is_on(gateway, sandbox, name, first, arguments, asked):
    query = list_query(name, f"{HERE}{arguments}")
    part = await read(gateway, query, first)
    sandbox.reset_calls()
    await read(gateway, query, first, part["pageInfo"]["endCursor"])
    assert calls(sandbox) == asked


async def test_page_by_its_number_is_not_looked_for(gateway, sandbox):
    await gateway.ask('{ shenhes(communityCode: "10002", first: 10, page: 2) { nodes { id } } }')
    assert calls(sandbox) == {"shenheList": 1}


class TestFailingCommunity:
    @pytest.fixture
    def fail(self, sandbox):
        """`fail("00001")`: its lists alone are refused, until `fail()`."""
        world, authorised = sandbox.world, dict(sandbox.world.communities)

        def fail_only(*codes):
            for code, its in authorised.items():
                refused = type(its)(its.code, its.name, authorised=False)
                world.communities[code] = refused if code in codes else its

        return fail_only

    async def test_it_costs_its_rows_and_an_error(self, gateway, sandbox, fail, list_name):
        fail("00001")
        answer = await gateway.ask(list_query(list_name), {"first": 100})
        part, others = answer.partial[list_name], expected_ids(sandbox.world, list_name, "10002", "10003")
        assert ids(part) == others[:100]
        assert part["totalCount"] == len(others)
        assert (answer.error["path"], answer.error["extensions"]["communityCode"]) == ([list_name], "00001")
        # what order/list says of it is that it has succeeded (quirk 17)
        assert answer.code == ("UPSTREAM_REFUSED" if list_name == "orders" else "UPSTREAM_FORBIDDEN_COMMUNITY")

    async def test_error_stands_at_the_alias(self, gateway, fail):
        fail("00001")
        for _ in range(3):  # by a plan at last
            answer = await gateway.ask("{ mine: shenhes(first: 3) { nodes { id } } }")
            assert answer.error["path"] == ["mine"]
            assert len(answer.partial["mine"]["nodes"]) == 3

    async def test_its_rows_come_when_it_is_back(self, gateway, sandbox, fail, list_name):
        query = list_query(list_name)
        fail("00001")
        part = (await gateway.ask(query, {"first": 100})).partial[list_name]
        assert part["pageInfo"]["hasNextPage"] is True
        fail()
        rest = await read_all(gateway, query, 100, part["pageInfo"]["endCursor"])
        assert sorted(ids(part) + rest) == sorted(expected_ids(sandbox.world, list_name, *CODES))

    async def test_list_is_null_where_all_fail(self, gateway, sandbox, list_name):
        sandbox.faults.set("WJDH", None, Fault(FaultKind.RESET))
        answer = await gateway.ask(list_query(list_name))
        assert answer.partial == {list_name: None}
        assert {error["extensions"]["communityCode"] for error in answer.errors} == set(CODES)

    async def test_community_is_named_unless_it_was_asked_for(self, gateway, mint, fail):
        fail("00001")
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


@pytest.mark.parametrize(
    ("arguments", "variables", "lists"),
    [
        *(("", {}, 3), (HERE, {}, 1), (', communityCodes: ["10002", "00001"]', {}, 2)),
        *((", communityCode: $code", {"code": "10002"}, 1), (", communityCode: $code", {}, 3)),
        *((", communityCodes: $codes", {"codes": codes}, many) for codes, many in ((["10002", "00001"], 2), (None, 3))),
    ],
)
async def test_cost_goes_by_the_communities_that_are_read(gateway, sandbox, arguments, variables, lists):
    types = {"$codes": "[ID!]", "$code": "ID"}
    [declared] = [f"({name}: {types[name]})" for name in types if arguments.endswith(name)] or [""]
    answer = await gateway.ask(f"query {declared} {{ orders(first: 20{arguments}) {{ totalCount }} }}", variables)
    assert answer.body["extensions"]["cost"]["requested"] == 3 * lists
    assert sum(calls(sandbox).values()) <= 3 * lists
