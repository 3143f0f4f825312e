"""The relay: retries, attempts, leases and the end of its retries."""

import asyncio
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import timedelta

import pytest
from broken_journal import broken
from documents import write_document
from graphql_socket import connected
from standing_clock import FrozenClock
from structlog.testing import capture_logs
from waiting import until

from gateway.commands.journal import retry_payments
from gateway.entities import ENDPOINTS
from gateway.events import ReadsDropped, WakeUp
from gateway.journal.journal import open_journal
from gateway.journal.listing import PaymentQuery
from gateway.normalise.vocabulary import DeliveryState
from gateway.payments.writes import AUTH_WAIT, WAITS, Relay, deliver_payment
from gateway.platforms.platforms import make_platforms
from gateway.sandbox.faults import Fault, FaultKind
from gateway.settings import load_settings

LEASE = timedelta(seconds=60)
DOCUMENTED_START = [15, 15, 30, 180, 600, 1200, 1800]
"""The first waits in seconds, as the issue and WeChat Pay have them."""


class Bench:
    """A relay that is driven by hand: real journal, real calls, a clock that stands."""

    def __init__(self, journal, security, clock):
        self.journal = journal
        self.security = security
        self.clock = clock
        self.jitter = 0.0
        self.relay = Relay(journal, security, "test", LEASE, clock, lambda: self.jitter)

    async def receive(self, number="1"):
        receipt = await self.journal.payments.receive(f"order-{number}", "shop", f"weixin-{number}", subject="test")
        return receipt.payment

    async def claim(self, owner="test"):
        return await self.journal.payments.claim(owner, 16, LEASE)

    async def attempt(self):
        """Deliver the only payment, which must be due; returns it as it is kept then."""
        [payment] = await self.claim()
        await self.relay.deliver(payment)
        return await self.journal.payments.get(payment.id)

    @asynccontextmanager
    async def running(self):
        """The relay by itself, which is stopped at the end."""
        running = asyncio.create_task(self.relay.run())
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    async def state(self, payment):
        return (await self.journal.payments.get(payment.id)).state


@pytest.fixture
def open_bench(environ):
    """`async with open_bench() as bench`, with settings besides."""

    @asynccontextmanager
    async def open_bench(**changes):
        settings, clock = load_settings(environ | changes), FrozenClock()
        async with open_journal(settings, clock) as journal, aclosing(make_platforms(settings, ENDPOINTS)) as platforms:
            yield Bench(journal, platforms.security, clock)

    return open_bench


@pytest.fixture
async def bench(open_bench):
    async with open_bench() as bench:
        yield bench


async def attempt_until_dead(bench):
    waits: list[float] = []
    await bench.receive()
    while True:
        payment = await bench.attempt()
        if payment.next_attempt_at is None:
            return payment, waits
        waits.append(payment.next_attempt_at - bench.clock.now)
        bench.clock.now = payment.next_attempt_at - timedelta(microseconds=1)
        assert await bench.claim() == ()
        bench.clock.now = payment.next_attempt_at


async def test_relay_retries_on_schedule_for_a_day_then_stops(bench, sandbox):
    """Each wait is up to a tenth longer."""
    bench.jitter = 0.5
    sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HTTP_500))
    with capture_logs() as logs:
        payment, waits = await attempt_until_dead(bench)

    [dead] = [entry for entry in logs if entry["event"] == "payment dead"]
    assert (dead["payment"], dead["attempts"], dead["code"]) == (payment.id, payment.attempts, payment.last_error)
    assert [wait.total_seconds() for wait in WAITS[: len(DOCUMENTED_START)]] == DOCUMENTED_START
    assert waits == [wait * 1.05 for wait in WAITS]
    assert sum(waits, timedelta()) >= timedelta(hours=24)
    assert (payment.state, payment.last_error) == (DeliveryState.DEAD, "UPSTREAM_PROTOCOL")
    assert sandbox.count("SECURITY", "callback") == payment.attempts == len(WAITS) + 1
    assert await bench.claim() == ()


FAULTS = [
    (Fault(FaultKind.RESET), "UPSTREAM_UNAVAILABLE"),
    (Fault(FaultKind.EMPTY_BODY), "UPSTREAM_PROTOCOL"),
    (Fault(FaultKind.GARBAGE), "UPSTREAM_PROTOCOL"),
    (Fault(FaultKind.APPLIED_THEN_RESET), "UPSTREAM_UNAVAILABLE"),
    (Fault(FaultKind.APPLIED_THEN_500), "UPSTREAM_PROTOCOL"),
    (Fault(FaultKind.TOO_MANY_REQUESTS), "UPSTREAM_UNAVAILABLE"),
    (Fault(FaultKind.REFUSED_BEFORE_COMMIT), "UPSTREAM_REFUSED"),
    (Fault(FaultKind.BODY, status=500, body=b'{"code": 0, "message": "error page"}'), "UPSTREAM_PROTOCOL"),
    (Fault(FaultKind.BODY, status=404, body=b'{"code": 0, "message": "error page"}'), "UPSTREAM_PROTOCOL"),
]


async def test_delivery_requires_code_0_of_the_platform(bench, sandbox):
    for number, (fault, code) in enumerate(FAULTS):
        sandbox.faults.set("SECURITY", "callback", fault, times=1)
        await bench.receive(str(number))
        failed = await bench.attempt()
        bench.clock.now += timedelta(seconds=15)
        delivered = await bench.attempt()

        assert (failed.state, failed.attempts, failed.last_error) == (DeliveryState.QUEUED, 1, code), fault
        assert (delivered.state, delivered.attempts, delivered.last_error) == (DeliveryState.DELIVERED, 2, None), fault
        assert sandbox.effects.count("callback") == number + 1


async def test_token_failure_never_counts_as_an_attempt(environ, open_bench):
    for name, value, code in (("KEY_D", "wrong", "UPSTREAM_AUTH"), ("CALLBACK_PATH", "", "NOT_CONFIGURED")):
        data_dir = environ["GATEWAY_DATA_DIR"] + name
        async with open_bench(**{f"GATEWAY_SECURITY_{name}": value, "GATEWAY_DATA_DIR": data_dir}) as bench:
            await bench.receive()
            for _ in range(len(WAITS) + 2):
                payment = await bench.attempt()
                assert (payment.state, payment.attempts, payment.last_error) == (DeliveryState.QUEUED, 0, code)
                assert payment.next_attempt_at == bench.clock.now + AUTH_WAIT
                bench.clock.now += AUTH_WAIT


async def test_undeliverable_payments_do_not_block_others(bench, sandbox):
    """Twenty the platform will never take, more than are tried at once, and twenty good ones behind them."""
    for number in range(20):
        await deliver_payment(bench.security, f"order-{number}", "other shop", f"other-{number}")
    sandbox.effects.clear()
    for number in range(40):
        await bench.receive(str(number))
    async with bench.running():
        await until(lambda: sandbox.effects.count("callback") == 20)

    poison = (await bench.journal.payments.list(PaymentQuery(state=DeliveryState.QUEUED), 40)).items
    assert {payment.order_number for payment in poison} == {f"order-{number}" for number in range(20)}
    assert {(payment.attempts, payment.last_error) for payment in poison} == {(1, "UPSTREAM_REFUSED")}


async def test_relay_wakes_up_after_its_sleep(bench, sandbox, monkeypatch):
    """Also where the journal failed when it looked."""
    monkeypatch.setattr("gateway.payments.writes.LONGEST_SLEEP", 0.01)
    sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HTTP_500), times=1)
    payment = await bench.receive()

    async def is_attempted():
        return (await bench.journal.payments.get(payment.id)).attempts == 1

    with broken(bench.journal.payments, "claim", times=2):
        async with bench.running():
            await until(is_attempted)
            bench.clock.now += WAITS[0]
            await until(lambda: sandbox.effects.count("callback") == 1)
    assert await bench.state(payment) is DeliveryState.DELIVERED


async def test_delivery_is_repeated_when_due(gateway, sandbox, monkeypatch):
    monkeypatch.setattr("gateway.payments.writes.WAITS", (timedelta(seconds=0.2), timedelta(hours=1)))
    monkeypatch.setattr("gateway.payments.writes.LONGEST_SLEEP", 60)
    sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HTTP_500), times=1)
    await gateway.write("payCallback", PAYMENT)
    await until(lambda: listed(gateway, "DELIVERED"))


async def test_at_most_sixteen_deliveries_run_at_once(bench, sandbox):
    sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HANG))
    for number in range(20):
        await bench.receive(str(number))

    async with bench.running():
        await until(lambda: sandbox.count("SECURITY", "callback") == 16)
        await asyncio.sleep(0.05)
        assert sandbox.count("SECURITY", "callback") == 16
        sandbox.faults.clear()


async def test_stopping_relay_delivers_claimed_payments(bench, monkeypatch):
    claimed, claim = asyncio.Event(), bench.journal.payments.claim

    async def slow(*given):
        payments = await claim(*given)
        claimed.set()
        await asyncio.sleep(0.05)
        return payments

    monkeypatch.setattr(bench.journal.payments, "claim", slow)
    payment = await bench.receive()
    async with bench.running():
        await claimed.wait()

    assert await bench.state(payment) is DeliveryState.DELIVERED


async def test_unmarked_delivery_is_repeated_after_lease(bench, sandbox, monkeypatch):
    async def raise_bug(*_numbers):
        raise ValueError("a mistake")

    await bench.receive()
    with broken(bench.journal.payments, "delivered"), capture_logs() as logs:
        attempts = [await bench.attempt()]
    bench.clock.now += LEASE
    with monkeypatch.context() as patch:
        patch.setattr("gateway.payments.writes.deliver_payment", raise_bug)
        attempts.append(await bench.attempt())
    bench.clock.now += LEASE
    payment = await bench.attempt()

    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("delivery not marked", "warning")]
    assert [(each.state, each.attempts) for each in attempts] == [(DeliveryState.QUEUED, 0)] * 2
    assert (payment.state, payment.attempts) == (DeliveryState.DELIVERED, 1)
    assert sandbox.count("SECURITY", "callback") == 2


PAYMENTS = """
query Payments($state: DeliveryState) {
  payments(filter: {state: $state}) { nodes { id orderNumber state attempts lastError deliveredAt nextAttemptAt } }
}
"""
RETRIED = "outcome userErrors { code field } payment { state attempts } operation { outcome }"
PAYMENT = {"orderNumber": "20201213104759976889", "shopNumber": "1900", "weixinNumber": "4200"}
PAYMENTS_OUT_OF_DATE = ReadsDropped(None, ("order/list",))


async def listed(gateway, state=None):
    return (await gateway.read(PAYMENTS, {"state": state}))["nodes"]


async def retry(gateway, id_):
    document = f"mutation Retry($id: ID!) {{ retryPayment(id: $id) {{ {RETRIED} }} }}"
    return await gateway.read(document, {"id": id_})


async def test_repeat_of_an_uncertain_payment_wakes_the_relay(gateway):
    messages = []
    gateway.parts.events.attach(messages.append)
    with broken(gateway.parts.journal.events, "write", after=True):
        assert (await gateway.ask(write_document("payCallback"), {"input": PAYMENT})).code == "INTERNAL"
    assert WakeUp.PAYMENTS_DUE not in messages
    await gateway.write("payCallback", PAYMENT)
    assert PAYMENTS_OUT_OF_DATE in messages
    assert WakeUp.PAYMENTS_DUE in messages


async def test_dead_delivery_is_listed_and_delivered_after_retry(gateway, sandbox, clock):
    sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HTTP_500))
    async with connected(gateway.url, token=gateway.token) as socket:
        await socket.subscribe("1", "subscription { paymentEvents { kind } }")
        await socket.settle()
        await gateway.write("payCallback", PAYMENT)

        async def is_dead():
            """Past every wait, and the relay woken."""
            clock.advance(hours=7)
            gateway.parts.events.publish(WakeUp.PAYMENTS_DUE)
            return await listed(gateway, "DEAD")

        [dead] = await until(is_dead)
        kinds = [(await socket.data("1"))["paymentEvents"]["kind"] for _ in range(2)]
    assert kinds == ["RECEIVED", "DEAD"]
    assert [dead[name] for name in ("orderNumber", "attempts", "lastError", "nextAttemptAt")] == [
        *(PAYMENT["orderNumber"], len(WAITS) + 1, "UPSTREAM_PROTOCOL", None)
    ]
    assert 'gateway_payments{state="DEAD"} 1.0' in (await gateway.client.get("/metrics")).text

    sandbox.faults.clear()
    with gateway.parts.events.wake_ups(WakeUp.PAYMENTS_DUE) as queued:
        retried = await retry(gateway, dead["id"])
        assert queued.is_set()
    assert (retried["outcome"], retried["userErrors"]) == ("CONFIRMED", [])
    assert retried["operation"] == {"outcome": "CONFIRMED"}
    [delivered] = await until(lambda: listed(gateway, "DELIVERED"))
    assert (delivered["id"], delivered["attempts"], delivered["lastError"]) == (dead["id"], 1, None)
    assert await listed(gateway, "DEAD") == []
    assert sandbox.effects.count("callback") == 1


@pytest.mark.postgres
async def test_retry_at_the_command_line_is_delivered_once(environ, sandbox, serve, database_url, capsys):
    environ |= {"GATEWAY_DATABASE_URL": database_url}
    settings = load_settings(environ)
    async with open_journal(settings) as journal:
        await journal.payments.receive("order-1", "shop", "weixin-1", subject="test")
        [claimed] = await journal.payments.claim("test", 1, LEASE)
        await journal.payments.failed(claimed, "UPSTREAM_TIMEOUT", next_attempt_at=None)

    async with serve(environ) as one, serve(environ) as other:
        with one.parts.events.wake_ups(WakeUp.PAYMENTS_DUE) as queued:
            assert await retry_payments(settings, [], all_dead=True, confirmed=True) == 0
            await asyncio.wait_for(queued.wait(), 60)
        await until(lambda: listed(one, "DELIVERED"))
        assert await listed(other, "DEAD") == []

    assert capsys.readouterr().out == f"{claimed.id}: queued\n"
    assert sandbox.count("SECURITY", "callback") == sandbox.effects.count("callback") == 1


async def test_retry_refuses_a_payment_that_is_not_dead(gateway, sandbox):
    await gateway.write("payCallback", PAYMENT)
    [payment] = await until(lambda: listed(gateway, "DELIVERED"))

    wrong = dict.fromkeys(("1", "bm9uc2Vuc2U", payment["id"][:-1]), "NOT_FOUND")
    for id_, code in ({payment["id"]: "CONFLICT"} | wrong).items():
        refused = await retry(gateway, id_)
        assert (refused["outcome"], refused["userErrors"]) == ("REFUSED", [{"code": code, "field": ["id"]}])
    assert sandbox.count("SECURITY", "callback") == 1
