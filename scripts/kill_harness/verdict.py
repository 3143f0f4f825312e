"""What was promised held against what the security platform has."""

import asyncio
import time
from collections import Counter

from notifier import Notifier
from processes import GatewayProcess, Platforms

DELIVERY_TIMEOUT = 120.0

PAYMENTS = """
query Payments($first: Int!, $after: String) {
  payments(first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { orderNumber state }
  }
}
"""


class BrokenPromiseError(Exception):
    """A payment was lost, doubled or garbled."""


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
    if notifier.answers.keys() - notifier.allowed:
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
