"""What frontends use from npm, graphql-ws, graphql-sse and urql: from a payment at a platform to the event they get."""

import asyncio
import json
from pathlib import Path

import pytest

NODE = Path(__file__).parents[1] / "node"
PAID = "subscription { paymentEvents { payment { orderNumber } } }"

pytestmark = pytest.mark.node


@pytest.mark.usefixtures("installed")
async def test_payment_reaches_every_client(gateway, sandbox, mint):
    token = mint("payment:read")
    command = ("node", "subscribe.mjs", f"{gateway.url}/graphql", token, PAID)
    client = await asyncio.create_subprocess_exec(*command, cwd=NODE, stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(60):
            ready = {json.loads(await client.stdout.readline())["ready"] for _ in range(3)}
            assert ready == {"graphql-ws", "graphql-sse", "urql"}
            await sandbox.pay("20201213104757994399", gateway.url)
            received = [json.loads(line) async for line in client.stdout]
            assert await client.wait() == 0
    finally:
        if client.returncode is None:
            client.kill()

    event = {"data": {"paymentEvents": {"payment": {"orderNumber": "20201213104757994399"}}}}
    assert sorted(received, key=lambda line: line["client"]) == [
        {"client": "graphql-sse", "result": event},
        {"client": "graphql-ws", "result": event},
        {"client": "urql", "result": event},
    ]
