"""A record of each type that has a node id."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

WRITTEN = """
mutation Written($code: ID!, $number: String!) {
  announcement: createAnnouncement(input: {
    communityCode: $code, title: "停水通知", content: "明日停水", idempotencyKey: $code
  }) { operation { id } announcement { id } }
  payment: payCallback(input: {orderNumber: $number, shopNumber: $number, weixinNumber: $number}) { payment { id } }
}
"""
LISTED = """
query Listed($code: ID!) { community(code: $code) {
    id modules { id } house(building: 1, unit: 1, floor: 1, room: 101) { id }
    shenhes(filter: { status: PENDING }, first: 1) { nodes { id } } orders(first: 1) { nodes { id } }
    repairs(filter: { status: OPEN }, first: 1) { nodes { id } } } }
"""


DELIVERY = "query Delivery($id: ID!) { node(id: $id) { ... on Payment { id state communityCode } } }"


async def read_record_ids(ask: Callable[..., Awaitable[Any]], code: str, number: str) -> dict[str, str]:
    """Their ids in this community, by type; the payment is of the order with this number: delivered, and placed."""
    listed = (await ask(LISTED, {"code": code})).data["community"]
    written = (await ask(WRITTEN, {"code": code, "number": number})).data
    payment = {"id": written["payment"]["payment"]["id"]}
    async with asyncio.timeout(30):
        while True:
            node = (await ask(DELIVERY, payment)).data["node"]
            if node["state"] == "DELIVERED" and node["communityCode"]:
                break
    return {
        "Announcement": written["announcement"]["announcement"]["id"],
        "Operation": written["announcement"]["operation"]["id"],
        "Payment": node["id"],
        "Community": listed["id"],
        "Module": listed["modules"][0]["id"],
        "House": listed["house"]["id"],
        "Shenhe": listed["shenhes"]["nodes"][0]["id"],
        "Order": listed["orders"]["nodes"][0]["id"],
        "Repair": listed["repairs"]["nodes"][0]["id"],
    }
