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


async def test_paid_order_is_listed_as_paid_and_notified_again(start):
    async with start(dialect="examples", orders_per_page=100) as client, receiver(token="t", code=0) as (url, _):
        before = (await client.wjdh("order/list", xiaoqu="10002", title="测试费2"))["data"][0]
        first = await client.sandbox.pay(ORDER, url)
        second = await client.sandbox.pay(ORDER, url)
        after = (await client.wjdh("order/list", xiaoqu="10002", title="测试费2"))["data"][0]
    assert first == second
    assert (before["paied"], before["shop_number"]) == ("未付款", None)
    assert (after["paied"], after["shop_number"]) == ("已付款", first.payment.shop_number)


async def test_payment_without_a_token_is_not_posted(client):
    async with receiver(token=None, code=0) as (url, received):
        notification = await client.sandbox.pay(ORDER, url)
    assert [path for path, _ in received] == ["/callbacks/token"]
    assert notification.token_answer == {"code": 1}
    assert notification.payment_answer is None


async def test_unknown_order_cannot_be_paid(client):
    with pytest.raises(KeyError):
        await client.sandbox.pay("0" * 20, "http://127.0.0.1:1")


async def test_payment_is_recorded_with_its_receiver_down(client):
    with pytest.raises(OSError, match="refused"):
        await client.sandbox.pay(ORDER, "http://127.0.0.1:1")
    assert client.sandbox.world.order_numbered[ORDER].is_paid
