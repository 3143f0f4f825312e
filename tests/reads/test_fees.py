"""What the orders of a community come to: sums, groups, completeness and calls."""

import asyncio
from datetime import UTC, datetime

import pytest
from order_oracle import add_up, rows, to_sum, whole
from platform_answers import edit_rows, interpose
from standing_clock import Clock
from waiting import until

from gateway.orders import reads as all_orders
from gateway.orders.sums import FeeGrouping
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind

SUMS = "count amount { yuan fen text } unreadable"
FEES = f"{{ community(code: %r) {{ fees(%s) {{ {SUMS} missing complete asOf groups {{ key label {SUMS} }} }} }} }}"

NOW = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
"""In China 9:30 of the same day."""


@pytest.fixture
async def gateway(environ, serve):
    async with serve(environ, lambda: NOW) as served:
        yield served


def query(arguments="", code="10002"):
    return (FEES % (code, arguments)).replace("()", "").replace("'", '"')


async def fees(gateway, arguments="", code="10002", **options):
    return (await gateway.ask(query(arguments, code), **options)).data["community"]["fees"]


async def groups(gateway, grouping):
    found = await fees(gateway, f"groupBy: {grouping}")
    assert to_sum(found) == whole(map(to_sum, found["groups"]))
    return {group["key"]: group for group in found["groups"]}


async def test_sum_is_shown_as_money(gateway, sandbox):
    fen = sum(order.fen for order in sandbox.world.orders_of["10002"])
    yuan = f"{fen // 100}.{fen % 100:02}"
    found = await fees(gateway)
    assert found["amount"] == {"yuan": yuan, "fen": fen, "text": f"¥{yuan}"}
    assert (found["missing"], found["complete"], found["groups"]) == (0, True, [])
    nothing = await fees(gateway, 'filter: {title: "没有这种费"}, groupBy: AGE')
    assert nothing["amount"] == {"yuan": "0.00", "fen": 0, "text": "¥0.00"}
    assert (nothing["count"], nothing["complete"], nothing["groups"]) == (0, True, [])


@pytest.mark.parametrize("dialect", [Dialect.MIXED])
async def test_groups_have_labels(gateway):
    found = {name: await groups(gateway, name) for name in FeeGrouping.__members__}
    labels = {name: {key: group["label"] for key, group in found[name].items()} for name in found}
    assert labels["FEE_TYPE"]["WATER"] == labels["TITLE"]["水费"] == "水费"
    assert labels["PAYMENT_STATUS"] == {"UNPAID": "未付款", "PAID": "已付款", "UNRECOGNIZED": "未识别"}
    assert labels["BUILDING"] | {"1": "1栋", "PERSONAL": "个人收费"} == labels["BUILDING"]
    assert all(label == f"{key[:4]}年{int(key[5:])}月" for key, label in labels["MONTH"].items() if key != "UNKNOWN")
    assert labels["AGE"]["366+"] == "366天及以上"
    assert labels["AGE"]["UNKNOWN"] == labels["MONTH"]["UNKNOWN"] == labels["TITLE"]["UNKNOWN"] == "未知"


async def test_phone_in_a_title_is_masked_in_groups(gateway, sandbox):
    sandbox.world.orders_of["10002"][-1].title = "代收费 19900001234"
    found = await groups(gateway, "TITLE")
    assert "代收费 199****1234" in found
    assert "19900001234" not in str(found)


BOUNDS = [("MOST_PAGES", 3, 45, 3), ("MOST_ORDERS", 15, 15, 1), ("MOST_SECONDS", 0.0, 15, 1)]


class TestFailures:
    async def test_failing_page_is_missing_and_the_first_an_error(self, gateway, sandbox):
        failing = {"2"}
        interpose(sandbox, "order/list", lambda form, answer: b"[]" if form["page"] in failing else answer())
        found = await fees(gateway)
        orders = sandbox.world.orders_of["10002"][::-1]
        assert to_sum(found) == add_up(rows(orders[:15] + orders[30:], Dialect.DOCUMENTED))
        assert (found["complete"], found["missing"]) == (False, 15)
        failing.add("1")
        answer = await gateway.ask(query())
        assert answer.partial == {"community": {"fees": None}}
        assert answer.code == "UPSTREAM_PROTOCOL"

    async def test_rows_that_are_no_orders_are_counted(self, gateway, sandbox):
        edit_rows(sandbox, lambda row: row.pop("id") if row["id"] % 7 == 0 else None)
        found = await fees(gateway, "groupBy: PAYMENT_STATUS")
        dropped = [order for order in sandbox.world.orders_of["10002"] if order.id % 7 == 0]
        assert (found["count"], found["unreadable"]) == (60, len(dropped))
        assert (found["complete"], found["missing"]) == (False, 0)
        last = found["groups"][-1]
        assert (last["key"], last["label"]) == ("UNKNOWN", "未知")
        assert last["count"] == last["unreadable"] == len(dropped)

    async def test_order_listed_twice_is_summed_once(self, gateway, sandbox):
        orders = sandbox.world.orders_of["10002"]
        orders[3] = orders[4]
        found = await fees(gateway)
        assert to_sum(found) == add_up(rows({order.id: order for order in orders}.values(), Dialect.DOCUMENTED))
        assert (found["complete"], found["missing"]) == (False, 1)

    async def test_what_is_beyond_a_bound_is_missing(self, gateway, sandbox, monkeypatch):
        for bound, most, count, pages in BOUNDS:
            sandbox.reset_calls()
            with monkeypatch.context() as patch:
                patch.setattr(all_orders, bound, most)
                found = await fees(gateway)
            assert (found["count"], found["missing"], found["complete"]) == (count, 60 - count, False), bound
            assert sandbox.count("WJDH", "order/list") == pages, bound

    async def test_failing_community_fails_alone(self, gateway, sandbox, mint):
        refusal = b'{"code": 1, "msg": "x"}'
        interpose(sandbox, "order/list", lambda form, answer: refusal if form["xiaoqu"] == "10003" else answer())
        token = mint(communities=("10002", "10003", "00001"))
        answer = await gateway.ask("{ communities { code fees { count complete } } }", token=token)
        found = {community["code"]: community["fees"] for community in answer.partial["communities"]}
        assert found.pop("10003") is None
        wanted = {code: {"count": len(sandbox.world.orders_of[code]), "complete": True} for code in ("00001", "10002")}
        assert found == wanted
        assert answer.code == "UPSTREAM_REFUSED"


SECOND_PAGE = '{ orders(communityCode: "10002", first: 15, page: 2) { totalCount } }'


@pytest.mark.settings(CACHE="all=0,orders=5")
class TestCalls:
    @pytest.fixture
    async def clock(self, gateway, sandbox):
        """Of the cache; tokens are at hand."""
        gateway.parts.reads.clock = clock = Clock(5000.0)
        await gateway.ask('{ orders(communityCode: "0") { totalCount } }')
        sandbox.reset_calls()
        return clock

    async def count(self, gateway, sandbox, document):
        sandbox.reset_calls()
        assert (await gateway.ask(document)).data
        return sandbox.count("WJDH", "order/list")

    async def test_sum_costs_its_pages_and_then_none(self, gateway, sandbox, clock):
        assert await self.count(gateway, sandbox, query()) == 4
        assert await self.count(gateway, sandbox, query("groupBy: AGE")) == 0
        clock.now += 5.5
        assert await self.count(gateway, sandbox, query()) == 4

    async def test_groupings_and_lists_share_the_pages(self, gateway, sandbox, clock):
        groups = "age: fees(groupBy: AGE) { count } title: fees(groupBy: TITLE) { count } reconciliation { matched }"
        assert await self.count(gateway, sandbox, f'{{ community(code: "10002") {{ {groups} }} }}') == 4
        assert await self.count(gateway, sandbox, '{ orders(communityCode: "10002", first: 100) { totalCount } }') == 0

    async def test_page_older_than_the_first_is_read_anew(self, gateway, sandbox, clock):
        await gateway.ask(SECOND_PAGE)
        clock.now += 1
        assert await self.count(gateway, sandbox, query()) == 4
        assert (await fees(gateway))["asOf"] == "2026-11-24T09:30:00+08:00"
        clock.now += 4
        assert (await fees(gateway))["asOf"] == "2026-11-24T09:29:56+08:00"

    async def test_page_in_flight_before_the_first_is_not_joined(self, gateway, sandbox, clock):
        sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.HANG), times=1)
        listing = asyncio.create_task(gateway.ask(SECOND_PAGE))
        await until(lambda: sandbox.count("WJDH", "order/list"))
        clock.now += 1
        assert (await fees(gateway))["complete"]
        assert sandbox.count("WJDH", "order/list") == 1 + 4
        sandbox.faults.clear()
        assert (await listing).data

    async def test_few_pages_of_a_request_are_read_at_once(self, gateway, sandbox, monkeypatch, clock):
        sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.LATENCY, seconds=0.1))
        for codes, bound, most in ((["10002"], all_orders.READ_AT_ONCE, 3), (["10002", "00001"], 2, 2)):
            monkeypatch.setattr(all_orders, "READ_AT_ONCE", bound)
            clock.now += 6
            fields = " ".join(f'a{code}: community(code: "{code}") {{ fees {{ count }} }}' for code in codes)
            await self.count(gateway, sandbox, f"{{ {fields} }}")
            assert sandbox.wjdh.max_concurrent == most
