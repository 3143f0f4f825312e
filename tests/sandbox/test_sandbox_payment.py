"""A resident pays, and the sandbox calls back as the resident platform would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import msgspec
import pytest

from gateway.sandbox.http import Connection, Request, Traffic

ORDER = "20201213104759976889"


@asynccontextmanager
async def receiver(*, token: str | None, code: int) -> AsyncIterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    """A taker of notifications: its base URL and what it was sent."""
    received: list[tuple[str, dict[str, str]]] = []

    def handle(request: Request, connection: Connection) -> None:
        received.append((request.path, dict(parse_qsl(request.body.decode()))))
        is_token_call = request.path.endswith("/token")
        answer = {"token": token} if is_token_call and token else {"code": 1 if is_token_call else code}
        connection.reply(msgspec.json.encode(answer))

    server = await asyncio.get_running_loop().create_server(lambda: Connection(handle, Traffic()), "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", received


async def test_paying_an_order_posts_token_and_three_numbers(client):
    async with receiver(token="t-1", code=0) as (url, received):
        notification = await client.sandbox.pay(ORDER, url)
    payment = notification.payment
    assert received == [
        ("/callbacks/token", {"key_k": "sandbox-callback-k", "key_d": "sandbox-callback-d"}),
        (
            "/callbacks/payment",
            {
                "order_number": ORDER,
                "shop_number": payment.shop_number,
                "weixin_number": payment.weixin_number,
                "token": "t-1",
            },
        ),
    ]
    assert len(payment.weixin_number) == 28
    assert notification.payment_answer == {"code": 0}


async def test_payment_is_recorded_with_its_receiver_down(client):
    with pytest.raises(OSError, match="refused"):
        await client.sandbox.pay(ORDER, "http://127.0.0.1:1")
    assert client.sandbox.world.order_numbered[ORDER].is_paid
