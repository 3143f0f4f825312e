"""What was promised held against what the security platform has, and how fast it all was."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier import Notifier
from processes import PAUSE, GatewayProcess, Platforms

DELIVERY_TIMEOUT = 120.0

PAYMENTS = """
query Payments($first: Int!, $after: String) {
  payments(first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { orderNumber state attempts receivedAt deliveredAt }
  }
}
"""


class BrokenPromiseError(Exception):
    """A payment was lost, doubled or garbled."""


@dataclass(frozen=True)
class Speed:
    """Notifications acknowledged per second by `callers` at once; seconds from intake to delivery, one at a time."""

    intake: float
    callers: int
    median: float
    slowest: float


async def settle(platforms: Platforms, promised: set[str]) -> None:
    """Wait until the security platform has all that was promised. Raises BrokenPromiseError."""
    try:
        async with asyncio.timeout(DELIVERY_TIMEOUT):
            while promised - (await platforms.effects()).keys():
                await asyncio.sleep(0.2)
    except TimeoutError:
        lost = promised - (await platforms.effects()).keys()
        raise BrokenPromiseError(f"{len(lost)} acknowledged notifications were not delivered") from None


def check(effects: Counter[str], notifier: Notifier) -> None:
    """Nothing twice, nothing that nobody sent, nothing refused. Raises BrokenPromiseError."""
    doubled = [number for number, times in effects.items() if times != 1]
    if doubled:
        raise BrokenPromiseError(f"{len(doubled)} payments were taken in more than once")
    if effects.keys() - notifier.posted.keys():
        raise BrokenPromiseError("something was delivered that nobody sent")
    # With the platform's tokens, 2 says that it could not be asked: then the sender repeats.
    if notifier.answers.keys() - ({0, 2} if notifier.has_platform_tokens else {0}):
        raise BrokenPromiseError(f"a notification was refused: {dict(notifier.answers)}")


async def kept(gateway: GatewayProcess) -> dict[str, dict[str, str]]:
    """All payments of the journal by order number, as the gateway shows them."""
    payments: dict[str, dict[str, str]] = {}
    after: str | None = None
    async with gateway.client() as client:
        while True:
            body = {"query": PAYMENTS, "variables": {"first": 100, "after": after}}
            page = (await client.post("/graphql", json=body)).json()["data"]["payments"]
            payments |= {payment["orderNumber"]: payment for payment in page["nodes"]}
            if not page["pageInfo"]["hasNextPage"]:
                return payments
            after = page["pageInfo"]["endCursor"]


async def until_marked(gateway: GatewayProcess) -> dict[str, dict[str, str]]:
    """The payments of the journal once all are DELIVERED. Raises BrokenPromiseError."""
    deadline = time.monotonic() + DELIVERY_TIMEOUT
    while True:
        payments = await kept(gateway)
        unmarked = [payment for payment in payments.values() if payment["state"] != "DELIVERED"]
        if not unmarked:
            return payments
        if time.monotonic() > deadline:
            raise BrokenPromiseError(f"{len(unmarked)} payments are not marked as delivered")
        await asyncio.sleep(0.5)


async def measure(gateway: GatewayProcess, platforms: Platforms, notifier: Notifier, amount: int) -> Speed:
    """Intake by many at once; then deliveries of notifications that come one by one."""
    callers = 64
    payments = notifier.new(amount)
    began = time.perf_counter()
    await notifier.notify(gateway.port, payments, callers)
    took = time.perf_counter() - began
    await settle(platforms, notifier.acknowledged)
    singles = notifier.new(min(amount, 100))
    for payment in singles:
        await notifier.notify(gateway.port, [payment], 1)
        await asyncio.sleep(PAUSE)
    marked = await until_marked(gateway)
    delays = sorted(_delay(marked[payment.order_number]) for payment in singles)
    return Speed(amount / took, callers, delays[len(delays) // 2], delays[-1])


def _delay(payment: dict[str, str]) -> float:
    delay: timedelta = datetime.fromisoformat(payment["deliveredAt"]) - datetime.fromisoformat(payment["receivedAt"])
    return delay.total_seconds()
