"""Lists over several communities, at the edge: merged, one cursor, and a community that fails."""

from base64 import urlsafe_b64decode
from dataclasses import replace
from random import Random

import pytest

from gateway.sandbox.faults import Fault, FaultKind

CODES = ("10002", "00001", "10003")
NAMED = {"GATEWAY_COMMUNITIES": ",".join(CODES)}

PART = "totalCount nodes { platformId community { code } } edges { cursor } pageInfo { hasNextPage endCursor page }"
LISTS = ("shenhes", "orders", "repairs")
TOKENS = ("secret", "token")
PHONES = ("19900000001", "19900000002")


@pytest.fixture
def environ(environ):
    return environ | NAMED


@pytest.fixture(params=LISTS)
def list_name(request):
    return request.param


def list_query(list_name, arguments=""):
    listed = f"{list_name}(first: $first, after: $after{arguments})"
    return f"query ($first: Int! = 20, $after: String) {{ {listed} {{ {PART} }} }}"


def expected_ids(world, list_name, codes=CODES):
    """Oldest first, the open repairs before the others; orders newest first."""
    if list_name == "repairs":
        rows = [row for code in codes for row in world.repairs_of[code]]
        return [row.id for row in sorted(rows, key=lambda row: (row.is_resolved, row.id))]
    rows_of = world.shenhes_of if list_name == "shenhes" else world.orders_of
    return sorted((row.id for code in codes for row in rows_of[code]), reverse=list_name == "orders")


def ids(part):
    return [node["platformId"] for node in part["nodes"]]


def calls(sandbox):
    return {name: count for (_, name), count in sandbox.counts().items() if name not in TOKENS}


async def read_all(gateway, query, first, **extra):
    """Every page."""
    met, after = [], None
    while True:
        (part,) = (await gateway.ask(query, {"first": first, "after": after}, **extra)).data.values()
        met += ids(part)
        after = part["pageInfo"]["endCursor"]
        if not part["pageInfo"]["hasNextPage"]:
            return met


@pytest.mark.parametrize("first", [7, 100])
async def test_lists_of_all_communities_are_merged(gateway, sandbox, list_name, first):
    assert await read_all(gateway, list_query(list_name), first) == expected_ids(sandbox.world, list_name)


async def test_caller_of_some_gets_theirs(gateway, sandbox, mint, list_name):
    token = mint(communities=["00001", "10002"])
    (part,) = (await gateway.ask(list_query(list_name), {"first": 100}, token=token)).data.values()

    wanted = expected_ids(sandbox.world, list_name, ("00001", "10002"))
    assert ids(part) == wanted[:100]
    assert part["totalCount"] == len(wanted)
    assert {node["community"]["code"] for node in part["nodes"]} == {"00001", "10002"}


async def test_given_codes_are_merged(gateway, sandbox, list_name):
    query = list_query(list_name, ', communityCodes: ["10003", "00001", "10003"]')

    assert await read_all(gateway, query, 13) == expected_ids(sandbox.world, list_name, ("10003", "00001"))


async def test_every_edge_is_a_place_to_go_on_from(gateway, sandbox, list_name):
    wanted, query = expected_ids(sandbox.world, list_name), list_query(list_name)
    (whole,) = (await gateway.ask(query, {"first": 60})).data.values()
    for index in range(0, 60, 7):
        (part,) = (await gateway.ask(query, {"first": 5, "after": whole["edges"][index]["cursor"]})).data.values()
        assert ids(part) == wanted[index + 1 : index + 6]


async def test_filters_go_to_every_community(gateway, sandbox):
    query = list_query("shenhes", ", filter: {status: PENDING}")
    waiting = {row.id for code in CODES for row in sandbox.world.shenhes_of[code] if row.status == 2}

    assert set(await read_all(gateway, query, 9)) == waiting


WALKS = {
    "shenhes": ("PENDING", 'rejectShenhe(input: {id: $id, reason: "材料不全"})', {"status": 2}),
    "repairs": ("OPEN", "updateRepair(input: {id: $id, status: RESOLVED})", {"is_resolved": False}),
}


def deal_out(sandbox, list_name, waiting, count=120):
    """So many rows that wait, dealt out to the communities, to the last of them rarely. Returns their numbers."""
    rng, rows = Random(9), getattr(sandbox.world, list_name)
    rows_of = getattr(sandbox.world, f"{list_name}_of")
    first = {code: rows_of[code][0] for code in CODES}
    rows.clear()
    for code in CODES:
        rows_of[code].clear()
    for number in range(1, count + 1):
        [code] = rng.choices(CODES, weights=(8, 3, 1))
        rows[number] = replace(first[code], id=number, **waiting)
        rows_of[code].append(rows[number])
    return [*rows]


@pytest.mark.parametrize("first", [3, 20])
@pytest.mark.parametrize("list_name", WALKS)
async def test_each_pending_row_is_shown_once_and_decided(gateway, sandbox, list_name, first):
    status, action, waiting = WALKS[list_name]
    numbers = deal_out(sandbox, list_name, waiting)
    query = list_query(list_name, f", filter: {{status: {status}}}")
    met, after, more = [], None, True
    while more:
        (part,) = (await gateway.ask(query, {"first": first, "after": after})).data.values()
        met += ids(part)
        after, more = part["pageInfo"]["endCursor"], part["pageInfo"]["hasNextPage"]
        for number in ids(part):
            answer = await gateway.ask(f"mutation ($id: ID!) {{ done: {action} {{ outcome }} }}", {"id": str(number)})
            assert answer.data["done"]["outcome"] == "CONFIRMED"

    assert met == numbers
    assert all(int(call.form["page"]) >= 1 for call in sandbox.calls if "page" in call.form)


class TestOneCommunity:
    """The cursor of a list of one community holds its place as well."""

    QUERY = list_query("shenhes", ', communityCode: "10002", filter: {status: PENDING}')

    async def test_cursor_finds_its_place_when_rows_have_left(self, gateway, sandbox):
        waiting = [row for row in sandbox.world.shenhes_of["10002"] if row.status == 2]
        (part,) = (await gateway.ask(self.QUERY, {"first": 6})).data.values()
        for row in waiting[3:6]:
            row.status = 1

        after = part["pageInfo"]["endCursor"]
        (following,) = (await gateway.ask(self.QUERY, {"first": 6, "after": after})).data.values()

        assert ids(following) == [row.id for row in waiting[6:12]]
        assert following["totalCount"] == len(waiting) - 3

    @pytest.mark.parametrize(
        ("name", "arguments"),
        [
            ("repairs", ', communityCode: "10002"'),
            ("shenhes", ', communityCode: "10002"'),
            ("shenhes", ', communityCode: "10002", filter: {status: APPROVED}'),
            ("shenhes", ', communityCode: "00001", filter: {status: PENDING}'),
            ("operations", ""),
        ],
    )
    async def test_cursor_of_another_list_or_filter_is_refused(self, gateway, sandbox, name, arguments):
        (part,) = (await gateway.ask(self.QUERY, {"first": 6})).data.values()
        sandbox.reset_calls()
        query = f"query ($after: String) {{ {name}(after: $after{arguments}) {{ totalCount }} }}"

        answer = await gateway.ask(query, {"after": part["pageInfo"]["endCursor"]})

        assert (answer.code, answer.error["extensions"]["argument"]) == ("BAD_USER_INPUT", "after")
        assert calls(sandbox) == {}

    async def test_cursor_shows_nothing_of_the_person_looked_for(self, gateway):
        queries = [list_query("orders", f', communityCode: "10002", filter: {{phone: "{phone}"}}') for phone in PHONES]
        parts = [(await gateway.ask(query, {"first": 1})).data["orders"] for query in queries]
        first, second = [part["pageInfo"]["endCursor"] for part in parts]

        assert first[:8] != second[:8]
        assert not any(phone in urlsafe_b64decode(first + "==").decode("latin1") for phone in PHONES)

    @pytest.mark.parametrize(
        ("name", "arguments", "asked"),
        [
            ("shenhes", "", {"shenheList": 1}),
            ("orders", "", {"order/list": 2}),
            ("orders", ", filter: {paymentStatus: UNPAID, status: OPEN}", {"order/list": 2}),
            ("repairs", ", filter: {status: OPEN}", {"repair/list": 1}),
            ("repairs", "", {"repair/list": 2}),
        ],
    )
    async def test_going_on_costs_what_the_page_costs(self, gateway, sandbox, name, arguments, asked):
        query = list_query(name, f', communityCode: "10002"{arguments}')
        (part,) = (await gateway.ask(query, {"first": 10})).data.values()
        sandbox.reset_calls()

        await gateway.ask(query, {"first": 10, "after": part["pageInfo"]["endCursor"]})

        assert calls(sandbox) == asked

    async def test_page_by_its_number_is_not_looked_for(self, gateway, sandbox):
        query = '{ shenhes(communityCode: "10002", first: 10, page: 2) { nodes { id } } }'
        await gateway.ask(query)

        assert calls(sandbox) == {"shenheList": 1}


class TestFailingCommunity:
    @pytest.fixture
    def fail(self, sandbox):
        """`fail("00001")`: its lists alone are refused, until `fail()`."""
        world, authorised = sandbox.world, dict(sandbox.world.communities)

        def fail_only(*codes):
            for code, community in authorised.items():
                world.communities[code] = _refused(community) if code in codes else community

        return fail_only

    async def test_it_costs_its_rows_and_an_error(self, gateway, sandbox, fail, list_name):
        fail("00001")
        answer = await gateway.ask(list_query(list_name), {"first": 100})

        part, others = answer.partial[list_name], expected_ids(sandbox.world, list_name, ("10002", "10003"))
        assert ids(part) == others[:100]
        assert part["totalCount"] == len(others)
        assert answer.error["path"] == [list_name]
        assert answer.error["extensions"]["communityCode"] == "00001"
        # what order/list says of it is that it has succeeded (quirk 17)
        assert answer.code == ("UPSTREAM_REFUSED" if list_name == "orders" else "UPSTREAM_FORBIDDEN_COMMUNITY")

    async def test_error_stands_at_the_alias(self, gateway, fail):
        fail("00001")
        for _ in range(3):  # by a plan at last
            answer = await gateway.ask("{ mine: shenhes(first: 3) { nodes { id } } }")
            assert answer.error["path"] == ["mine"]
            assert len(answer.partial["mine"]["nodes"]) == 3

    async def test_its_rows_come_when_it_is_back(self, gateway, sandbox, fail, list_name):
        query, wanted = list_query(list_name), expected_ids(sandbox.world, list_name)
        fail("00001")
        (part,) = (await gateway.ask(query, {"first": 100})).partial.values()
        assert part["pageInfo"]["hasNextPage"] is True
        fail()

        met, after = ids(part), part["pageInfo"]["endCursor"]
        while True:
            (part,) = (await gateway.ask(query, {"first": 100, "after": after})).data.values()
            met, after = met + ids(part), part["pageInfo"]["endCursor"]
            if not part["pageInfo"]["hasNextPage"]:
                break

        assert sorted(met) == sorted(wanted)

    async def test_cursor_stays_where_nothing_else_is_left(self, gateway, sandbox, fail):
        query = list_query("shenhes", ', communityCodes: ["10002", "00001"]')
        fail("00001")
        (part,) = (await gateway.ask(query, {"first": 100})).partial.values()
        (part,) = (await gateway.ask(query, {"first": 100, "after": part["pageInfo"]["endCursor"]})).partial.values()
        assert ids(part) == []
        fail()

        (part,) = (await gateway.ask(query, {"first": 100, "after": part["pageInfo"]["endCursor"]})).data.values()

        assert ids(part) == expected_ids(sandbox.world, "shenhes", ("00001",))

    async def test_list_is_null_where_all_fail(self, gateway, sandbox, list_name):
        sandbox.faults.set("WJDH", None, Fault(FaultKind.RESET))

        answer = await gateway.ask(list_query(list_name))

        assert answer.partial == {list_name: None}
        assert {error["extensions"]["communityCode"] for error in answer.errors} == set(CODES)

    async def test_only_community_of_the_caller_is_named(self, gateway, mint, fail):
        fail("00001")
        answer = await gateway.ask("{ shenhes { totalCount } }", token=mint(communities=["00001"]))

        assert answer.partial == {"shenhes": None}
        assert answer.error["extensions"]["communityCode"] == "00001"

    async def test_error_of_one_community_names_none(self, gateway, fail):
        fail("00001")
        answer = await gateway.ask('{ shenhes(communityCode: "00001") { totalCount } }')

        assert "communityCode" not in answer.error["extensions"]


def _refused(community):
    return type(community)(community.code, community.name, authorised=False)


async def test_wrong_arguments_are_refused(gateway, sandbox):
    for arguments, argument in (
        ('communityCode: "10002", communityCodes: ["00001"]', "communityCodes"),
        ("communityCodes: []", "communityCodes"),
        ('communityCodes: ["10002", "a b"]', "communityCodes.1"),
        ("page: 1", "page"),
        ("page: 2", "page"),
        *((f'after: "{after}"', "after") for after in ("b2Zmc2V0OjQ=", "nonsense", "AZGW", "AZGSkgChYZQBAQEC")),
    ):
        answer = await gateway.ask(f"{{ shenhes({arguments}) {{ totalCount }} }}")
        assert answer.partial == {"shenhes": None}, arguments
        assert (answer.code, answer.error["extensions"]["argument"]) == ("BAD_USER_INPUT", argument), arguments
    assert sandbox.counts() == {}


async def test_closed_community_makes_the_list_null(gateway, sandbox, mint, list_name):
    answer = await gateway.ask(list_query(list_name, ', communityCode: "10002"'), token=mint(communities=["00001"]))

    assert answer.data == {list_name: None}
    assert sandbox.counts() == {}


async def test_one_closed_community_costs_its_own_items(gateway, mint, list_name):
    token = mint(communities=["00001"])
    alone = await gateway.ask(list_query(list_name, ', communityCodes: ["00001"]'), token=token)
    answer = await gateway.ask(list_query(list_name, ', communityCodes: ["00001", "10002"]'), token=token)

    assert ids(answer.partial[list_name]) == ids(alone.data[list_name])
    [error] = answer.errors
    assert (answer.code, error["extensions"]["communityCode"]) == ("FORBIDDEN_COMMUNITY", "10002")


async def test_caller_of_no_community_gets_an_empty_list(gateway, sandbox, mint, list_name):
    answer = await gateway.ask(list_query(list_name), token=mint(communities=[]))

    assert (answer.data[list_name]["totalCount"], answer.data[list_name]["nodes"]) == (0, [])
    assert sandbox.counts() == {}


async def test_communities_are_read_side_by_side(gateway, sandbox):
    await gateway.ask("{ shenhes(first: 1) { totalCount } }")
    sandbox.reset_calls()
    sandbox.faults.set("WJDH", None, Fault(FaultKind.LATENCY, seconds=0.2))

    await gateway.ask("{ shenhes(first: 20) { totalCount } }")

    assert calls(sandbox) == {"shenheList": 3}
    assert sandbox.wjdh.max_concurrent == 3


WORK_LIST = """
query WorkList($after: String) {
  shenhes(filter: {status: PENDING}, first: 20, after: $after) {
    totalCount
    nodes {
      id community { code name } createdAt
      content { people { name phone } house { building unit floor room house { owner { phone } } } }
      verification { registered { name } owner { phone } findings { code severity } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""


async def test_work_list_of_two_communities_is_not_refused(gateway, sandbox, mint):
    answer = await gateway.ask(WORK_LIST, token=mint(communities=["10002", "00001"]))

    cost = answer.body["extensions"]["cost"]
    assert len(answer.data["shenhes"]["nodes"]) == 20
    assert sum(calls(sandbox).values()) <= cost["requested"] < 200


@pytest.mark.parametrize(
    ("arguments", "variables", "lists"),
    [
        ("", {}, 3),
        (', communityCode: "10002"', {}, 1),
        (", communityCode: $code", {"code": "10002"}, 1),
        (", communityCode: $code", {}, 3),
        (', communityCodes: ["10002", "00001"]', {}, 2),
        (", communityCodes: $codes", {"codes": ["10002", "00001"]}, 2),
        (", communityCodes: $codes", {"codes": None}, 3),
    ],
)
async def test_cost_goes_by_the_communities_that_are_read(gateway, sandbox, arguments, variables, lists):
    types = {"$codes": "[ID!]", "$code": "ID"}
    [declared] = [f"({name}: {types[name]})" for name in types if arguments.endswith(name)] or [""]
    answer = await gateway.ask(f"query {declared} {{ orders(first: 20{arguments}) {{ totalCount }} }}", variables)

    assert answer.body["extensions"]["cost"]["requested"] == 3 * lists
    assert sum(calls(sandbox).values()) <= 3 * lists


async def test_look_up_of_a_person_is_counted_once(gateway, serve, environ):
    own = {"GATEWAY_PEOPLE_LOOKUP_LIMIT": "1", "GATEWAY_DATA_DIR": environ["GATEWAY_DATA_DIR"] + "-bounded"}
    query = '{ orders(filter: {phone: "19900000002"}) { totalCount } }'
    async with serve(environ | own) as bounded:
        first, second = await bounded.ask(query), await bounded.ask(query)

    assert first.data["orders"]["totalCount"] >= 0
    assert second.code == "RATE_LIMITED"
