"""The resident platform: posts payment notifications over HTTP and keeps what it was promised."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import count
from typing import NamedTuple
from urllib.parse import urlencode

import httpx

ACKNOWLEDGED = 0
ANSWER_TIMEOUT = 3.0
TROUBLE = (OSError, EOFError, TimeoutError)
"""No answer: the gateway was killed, stands still or is not there."""


class Payment(NamedTuple):
    order_number: str
    shop_number: str
    weixin_number: str


class Notifier:
    """`posted` is all that ever left, `acknowledged` what was answered 0; `answers` counts the codes.

    With `token_url` its tokens are those of the security platform, from there.
    """

    def __init__(self, settings: Mapping[str, str], token_url: str = "") -> None:
        self.has_platform_tokens = bool(token_url)
        self.allowed = {0, 2} if token_url else {0}  # 2: it could not be asked or kept in time, the sender repeats
        self.posted: dict[str, Payment] = {}
        self.acknowledged: set[str] = set()
        self.answers: Counter[int] = Counter()
        account = "SECURITY" if token_url else "CALLBACK"
        self._credentials = {name: settings[f"GATEWAY_{account}_{name.upper()}"] for name in ("key_k", "key_d")}
        self._token_url = token_url
        self._numbers = count(1)
        self._token = ""

    @property
    def unacknowledged(self) -> list[Payment]:
        return [payment for number, payment in self.posted.items() if number not in self.acknowledged]

    async def sign_in(self, port: int) -> None:
        """Ask for a token: the intake on this port, whose token serves at every gateway of the same key, or the
        platform: a token that no gateway knows yet.
        """
        if self._token_url:
            async with httpx.AsyncClient(trust_env=False) as client:
                self._token = (await client.post(self._token_url, data=self._credentials)).json()["token"]
            return
        async with Connection(port) as connection:
            self._token = str((await connection.post("/callbacks/token", self._credentials))["token"])

    def new(self, amount: int) -> list[Payment]:
        """So many payments nobody has heard of."""
        payments = [
            Payment(f"{number:020}", f"1900{number:018}", f"42000008{number:020}")
            for number in (next(self._numbers) for _ in range(amount))
        ]
        self.posted |= {payment.order_number: payment for payment in payments}
        return payments

    async def notify(self, port: int, payments: Iterable[Payment], at_once: int = 32) -> None:
        """Post each, over `at_once` connections. A connection without an answer is given up, and its payment."""
        waiting = iter(payments)

        async def post() -> None:
            for first in waiting:
                with suppress(*TROUBLE):
                    async with Connection(port) as connection:
                        await self._post(connection, first)
                        for payment in waiting:
                            await self._post(connection, payment)

        await asyncio.gather(*(post() for _ in range(at_once)))

    async def begin(self, port: int, payment: Payment) -> "Connection":
        """Send a notification but for its last bytes."""
        connection = await Connection(port).__aenter__()
        request = form_request("/callbacks/payment", self._form(payment))
        await connection.send(request[:-10])
        return connection

    async def _post(self, connection: "Connection", payment: Payment) -> None:
        code = (await connection.post("/callbacks/payment", self._form(payment)))["code"]
        self.answers[code] += 1
        if code == ACKNOWLEDGED:
            self.acknowledged.add(payment.order_number)

    def _form(self, payment: Payment) -> dict[str, str]:
        return {**payment._asdict(), "token": self._token}


class Connection:
    """One keep-alive connection to an intake. Raises TROUBLE where there is no answer."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> "Connection":
        async with asyncio.timeout(ANSWER_TIMEOUT):
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.transport.abort()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def post(self, path: str, form: Mapping[str, str]) -> dict[str, object]:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            await self.send(form_request(path, form))
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.partition("content-length:")[2].partition("\r\n")[0])
            answer: dict[str, object] = json.loads(await self._reader.readexactly(length))
            return answer


def form_request(path: str, form: Mapping[str, str]) -> bytes:
    body = urlencode(form)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
