"""Mutations of several writes: a result each, each sent once, some at a time, within the time of the request."""

import asyncio
from decimal import Decimal

import pytest
from documents import write_document
from graphql_socket import connected
from platform_answers import edit_rows
from waiting import until
from write_cases import CASES, HOUSE, Case

from gateway.auth import rate
from gateway.sandbox.faults import Fault, FaultKind

BULK = {case.mutation: case for case in CASES if case.is_bulk}
MOST = {"approveShenhes": 50}

CREATED = """
results { outcome userErrors { code field message } operation { id } orderNumber }
planned plannedAmount { yuan fen } confirmed refused unknown
"""
OPERATIONS = "{ operations(first: 100) { totalCount } }"
READ = '{ repairs(communityCode: "10002", filter: { status: OPEN }, first: 1) { totalCount } }'
REPAIRS_OFF = {"communityCodes": ["10002"], "name": "REPAIRS", "enabled": False}
PHONE = {"phone": {"phone": "19900000002"}}
HUNDRED = 100
AT_ONCE = 8
"""A quarter of the calls to wjdh that are under way at once."""


def entry(number: int, **change):
    """An order that no other is equal to."""
    return {"payer": {"house": HOUSE}, "amount": f"{number + 1}.25"} | change


def orders(*given, **change):
    """The input for these orders, or for a hundred."""
    return {
        "communityCode": "10002",
        "title": "物业费",
        "orders": list(given) or [entry(number) for number in range(HUNDRED)],
        "idempotencyKey": "bills",
    } | change


async def create(gateway, given, **options):
    return await gateway.write("createOrders", given, CREATED, **options)


def outcomes(payload):
    return [(result["outcome"], *(error["code"] for error in result["userErrors"])) for result in payload["results"]]


def totals(payload):
    return {name: payload[name] for name in ("planned", "confirmed", "refused", "unknown")}


@pytest.mark.parametrize("case", BULK.values(), ids=lambda case: case.mutation)
async def test_list_of_entries_is_bounded(gateway, sandbox, case: Case):
    prepared, most = await case.prepare(gateway), MOST.get(case.mutation, HUNDRED)
    [name] = {"ids", "communityCodes", "orders"} & set(prepared)
    sandbox.reset_calls()
    for entries in ([], prepared[name] * (most + 1)):
        answer = await gateway.ask(case.document, {"input": prepared | {name: entries}})
        assert answer.partial == {case.mutation: None}
        assert (answer.code, answer.error["extensions"]["argument"]) == ("BAD_USER_INPUT", f"input.{name}")
    assert sandbox.calls == []

    answer = await gateway.ask(case.document, {"input": prepared | {name: prepared[name] * most}})
    assert [result["outcome"] for result in answer.data[case.mutation]["results"]] == ["CONFIRMED"] * most
    cost = answer.body["extensions"]["cost"]
    assert cost["actual"] <= cost["requested"] <= 800


async def test_results_keep_their_order_and_key(gateway, sandbox):
    given = orders(*map(entry, range(5)), entry(5, amount="0"))
    shown = CREATED.replace("orderNumber", "orderNumber order { amount { yuan } }")
    first = await gateway.write("createOrders", given, shown)

    assert totals(first) == {"planned": 0, "confirmed": 5, "refused": 1, "unknown": 0}
    assert first["plannedAmount"] == {"yuan": "0.00", "fen": 0}
    amounts = [result["order"]["amount"]["yuan"] for result in first["results"] if result["order"]]
    assert amounts == [f"{number}.25" for number in range(1, 6)]
    assert await gateway.write("createOrders", given, shown) == first
    assert sandbox.count("WJDH", "order/new") == 5

    changed = await gateway.write("createOrders", orders(entry(0), entry(2), entry(1), *map(entry, range(3, 7))), shown)
    mismatch, confirmed = ("REFUSED", "IDEMPOTENCY_MISMATCH"), ("CONFIRMED",)
    assert outcomes(changed) == [confirmed, *[mismatch] * 2, *[confirmed] * 2, mismatch, confirmed]
    assert changed["results"][0] == first["results"][0]
    assert sandbox.effects.count("order/new") == 6


async def test_failing_entry_leaves_the_others_alone(gateway, sandbox):
    wrong = {"payer": {"idCard": ""}, "amount": "0", "details": [{"name": "面积", "value": "1"}] * 2}
    refused = [
        (entry(1, amount="0"), ["INVALID amount"]),
        (entry(2, **wrong), ["INVALID details", "INVALID payer", "INVALID amount"]),
        (entry(3, payer={"phone": {"phone": "19900099999"}}), ["PERSON_NOT_FOUND payer"]),
    ]
    payload = await create(gateway, orders(entry(0), *(given for given, _ in refused), entry(6)))

    said = [[f"{it['code']} {'.'.join(it['field'])}" for it in each["userErrors"]] for each in payload["results"]]
    assert said == [[], *(errors for _, errors in refused), []]
    assert totals(payload) == {"planned": 0, "confirmed": 2, "refused": 3, "unknown": 0}
    assert sandbox.effects.count("order/new") == 2


async def test_equal_entries_are_orders_of_their_own(gateway, sandbox):
    other = entry(0, details=[{"name": "车位", "value": "A2"}])
    payload = await create(gateway, orders(entry(0), entry(0), *map(entry, range(1, 20)), other))

    assert outcomes(payload) == [("CONFIRMED",)] * 22
    assert (sandbox.effects.count("order/new"), sandbox.count("WJDH", "order/list")) == (22, 1)


@pytest.mark.parametrize("mutation", ["setModules", "createAnnouncements"])
async def test_community_named_twice_is_written_once(gateway, sandbox, mutation):
    case = BULK[mutation]
    given = await case.prepare(gateway) | {"communityCodes": ["10002", "a b", "00001", "10002", "00003"]}
    sandbox.effects.clear()
    answer = await gateway.ask(case.document, {"input": given})
    payload = answer.body["data"][mutation]  # the modules of a foreign community cannot be shown

    refused = [("REFUSED", "INVALID"), ("REFUSED", "UPSTREAM_REFUSED")]
    assert outcomes(payload) == [("CONFIRMED",), refused[0], ("CONFIRMED",), ("CONFIRMED",), refused[1]]
    assert payload["results"][3]["operation"] == payload["results"][0]["operation"]
    assert {error["path"][2] for error in answer.body.get("errors", [])} <= {4}
    assert sandbox.effects.count(case.endpoint) == 2


async def test_repairs_share_status_and_reply(gateway, sandbox):
    nodes = 'repairs(communityCode: "10002", filter: { status: OPEN }, first: 3) { nodes { id platformId } }'
    found = (await gateway.read(f"{{ {nodes} }}"))["nodes"]
    number = found[0]["platformId"]
    given = {"ids": [*(row["id"] for row in found), f"{number}", f"0{number}", "nonsense"], "status": "RESOLVED"}
    payload = await gateway.read(BULK["updateRepairs"].document, {"input": given | {"reply": " 已修复 "}})

    assert outcomes(payload) == [*[("CONFIRMED",)] * 5, ("REFUSED", "NOT_FOUND")]
    assert payload["results"][0] == payload["results"][3] == payload["results"][4]
    assert payload["results"][0]["repair"] == {"status": "RESOLVED", "reply": "已修复"}
    assert sandbox.effects.count("repair/update", reply="已修复", status="1") == 3


class TestDryRun:
    async def test_orders_are_planned_without_a_trace(self, gateway, sandbox):
        largest = [entry(number, amount="9999999.99") for number in range(98)]
        wrong = entry(0, amount="-1", payer={"house": HOUSE | {"room": 10_000_000}})
        given = orders(entry(0, amount="0.10"), *largest, wrong)
        payload = await create(gateway, given | {"dryRun": True})

        assert totals(payload) == {"planned": 99, "confirmed": 0, "refused": 1, "unknown": 0}
        assert payload["plannedAmount"] == {"yuan": str(98 * Decimal("9999999.99") + Decimal("0.10")), "fen": None}
        fields = [error["field"] for error in payload["results"][-1]["userErrors"]]
        assert fields == [["amount"], ["payer", "house", "room"]]
        assert {result["operation"] is None for result in payload["results"]} == {True}
        assert {call.endpoint for call in sandbox.calls} == {"secret", "order/list"}
        assert sandbox.count("WJDH", "order/list") == 1
        assert (await gateway.read(OPERATIONS))["totalCount"] == 0
        assert outcomes(await create(gateway, orders(entry(7), title="水费"))) == [("CONFIRMED",)], "the key is free"

    @pytest.mark.parametrize("payer", [{"house": HOUSE}, PHONE])
    async def test_equal_open_order_is_a_finding(self, gateway, sandbox, payer):
        """In the preview and in the write, a minute later under another key; unless it is to be charged twice."""
        given = orders(entry(0, payer=payer), entry(1, payer=payer))
        [first, _] = (await create(gateway, given))["results"]
        again = orders(entry(0, payer=payer), entry(2, payer=payer), idempotencyKey="again")
        for dry_run, other in ((True, "PLANNED"), (False, "CONFIRMED")):
            payload = await create(gateway, again | {"dryRun": dry_run})
            assert outcomes(payload) == [("REFUSED", "ALREADY_CHARGED"), (other,)]
            assert payload["results"][0]["orderNumber"] == first["orderNumber"]
        assert sandbox.effects.count("order/new") == 3

        twice = await create(gateway, again | {"allowRepeat": True, "idempotencyKey": "twice"})
        assert outcomes(twice) == [("CONFIRMED",)] * 2

    async def test_order_that_is_over_or_old_is_no_finding(self, gateway, sandbox):
        given = [entry(number, remark="十一月") for number in range(4)]
        await create(gateway, orders(*given))
        fen = {int(number * 100 + 125): number for number in range(4)}
        made = {fen[order.fen]: order for order in sandbox.world.orders_of["10002"] if order.remark == "十一月"}
        made[0].shop_number = "1"  # it is paid
        made[1].is_open = False
        made[2].number = f"20201213{made[2].number[8:]}"
        made[3].remark = "十月"

        again = await create(gateway, orders(*given, idempotencyKey="again"))
        assert outcomes(again) == [("CONFIRMED",)] * 4

    async def test_order_of_a_house_is_no_finding_for_a_person(self, gateway, sandbox):
        """A person's list may hold what they have paid for a house."""
        await create(gateway, orders(entry(0, payer=PHONE)))
        edit_rows(sandbox, lambda row: row.update(house="晨曦家园1栋1单元1楼101号"))
        again = orders(entry(0, payer=PHONE), idempotencyKey="again")
        assert outcomes(await create(gateway, again)) == [("CONFIRMED",)]

    async def test_module_plan_is_the_default_and_shows_modules(self, gateway, sandbox):
        given = REPAIRS_OFF | {"communityCodes": ["10002", "77777", "00001"]}
        document = BULK["setModules"].document.replace("module {", "changes { name label from to } module {")
        payload, unchanged = [
            await gateway.read(document, {"input": given | {"enabled": enabled}}) for enabled in (False, True)
        ]
        change = {"name": "REPAIRS", "label": "物业报修", "from": True, "to": False}

        assert outcomes(payload) == [("PLANNED",), ("REFUSED", "UPSTREAM_REFUSED"), ("PLANNED",)]
        assert [result["changes"] for result in payload["results"]] == [[change], [], [change]]
        assert [result["changes"] for result in unchanged["results"]] == [[], [], []]
        assert payload["results"][0]["module"]["name"] == "REPAIRS"
        assert sandbox.effects.all() == []
        assert sandbox.count("WJDH", "module") == 0
        assert (await gateway.read(OPERATIONS))["totalCount"] == 0

    async def test_foreign_communities_are_refused_unread(self, gateway, sandbox, mint):
        given, token = REPAIRS_OFF | {"communityCodes": ["00001", "10002"]}, mint(communities=["10002"])
        payload = await gateway.read(BULK["setModules"].document, {"input": given}, token=token)

        assert outcomes(payload) == [("REFUSED", "FORBIDDEN_COMMUNITY"), ("PLANNED",)]
        assert payload["results"][0]["module"] is None
        assert {call.form["xiaoqu"] for call in sandbox.calls if call.endpoint == "modules"} == {"10002"}

    async def test_unreachable_platform_is_not_planned(self, gateway, sandbox):
        sandbox.faults.set("WJDH", None, Fault(FaultKind.TOO_MANY_REQUESTS))
        for mutation, given in (("createOrders", orders(entry(0), dryRun=True)), ("setModules", REPAIRS_OFF)):
            payload = await gateway.write(mutation, given, "results { outcome userErrors { code } }")
            assert outcomes(payload) == [("REFUSED", "UPSTREAM_UNAVAILABLE")]


class TestConcurrency:
    async def test_entries_leave_room_for_other_callers(self, gateway, sandbox, mint):
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.HANG))
        creating = asyncio.create_task(create(gateway, orders()))
        await until(lambda: sandbox.count("WJDH", "order/new") == AT_ONCE)

        other, switch = mint(subject="other"), {"communityCode": "00001", "name": "COMPLAINTS", "enabled": True}
        assert (await gateway.read(READ, token=other))["totalCount"] > 0
        assert await gateway.write("setModule", switch, token=other) == {"outcome": "CONFIRMED"}
        assert sandbox.count("WJDH", "order/new") == AT_ONCE

        sandbox.faults.clear()
        assert totals(await creating)["confirmed"] == 100
        assert not sandbox.effects.repeated("order/new")

    async def test_bound_follows_the_slots_of_the_platform(self, environ, serve, sandbox):
        for slots, at_once in (("1", 1), ("7", 1), ("8", 2)):
            async with serve(environ | {"GATEWAY_WJDH_CONCURRENCY": slots}) as gateway:
                assert gateway.parts.writer.at_once == at_once

    async def test_requests_of_one_caller_share_the_bound_by_turns(self, gateway, sandbox, mint):
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.HANG))
        first = asyncio.create_task(create(gateway, orders()))
        await until(lambda: sandbox.count("WJDH", "order/new") == AT_ONCE)
        second = asyncio.create_task(create(gateway, orders(entry(0), title="水费", idempotencyKey="water")))
        other = asyncio.create_task(create(gateway, orders(entry(0), title="电费"), token=mint(subject="other")))
        await until(lambda: sandbox.count("WJDH", "order/new") == AT_ONCE + 1)
        sandbox.faults.clear()
        await asyncio.gather(first, second, other)

        titles = [call.form["title"] for call in sandbox.calls if call.endpoint == "order/new"]
        assert titles[AT_ONCE] == "电费"
        assert titles.index("水费") <= 2 * AT_ONCE + 2, "it waits for a turn, not for all entries of the first"


class TestTime:
    """Of requests that end after two seconds, of which 1.6 are spent on writes."""

    @pytest.fixture
    async def gateway(self, environ, serve):
        async with serve(environ, request_timeout=2.0) as gateway:
            await gateway.ask(READ)  # what the first request of all takes is not the bulk's time
            yield gateway

    async def test_what_was_sent_is_unknown_and_the_rest_not_sent(self, gateway, sandbox):
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.HANG))
        payload = await create(gateway, orders())
        sent = sandbox.count("WJDH", "order/new")

        assert 0 < sent <= AT_ONCE
        expected = [("UNKNOWN",)] * sent + [("REFUSED", "NOT_SENT")] * (100 - sent)
        assert sorted(outcomes(payload), reverse=True) == expected
        assert {bool(result["operation"]) for result in payload["results"] if result["outcome"] == "UNKNOWN"} == {True}
        assert totals(payload) == {"planned": 0, "confirmed": 0, "refused": 100 - sent, "unknown": sent}
        sandbox.faults.clear()
        await until(lambda: sandbox.effects.count("order/new") == sent)

        while not all(outcome == ("CONFIRMED",) for outcome in outcomes(payload)):
            assert "IDEMPOTENCY_MISMATCH" not in str(payload)
            payload = await create(gateway, orders())
        assert sandbox.effects.count("order/new") == 100
        assert not sandbox.effects.repeated("order/new")

    async def test_what_has_only_begun_is_not_sent_later(self, gateway, sandbox):
        sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.HANG))
        payload = await create(gateway, orders())

        assert outcomes(payload) == [("REFUSED", "NOT_SENT")] * 100
        sandbox.faults.clear()

        async def withdrawn():
            return (await gateway.read(OPERATIONS))["totalCount"] == 0

        await until(withdrawn)
        assert sandbox.effects.count("order/new") == 0

    async def test_repeat_sends_what_was_given_up_and_still_reads(self, gateway, sandbox):
        sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.HANG), times=1)
        first = await create(gateway, orders(entry(0)))
        repeated = asyncio.create_task(create(gateway, orders(entry(0))))
        await until(lambda: any(run.wanted for run in gateway.parts.writer._running.values()))
        sandbox.faults.clear()

        assert outcomes(first) == [("REFUSED", "NOT_SENT")]
        assert outcomes(await repeated) == [("CONFIRMED",)]
        assert (sandbox.count("WJDH", "order/list"), sandbox.effects.count("order/new")) == (1, 1)

    async def test_time_of_a_websocket_operation_is_kept(self, gateway, sandbox):
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.HANG))
        async with connected(gateway.url, token=gateway.token) as socket:
            await socket.subscribe("1", write_document("createOrders", "unknown"), input=orders())
            unknown = (await socket.data("1"))["createOrders"]["unknown"]

        assert 0 < unknown == sandbox.count("WJDH", "order/new") <= AT_ONCE
        sandbox.faults.clear()

    async def test_plan_that_takes_too_long_says_so(self, gateway, sandbox):
        sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HANG))
        payload = await gateway.write("setModules", REPAIRS_OFF, "results { outcome userErrors { code } }")
        sandbox.faults.clear()

        assert outcomes(payload) == [("REFUSED", "NOT_SENT")]


class TestLookups:
    """Orders for persons are look-ups of people: sixty a minute."""

    async def test_hundred_orders_for_persons_are_possible(self, gateway, sandbox, monkeypatch):
        monkeypatch.setattr(rate, "monotonic_ns", lambda: 10**15)
        people = [entry(number, payer=PHONE) for number in range(100)]
        assert totals(await create(gateway, orders(*people)))["confirmed"] == 100

        single = {"communityCode": "10002", "title": "水费", **people[0], "idempotencyKey": "single"}
        refused = await gateway.ask(write_document("createOrder"), {"input": single})
        assert refused.code == "RATE_LIMITED"
        assert refused.error["extensions"]["retryAfter"] == 41

        more = await create(gateway, orders(*people, idempotencyKey="more"))
        assert sorted(outcomes(more)) == [("CONFIRMED",)] * 60 + [("REFUSED", "NOT_SENT")] * 40
        assert sandbox.effects.count("order/new") == 160

    async def test_plan_and_repeat_count_nothing(self, environ, serve, sandbox):
        async with serve(environ | {"GATEWAY_PEOPLE_LOOKUP_LIMIT": "1"}) as gateway:
            people = [entry(number, payer=PHONE) for number in range(100)]
            for _ in range(3):
                assert (await create(gateway, orders(*people, dryRun=True)))["planned"] == 100
            first = await create(gateway, orders(*people))
            assert totals(first)["confirmed"] == 100
            assert await create(gateway, orders(*people)) == first
