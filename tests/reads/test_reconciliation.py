"""wjdh's paid flags held against the notifications of the journal."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from order_oracle import rows
from platform_answers import interpose
from standing_clock import FrozenClock

from gateway.orders import sums as reconciliation
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind

NOW = datetime(2026, 11, 24, 1, 30, tzinfo=UTC)
FIELDS = """
  matched matchedAmount { yuan } paidWithoutNotification { number } paidWithoutNotificationCount
  earlierPaidWithoutNotificationCount notifiedUnpaid { orderNumber } notifiedUnpaidCount
  undelivered { orderNumber } undeliveredCount complete asOf
"""
RECONCILE = f"""
query ($code: ID!, $since: DateTime, $until: DateTime) {{
  community(code: $code) {{ reconciliation(since: $since, until: $until) {{ {FIELDS} }} }}
}}
"""


@pytest.fixture
def hours():
    return FrozenClock(NOW)


@pytest.fixture
async def gateway(environ, serve, hours, sandbox):
    """Nothing is delivered to the security platform."""
    sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HTTP_500))
    async with serve(environ, hours) as served:
        yield served


async def reconcile(gateway, code="10002", since=None, until=None, **options):
    variables = {"code": code, "since": since and since.isoformat(), "until": until and until.isoformat()}
    return (await gateway.ask(RECONCILE, variables, **options)).data["community"]["reconciliation"]


async def notify(gateway, number):
    """A notification for this order."""
    receipt = await gateway.parts.journal.payments.receive(number, f"S{number}", f"W{number}", subject="platform")
    return receipt.payment


def of_community(sandbox, code="10002"):
    return sandbox.world.orders_of[code][::-1]


def numbers(payments, key="orderNumber"):
    return [payment[key] for payment in payments]


@pytest.mark.parametrize("dialect", [Dialect.MIXED])
async def test_unknown_flags_are_neither_paid_nor_unpaid(gateway, sandbox, dialect):
    for order in of_community(sandbox):
        await notify(gateway, order.number)
    found = await reconcile(gateway)
    words = {"已付款": True, "未付款": False, 1: True, 0: False}
    flags = {
        str(row["number"]): words.get(row["paied"])
        for row in rows(of_community(sandbox), dialect)
        if row["number"] is not None
    }

    assert found["matched"] == sum(flag is True for flag in flags.values())
    assert sorted(numbers(found["notifiedUnpaid"])) == sorted(n for n, flag in flags.items() if flag is False)
    assert found["paidWithoutNotificationCount"] == 0
    assert None in flags.values()
    assert not found["complete"]


async def test_delivered_notification_of_the_community_is_not_listed(gateway, sandbox):
    payments = gateway.parts.journal.payments
    await notify(gateway, of_community(sandbox)[0].number)
    [leased] = await payments.claim("one", 1, timedelta(seconds=30))
    assert (await reconcile(gateway))["undeliveredCount"] == 1
    assert (await reconcile(gateway, "00001"))["undeliveredCount"] == 0
    await payments.delivered(leased)
    assert (await reconcile(gateway))["undeliveredCount"] == 0


async def test_notification_of_no_order_is_unpaid_once_placed(gateway):
    await notify(gateway, "20260101000000000001")
    assert (await reconcile(gateway))["notifiedUnpaidCount"] == 0  # nobody knows whose it is
    await gateway.parts.journal.payments.set_community(["20260101000000000001"], "10002")
    assert numbers((await reconcile(gateway))["notifiedUnpaid"]) == ["20260101000000000001"]


async def test_notification_that_comes_meanwhile_accuses_nobody(gateway, sandbox, monkeypatch):
    """Of an order that was read as unpaid: it may have been paid since."""
    payments, number = gateway.parts.journal.payments, next(o.number for o in of_community(sandbox) if not o.is_paid)
    notified = payments.notified

    async def notified_later(*asked):
        await notify(gateway, number)
        await payments.set_community([number], "10002")
        return await notified(*asked)

    monkeypatch.setattr(payments, "notified", notified_later)
    found = [await reconcile(gateway) for _ in range(2)]
    assert [(each["notifiedUnpaidCount"], each["undeliveredCount"]) for each in found] == [(0, 1), (1, 1)]


async def test_period_is_that_of_notifications_and_of_order_numbers(gateway, sandbox, hours):
    paid = [order for order in of_community(sandbox) if order.is_paid]
    since, until = (datetime.strptime(paid[at].number[:14] + "+0800", "%Y%m%d%H%M%S%z") for at in (4, 1))
    found = await reconcile(gateway, since=since, until=until)
    assert numbers(found["paidWithoutNotification"], "number") == [order.number for order in paid[2:5]]
    assert found["earlierPaidWithoutNotificationCount"] == len(paid[5:])

    unpaid = next(order for order in of_community(sandbox) if not order.is_paid)
    for order in (*paid[:2], unpaid):
        await notify(gateway, order.number)
    hours.advance(days=1)
    await notify(gateway, paid[2].number)
    first = await reconcile(gateway, since=NOW, until=NOW + timedelta(days=1))
    second = await reconcile(gateway, since=NOW + timedelta(days=1))
    assert (first["matched"], first["notifiedUnpaidCount"], first["undeliveredCount"]) == (2, 1, 3)
    assert (second["matched"], second["notifiedUnpaidCount"], second["undeliveredCount"]) == (1, 0, 1)


async def test_failing_page_and_too_many_notifications_accuse_nobody(gateway, sandbox, monkeypatch):
    orders = of_community(sandbox)
    for order in orders:
        await notify(gateway, order.number)
    await notify(gateway, "20260101000000000001")
    unpaid = [order.number for order in orders if not order.is_paid]
    with monkeypatch.context() as patch:
        patch.setattr(reconciliation, "MOST_LISTED", 3)
        found = await reconcile(gateway)
    assert (len(found["notifiedUnpaid"]), found["notifiedUnpaidCount"]) == (3, len(unpaid))
    assert (len(found["undelivered"]), found["undeliveredCount"]) == (3, 60)

    with monkeypatch.context() as patch:
        patch.setattr(reconciliation, "MOST_NOTIFICATIONS", 10)
        found = await reconcile(gateway)
    assert (found["paidWithoutNotificationCount"], found["complete"]) == (0, False)

    interpose(sandbox, "order/list", lambda form, answer: b"[]" if form["page"] == "2" else answer())
    found = await reconcile(gateway)
    assert not found["complete"]
    kept = [order.number for order in orders[:15] + orders[30:] if not order.is_paid]
    assert sorted(numbers(found["notifiedUnpaid"])) == sorted(kept)


async def test_reconciliation_costs_the_pages_and_five_queries(gateway, sandbox):
    await notify(gateway, of_community(sandbox)[0].number)
    await reconcile(gateway)
    database = gateway.parts.journal.payments._database
    read, queries = database.read, []

    async def counted(work):
        if asyncio.current_task().get_name().startswith("Task-"):  # not one of the gateway's own, which go on meanwhile
            queries.append(work.__qualname__)
        return await read(work)

    database.read = counted
    sandbox.reset_calls()
    await reconcile(gateway)

    assert sandbox.count("WJDH", "order/list") == 4
    assert len([name for name in queries if name.startswith(("Payments.", "Records."))]) == 5
