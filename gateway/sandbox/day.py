"""What has happened before the demo begins, so that its desks have something to look at."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.resident import Payment, notify
from gateway.sandbox.server import Sandbox

COMMUNITY = "00002"
"""The one it happens in: the others stay as the documentation shows them."""

PAYMENTS = 4

ANNOUNCEMENT = """\
mutation Announce {
  createAnnouncement(
    input: { communityCode: "00002", title: "停水通知", content: "周六上午9点至11点停水。", idempotencyKey: "demo" }
  ) { outcome }
}
"""

ORDERS_LOOKED_AT = """\
query Orders {
  orders(communityCode: "00002", first: 50) { totalCount }
}
"""

ANSWERED_REPAIR = """\
mutation AnswerRepair($id: ID!) {
  updateRepair(input: { id: $id, status: RESOLVED, reply: "已派维修人员" }) { outcome }
}
"""


async def live_through_a_day(
    sandbox: Sandbox, address: str, execute: Callable[[str, Mapping[str, str]], Awaitable[object]]
) -> None:
    """The fees desk looks at its orders; four residents pay, one of them by two contradicting notifications; a repair
    is answered; the answer about an announcement is lost, so that nobody knows whether it was published.

    `address` is that of the gateway, `execute` sends it an operation with variables.
    """
    await execute(ORDERS_LOOKED_AT, {})  # payments of orders that were seen have a community
    unpaid = [order for order in sandbox.world.orders_of[COMMUNITY] if order.is_open and not order.is_paid]
    for order in unpaid[:PAYMENTS]:
        payment = (await sandbox.pay(order.number, address)).payment
    contradicting = Payment(payment.order_number, payment.shop_number, payment.weixin_number[::-1])
    await asyncio.to_thread(notify, address, sandbox.options.callback_credentials, contradicting)

    waiting = next(repair for repair in sandbox.world.repairs_of[COMMUNITY] if not repair.is_resolved)
    await execute(ANSWERED_REPAIR, {"id": str(waiting.id)})
    sandbox.faults.set("WJDH", "announcement/new", Fault(FaultKind.APPLIED_THEN_RESET), times=1)
    await execute(ANNOUNCEMENT, {})
