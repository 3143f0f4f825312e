"""The resident platform: it notifies of payments until each is acknowledged."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from itertools import count
from urllib.parse import urlencode

from pool import LostError, Pool

SAVED = 0
PAUSE = 1.0
"""Seconds before a notification is sent again."""

Failed = Callable[[str, float, list[str]], None]


class Callbacks:
    """`acknowledged` are order numbers; `posted` counts the payments."""

    TOKEN_SECONDS = 600
    """A token is good for an hour."""

    def __init__(self, pool: Pool, credentials: Mapping[str, str], failed: Failed) -> None:
        self.acknowledged: set[str] = set()
        self.posted = 0
        self._pool = pool
        self._credentials = credentials
        self._failed = failed
        self._numbers = count(1)
        self._token = ""
        self._again: set[asyncio.Task[None]] = set()

    async def sign_in(self) -> None:
        answer = await self._pool.send(_form("/callbacks/token", self._credentials))
        self._token = json.loads(answer.body)["token"]

    async def notify(self) -> None:
        """Of a payment that nobody has heard of."""
        number = next(self._numbers)
        self.posted += 1
        payment = {
            "order_number": f"{number:020}",
            "shop_number": f"1900{number:018}",
            "weixin_number": f"42000008{number:020}",
        }
        await self._post(payment)

    async def settle(self) -> None:
        """Until all are acknowledged."""
        while self._again:
            await asyncio.wait(self._again)

    async def _post(self, payment: Mapping[str, str]) -> None:
        sent = time.monotonic()
        try:
            answer = await self._pool.send(_form("/callbacks/payment", {**payment, "token": self._token}))
            code = json.loads(answer.body)["code"] if answer.status == 200 else f"HTTP_{answer.status}"
        except (OSError, LostError, TimeoutError) as error:
            code = type(error).__name__
        if code == SAVED:
            self.acknowledged.add(payment["order_number"])
            return
        self._failed("callback", sent, [f"CODE_{code}"])
        task = asyncio.create_task(self._post_again(payment))
        self._again.add(task)
        task.add_done_callback(self._again.discard)

    async def _post_again(self, payment: Mapping[str, str]) -> None:
        await asyncio.sleep(PAUSE)
        await self._post(payment)


def _form(path: str, form: Mapping[str, str]) -> bytes:
    body = urlencode(form)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
