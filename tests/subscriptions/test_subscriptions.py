"""The events that subscribers receive."""

import asyncio
from contextlib import contextmanager
from itertools import product

import pytest
from graphql_socket import connected, until

from gateway.errors import JournalError
from gateway.events import CAPACITY, ORDER_PAID, PAYMENT_UNCLEAR, REPAIR_CHANGED, SHENHE_CHANGED, Event
from gateway.http.explorer import EXAMPLES
from gateway.normalise.vocabulary import RepairStatus, ShenheStatus
from gateway.sandbox.faults import Fault, FaultKind
from gateway.wording.faults import FaultWording

PENDING = 2

PAID = "subscription($code: ID) { orderPaid(communityCode: $code) { orderNumber communityCode state } }"
REVIEW = """
subscription($code: ID!) {
  shenheChanged(communityCode: $code) { id platformId communityCode status content { people { name phone } } }
}
"""
REPAIR = "subscription($code: ID!) { repairChanged(communityCode: $code) { platformId status reply reportedAt } }"

NO_WATCH = pytest.mark.parametrize("extra", [{"GATEWAY_WATCH_INTERVAL": "3600"}])


def unpaid(sandbox, code: str = "10002") -> list[str]:
    return [order.number for order in sandbox.world.orders_of[code] if order.is_open and not order.is_paid]


def pending(sandbox, code: str = "10002") -> list[int]:
    return [review.id for review in sandbox.world.shenhes_of[code] if review.status == PENDING]


async def approve(gateway, code: str, number: int) -> None:
    """As a reviewer does, by the node id that the list shows."""
    listed = await gateway.ask(
        "query($code: ID!) { shenhes(communityCode: $code, first: 100) { nodes { id platformId } } }", {"code": code}
    )
    [node_id] = [node["id"] for node in listed.data["shenhes"]["nodes"] if node["platformId"] == number]
    decided = await gateway.ask(
        "mutation($id: ID!) { approveShenhe(input: { id: $id }) { outcome userErrors { message } } }", {"id": node_id}
    )
    assert decided.data == {"approveShenhe": {"outcome": "CONFIRMED", "userErrors": []}}


class TestPayments:
    async def test_payment_is_published_once_per_order(self, connect, gateway, sandbox):
        first, second = unpaid(sandbox)[:2]
        async with connect() as socket:
            await socket.subscribe("1", PAID)
            await socket.settle()
            for number in (first, first, second):
                await sandbox.pay(number, gateway.url)

            payments = [(await socket.data("1"))["orderPaid"] for _ in range(2)]

        assert [payment["orderNumber"] for payment in payments] == [first, second]

    async def test_lagging_subscriber_gets_a_payment_once(self, connect, gateway, sandbox):
        first, second = unpaid(sandbox)[:2]
        async with connect() as socket:
            await socket.subscribe("1", PAID)
            await socket.settle()
            await sandbox.pay(first, gateway.url)
            assert (await socket.data("1"))["orderPaid"]["orderNumber"] == first
            payment = (await gateway.parts.journal.payments.by_order_number([first]))[first]
            for _ in range(CAPACITY + 1):
                gateway.parts.events.publish(Event(ORDER_PAID, None, payment.id))
            assert (await socket.receive("1"))["payload"]["errors"]
            await sandbox.pay(second, gateway.url)

            assert (await socket.data("1"))["orderPaid"]["orderNumber"] == second

    async def test_unplaced_payment_needs_all_communities(self, connect, gateway, sandbox, mint):
        unknown, known = unpaid(sandbox)[:2]
        async with connect(token=mint(communities="10002")) as theirs, connect() as everyones:
            for socket in (theirs, everyones):
                await socket.subscribe("1", PAID)
                await socket.subscribe("2", PAID, code="10002")
                await socket.settle()
            await sandbox.pay(unknown, gateway.url)
            payment = (await everyones.data("1"))["orderPaid"]
            assert (payment["orderNumber"], payment["communityCode"]) == (unknown, None)
            await gateway.parts.journal.payments.receive(known, "shop", "weixin", subject="resident")
            await gateway.parts.journal.payments.set_community([known], "10002")
            [payment] = (await gateway.parts.journal.payments.by_order_number([known])).values()
            gateway.parts.events.publish(Event(ORDER_PAID, "10002", payment.id))

            for socket, id_ in ((theirs, "1"), (theirs, "2"), (everyones, "1"), (everyones, "2")):
                assert (await socket.data(id_))["orderPaid"]["orderNumber"] == known

    async def test_placed_payment_is_sent_to_new_recipients_only(self, connect, gateway, sandbox, mint):
        number, other = unpaid(sandbox)[:2]
        async with connect(token=mint(communities="10002")) as theirs, connect() as everyones:
            for socket in (theirs, everyones):
                await socket.subscribe("1", PAID)
                await socket.settle()
            await sandbox.pay(number, gateway.url)
            assert (await everyones.data("1"))["orderPaid"]["communityCode"] is None

            event = asyncio.ensure_future(theirs.data("1"))
            while not event.done():  # a moment after it is saved, the lists that are read are searched for it
                await gateway.ask('{ orders(communityCode: "10002", first: 100) { nodes { number } } }')
            assert event.result()["orderPaid"]["communityCode"] == "10002"

            await sandbox.pay(other, gateway.url)
            assert (await everyones.data("1"))["orderPaid"]["orderNumber"] == other

    async def test_uncertain_payment_is_sent_once_on_repeat(self, connect, gateway, sandbox):
        unclear, other = unpaid(sandbox)[:2]
        async with connect() as socket:
            await socket.subscribe("1", PAID)
            await socket.settle()
            with answers_lost(gateway):
                assert (await sandbox.pay(unclear, gateway.url)).payment_answer == {"code": 2}
            for number in (unclear, unclear, other):
                assert (await sandbox.pay(number, gateway.url)).payment_answer == {"code": 0}

            numbers = [(await socket.data("1"))["orderPaid"]["orderNumber"] for _ in range(2)]

        assert numbers == [unclear, other]

    @pytest.mark.postgres
    async def test_uncertain_payment_is_sent_once_by_any_gateway(self, environ, sandbox, serve, database_url):
        settings = environ | {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_ID_KEY": "k" * 32}
        unclear, other = unpaid(sandbox)[:2]
        async with (
            serve(settings) as one,
            serve(settings) as two,
            connected(one.url, token=one.token) as at_one,
            connected(two.url, token=two.token) as at_two,
        ):
            for socket in (at_one, at_two):
                await socket.subscribe("1", PAID)
                await socket.settle()
            with two.parts.events.subscribe(PAYMENT_UNCLEAR) as heard, answers_lost(one):
                await sandbox.pay(unclear, one.url)
                await anext(heard)
            for gateway, number in ((two, unclear), (one, unclear), (one, other)):
                await sandbox.pay(number, gateway.url)

            numbers = [
                [(await socket.data("1"))["orderPaid"]["orderNumber"] for _ in range(2)] for socket in (at_one, at_two)
            ]

        assert numbers == [[unclear, other]] * 2


@contextmanager
def answers_lost(gateway):
    """The journal saves payments, and reports a failure."""
    payments = gateway.parts.journal.payments
    receive = payments.receive

    async def receive_unheard(*numbers, **rest):
        await receive(*numbers, **rest)
        raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))

    payments.receive = receive_unheard
    try:
        yield
    finally:
        payments.receive = receive


class TestReviews:
    @NO_WATCH
    async def test_own_decision_is_published_as_the_platform_has_it(self, connect, gateway, sandbox):
        number = pending(sandbox)[0]
        async with connect() as socket:
            await socket.subscribe("1", REVIEW, code="10002")
            await socket.settle()

            await approve(gateway, "10002", number)
            review = (await socket.data("1"))["shenheChanged"]

        assert (review["platformId"], review["communityCode"], review["status"]) == (number, "10002", "APPROVED")

    @NO_WATCH
    async def test_each_change_of_a_review_is_published(self, connect, gateway, sandbox):
        number = pending(sandbox)[0]
        statuses = []
        async with connect() as socket:
            await socket.subscribe("1", REVIEW, code="10002")
            await socket.settle()
            for status in (ShenheStatus.APPROVED, ShenheStatus.REJECTED):
                await gateway.parts.platforms.wjdh.decide_shenhe(number, status)
                gateway.parts.events.publish(Event(SHENHE_CHANGED, "10002", str(number)))
                statuses.append((await socket.data("1"))["shenheChanged"]["status"])

        assert statuses == ["APPROVED", "REJECTED"]

    async def test_own_decision_is_not_published_again_by_watch(self, connect, gateway, sandbox):
        first, second = pending(sandbox)[:2]
        async with connect() as socket:
            await socket.subscribe("1", REVIEW, code="10002")
            await until(lambda: sandbox.count("WJDH", "shenheList") > 0)

            await approve(gateway, "10002", first)
            assert (await socket.data("1"))["shenheChanged"]["platformId"] == first
            looks = sandbox.count("WJDH", "shenheList")
            await until(lambda: sandbox.count("WJDH", "shenheList") > looks + 2)
            await approve(gateway, "10002", second)

            assert (await socket.data("1"))["shenheChanged"]["platformId"] == second

    async def test_decision_made_elsewhere_is_published(self, connect, gateway, sandbox):
        number = pending(sandbox)[0]
        async with connect() as socket:
            await socket.subscribe("1", REVIEW, code="10002")
            await until(lambda: sandbox.count("WJDH", "shenheList") > 1)

            await gateway.parts.platforms.wjdh.decide_shenhe(number, ShenheStatus.REJECTED)

            review = (await socket.data("1"))["shenheChanged"]
            assert (review["platformId"], review["status"]) == (number, "REJECTED")

    @NO_WATCH
    async def test_changes_of_other_communities_are_not_sent(self, connect, gateway, sandbox):
        async with connect() as socket:
            await socket.subscribe("1", REVIEW, code="10002")
            await socket.settle()
            await approve(gateway, "00001", pending(sandbox, "00001")[0])
            await approve(gateway, "10002", pending(sandbox)[0])

            assert (await socket.data("1"))["shenheChanged"]["communityCode"] == "10002"

    @NO_WATCH
    async def test_event_is_masked_per_subscriber(self, connect, gateway, sandbox, mint):
        number = pending(sandbox)[0]
        applicant = sandbox.world.shenhes[number].applicant
        async with connect(token=mint(scopes="shenhe:read")) as masked, connect() as open_:
            for socket in (masked, open_):
                await socket.subscribe("1", REVIEW, code="10002")
                await socket.settle()

            await approve(gateway, "10002", number)

            seen = [(await socket.data("1"))["shenheChanged"]["content"]["people"] for socket in (masked, open_)]
        assert seen[0]["name"] != applicant.name
        assert applicant.phone not in str(seen[0])
        assert seen[1] == {"name": applicant.name, "phone": applicant.phone}


class TestRepairs:
    async def test_change_made_elsewhere_is_published(self, connect, gateway, sandbox):
        number = next(repair.id for repair in sandbox.world.repairs_of["10002"] if not repair.is_resolved)
        async with connect() as socket:
            await socket.subscribe("1", REPAIR, code="10002")
            await until(lambda: sandbox.count("WJDH", "repair/list") > 1)
            sandbox.reset_calls()

            await gateway.parts.platforms.wjdh.update_repair(number, RepairStatus.RESOLVED, "修好了")

            repair = (await socket.data("1"))["repairChanged"]
            assert (repair["platformId"], repair["status"], repair["reply"]) == (number, "RESOLVED", "修好了")
            assert repair["reportedAt"] is not None
            assert sandbox.count("WJDH", "repair") == 2  # one to see that it is resolved, one for the event

    @NO_WATCH
    async def test_own_update_is_published_with_its_reply(self, connect, gateway, sandbox):
        listed = await gateway.ask('{ repairs(communityCode: "10002", first: 1) { nodes { id platformId } } }')
        [repair] = listed.data["repairs"]["nodes"]
        async with connect() as socket:
            await socket.subscribe("1", REPAIR, code="10002")
            await socket.subscribe("2", (EXAMPLES / "09-changes.graphql").read_text(encoding="utf-8"))
            await socket.settle()
            await gateway.ask(
                'mutation($id: ID!) { updateRepair(input: { id: $id, status: OPEN, reply: "明天来" }) { outcome } }',
                {"id": repair["id"]},
            )

            event = (await socket.data("1"))["repairChanged"]
            assert (event["platformId"], event["reply"]) == (repair["platformId"], "明天来")
            assert (await socket.data("2"))["repairEvents"]["repair"]["reply"] == "明天来", "the example of GraphiQL"

    @NO_WATCH
    @pytest.mark.parametrize("lags", [True, False])
    async def test_reverted_change_is_sent_after_an_error_event(self, connect, gateway, sandbox, lags):
        number = next(repair.id for repair in sandbox.world.repairs_of["10002"] if not repair.is_resolved)

        async def become(status):
            await gateway.parts.platforms.wjdh.update_repair(number, status, "看过了")
            gateway.parts.events.publish(Event(REPAIR_CHANGED, "10002", str(number)))

        async with connect() as socket:
            await socket.subscribe("1", REPAIR, code="10002")
            await socket.settle()
            await become(RepairStatus.OPEN)
            assert (await socket.data("1"))["repairChanged"]["status"] == "OPEN"
            if not lags:
                sandbox.faults.set("WJDH", "repair", Fault(FaultKind.WRONG_SHAPE))
            await become(RepairStatus.RESOLVED)
            for _ in range(CAPACITY if lags else 0):  # at once, so that no subscriber can read in between
                gateway.parts.events.publish(Event(REPAIR_CHANGED, "10003", "1"))
            assert (await socket.receive("1"))["payload"]["errors"]
            sandbox.faults.clear()
            await become(RepairStatus.OPEN)

            assert (await socket.data("1"))["repairChanged"]["status"] == "OPEN"

    @pytest.mark.parametrize("extra", [{"GATEWAY_WATCH_INTERVAL": "3600", "GATEWAY_CACHE_REPAIRS": "60"}])
    async def test_query_after_subscribing_sees_earlier_changes(self, connect, gateway, sandbox):
        async def status(number):
            listed = await gateway.ask('{ repairs(communityCode: "10002", first: 50) { nodes { platformId status } } }')
            return {row["platformId"]: row["status"] for row in listed.data["repairs"]["nodes"]}[number]

        number = next(repair.id for repair in sandbox.world.repairs_of["10002"] if not repair.is_resolved)
        assert await status(number) == "OPEN"
        await gateway.parts.platforms.wjdh.update_repair(number, RepairStatus.RESOLVED, "修好了")
        assert await status(number) == "OPEN"  # which is cached
        async with connect() as socket:
            await socket.subscribe("1", REPAIR, code="10002")
            await socket.settle()

            assert await status(number) == "RESOLVED"


async def test_foreign_and_unknown_community_complete_alike(connect, sandbox, mint, subtests):
    async with connect(token=mint(communities="10002")) as socket:
        for query, code in product((PAID, REVIEW, REPAIR), ("00001", "99999")):
            with subtests.test(code, query=query):
                await socket.subscribe("1", query, code=code)

                assert await socket.receive("1") == {"id": "1", "type": "complete"}
    assert sandbox.counts() == {}


async def test_missing_entity_scope_starts_no_subscription(connect, gateway, sandbox, mint, subtests):
    async with connect(token=mint(scopes="module:read")) as socket:
        for query, scope in ((PAID, "payment:read"), (REVIEW, "shenhe:read"), (REPAIR, "repair:read")):
            inline = query.replace("{", "{ ... on Subscription {", 1) + "}"
            named = query.replace("{", "{ ...Event } fragment Event on Subscription {", 1)
            for document in (query, inline, named):
                with subtests.test(scope, query=document):
                    await socket.subscribe("1", document, code="10002")
                    [error] = (await socket.receive("1"))["payload"]

                    extensions = error["extensions"]
                    assert (extensions["code"], extensions["missingScope"]) == ("FORBIDDEN", scope)
    assert len(gateway.parts.watches) == 0
    assert sandbox.counts() == {}


@NO_WATCH
async def test_missing_inner_scope_nulls_its_field_in_events(connect, gateway, sandbox, mint):
    query = 'subscription { shenheChanged(communityCode: "10002") { status verification { owner { phone } } } }'
    async with connect(token=mint(scopes="shenhe:read")) as socket:
        await socket.subscribe("1", query)
        await socket.settle()
        await approve(gateway, "10002", pending(sandbox)[0])

        payload = (await socket.receive("1"))["payload"]
    assert payload["data"] == {"shenheChanged": {"status": "APPROVED", "verification": None}}
    assert [error["extensions"]["missingScope"] for error in payload["errors"]] == ["people:read"]


@NO_WATCH
async def test_unreadable_record_is_the_error_of_its_event(connect, gateway, sandbox):
    first, second = pending(sandbox)[:2]
    async with connect() as socket:
        await socket.subscribe("1", REVIEW, code="10002")
        await socket.settle()
        sandbox.faults.set("WJDH", "shenhe", Fault(FaultKind.WRONG_SHAPE))
        gateway.parts.events.publish(Event(SHENHE_CHANGED, "10002", str(first)))
        payload = (await socket.receive("1"))["payload"]
        sandbox.faults.clear()
        gateway.parts.events.publish(Event(SHENHE_CHANGED, "10002", str(second)))

        assert (await socket.data("1"))["shenheChanged"]["platformId"] == second
    assert payload["data"] == {"shenheChanged": None}
    [error] = payload["errors"]
    assert error["path"] == ["shenheChanged"]
    assert (error["extensions"]["code"], error["extensions"]["endpoint"]) == ("UPSTREAM_PROTOCOL", "shenhe")


@NO_WATCH
async def test_lagging_subscriber_is_notified_of_missed_events(connect, gateway, sandbox):
    number = pending(sandbox)[0]
    async with connect() as socket:
        await socket.subscribe("1", REVIEW, code="10002")
        await socket.settle()
        for _ in range(CAPACITY + 1):  # at once, so that no subscriber can read in between
            gateway.parts.events.publish(Event(SHENHE_CHANGED, "10002", str(number)))

        payload = (await socket.receive("1"))["payload"]
        assert payload["data"] == {"shenheChanged": None}
        [error] = payload["errors"]
        assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("UPSTREAM_UNAVAILABLE", True)
        assert (await socket.data("1"))["shenheChanged"]["platformId"] == number


async def test_subscribers_of_a_community_share_one_watch(connect, gateway, sandbox):
    async with connect() as one, connect() as other:
        for socket in (one, other):
            for id_ in ("1", "2"):
                await socket.subscribe(id_, REVIEW, code="10002")
            await socket.settle()
        assert len(gateway.parts.watches) == 1
        await one.send("complete", id="1")
        await one.settle()
        assert len(gateway.parts.watches) == 1
    await until(lambda: not len(gateway.parts.watches))
