"""Reconciliation while orders are paid, notifications come and pages fail: whatever is listed is so."""

from collections import Counter
from random import Random

import pytest

from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.platform import PlatformServer
from gateway.sandbox.server import Sandbox, SandboxOptions

SCHEDULES = 24
RECONCILE = """
{ community(code: "10002") { reconciliation {
    matched matchedAmount { fen } paidWithoutNotification { number } notifiedUnpaid { orderNumber }
    paidWithoutNotificationCount notifiedUnpaidCount undeliveredCount complete } } }
"""


class World:
    """The orders of a community, and which of them were notified."""

    def __init__(self, gateway, sandbox, rng):
        self.gateway, self.sandbox, self.rng = gateway, sandbox, rng
        self.orders = {order.number: order for order in sandbox.world.orders_of["10002"]}
        self.notified = set()
        self.arriving = []
        self.changes, self.failures = rng.choice((0, 0.1)), rng.choice((0, 0.1))
        execute = PlatformServer._execute.__get__(sandbox.wjdh)

        def answer(endpoint, request, form):
            if endpoint.name == "order/list":
                if rng.random() < self.changes:
                    self.sandbox.pay_unannounced(self.choose())
                    self.arriving.append(self.choose())
                if rng.random() < self.failures:
                    return b"<html>"
            return execute(endpoint, request, form)

        sandbox.wjdh._execute = answer
        payments = gateway.parts.journal.payments
        notified = type(payments).notified

        async def notified_meanwhile(code, limit):
            """What has come while the pages were read is there when they have been read."""
            while self.arriving:
                await self.notify(self.arriving.pop())
            return await notified(payments, code, limit)

        payments.notified = notified_meanwhile

    def choose(self):
        return self.rng.choice(list(self.orders))

    async def notify(self, number):
        payments = self.gateway.parts.journal.payments
        await payments.receive(number, f"S{number}", f"W{number}", subject="platform")
        if self.rng.random() < 0.5:
            await payments.set_community([number], "10002")
        self.notified.add(number)

    def paid(self):
        return {number for number, order in self.orders.items() if order.is_paid}


@pytest.mark.parametrize("dialect", [Dialect.DOCUMENTED, Dialect.EXAMPLES])
async def test_listed_differences_are_true(dialect, serve, tmp_path):
    outcomes = Counter()
    for seed in range(SCHEDULES):
        rng = Random(f"{dialect} {seed}")
        async with Sandbox(SandboxOptions(dialect=dialect, orders_per_page=7)) as sandbox:
            sandbox.faults.set("SECURITY", None, Fault(FaultKind.HTTP_500))
            async with serve({**sandbox.settings(), "GATEWAY_DATA_DIR": str(tmp_path / str(seed))}) as gateway:
                world = World(gateway, sandbox, rng)
                for _ in range(rng.randrange(20)):
                    await world.notify(world.choose())
                outcomes[await check(gateway, world)] += 1
    assert outcomes[True] > 1
    assert outcomes[False] > 1


async def check(gateway, world):
    """Ask once; whether the answer is complete."""
    paid_before, notified_before = world.paid(), set(world.notified)
    answer = await gateway.ask(RECONCILE)
    found = answer.body["data"]["community"]["reconciliation"]
    if found is None:
        return None
    without = {order["number"] for order in found["paidWithoutNotification"]}
    unpaid = {payment["orderNumber"] for payment in found["notifiedUnpaid"]}

    assert without <= world.paid() - world.notified
    assert unpaid <= notified_before - paid_before
    if found["complete"] and world.paid() == paid_before:
        matched = paid_before & world.notified
        assert found["matched"] == len(matched)
        assert found["matchedAmount"]["fen"] == sum(world.orders[number].fen for number in matched)
        assert without == paid_before - world.notified
        assert unpaid == notified_before - paid_before
        counts = [found[f"{name}Count"] for name in ("paidWithoutNotification", "notifiedUnpaid", "undelivered")]
        assert counts == [len(without), len(unpaid), len(world.notified)]
    return found["complete"]
