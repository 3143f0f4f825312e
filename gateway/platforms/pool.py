"""The kept connections to one origin, and the requests on their way through them.

Whose turn it is, which connection carries a request, and when it is sent again is decided here, without a task or a
future for what can be decided at once: only a connection that has to be made needs a task.
"""

import asyncio
import ssl
from contextvars import Context
from typing import Any

import httpx

from gateway.ops.connect_failure import connect_failure
from gateway.ops.resilience import Slots
from gateway.platforms.connection import Connection, Heads, Outcome, RawAnswer, StaleConnectionError
from gateway.platforms.large_answers import LargeAnswers
from gateway.platforms.pending import OnDone, Pending

IDLE_SECONDS = 15.0
"""How long a kept connection stays fit for use. Servers close theirs after 5 s to 75 s; see `StaleConnectionError`."""

DEFAULT_PORTS = {"http": 80, "https": 443}


class Exchange(Pending[Any]):
    """One complete request and its complete answer.

    `deadline` is a time of the running loop's clock; waiting for a slot and connecting count. A `repeatable` request
    may ride on a kept connection, and is sent again on a new one when that was closing. Any other gets a new
    connection, so that it cannot be lost to a closing one. Both are tried again once when no connection can be made.
    `without_body`: it is a HEAD request.

    The outcome is a RawAnswer or one of the errors of `gateway.platforms.transport`.
    """

    __slots__ = ("_on_done", "_pool", "_stage", "deadline", "repeatable", "request", "without_body")

    _on_done: OnDone

    def __init__(
        self, pool: "Pool", request: bytes, deadline: float, *, repeatable: bool, without_body: bool = False
    ) -> None:
        self.request = request
        self.deadline = deadline
        self.repeatable = repeatable
        self.without_body = without_body
        self._pool = pool
        self._stage: Slots | asyncio.Task[None] | Connection | None = None  # what it waits for

    def begin(self, on_done: OnDone) -> None:
        self._on_done = on_done
        self._send()

    def _send(self) -> None:
        """Now, or when there is a slot for it."""
        slots = self._pool.slots
        if slots.free:
            slots.free -= 1
            self.take_turn()
        else:
            self._stage = slots
            slots.queue(self)

    def cancel(self) -> None:
        stage, self._stage = self._stage, None
        if stage is None:
            return
        slots = self._pool.slots
        if stage is slots:
            slots.leave(self)
            return
        if isinstance(stage, Connection):
            stage.abandon()
        elif isinstance(stage, asyncio.Task):
            stage.cancel()
        slots.release()

    def _ended(self, outcome: Any) -> None:
        """What has come of it."""
        self._on_done(outcome)

    # What the slots call

    def take_turn(self) -> None:
        connection = self._pool.take_idle() if self.repeatable else None
        if connection is not None:
            self._stage = connection
            try:
                connection.send(self)
            except httpx.ConnectError:
                connection.close()
            else:
                return
        self._connect()

    def give_up(self) -> None:
        self._stage = None
        self._ended(httpx.PoolTimeout("No connection became free in time."))

    # What the connection calls

    def settle(self, outcome: Outcome) -> None:
        pool, connection, self._stage = self._pool, self._stage, None
        if isinstance(connection, Connection):
            if connection.reusable:
                pool.idle.append(connection)
            else:
                connection.close()
        if type(outcome) is StaleConnectionError:  # of a kept connection, so the request is repeatable
            self._connect()
        else:
            pool.slots.release()
            self._ended(outcome)

    def _connect(self) -> None:
        """In a task, and in no context: what a connection calls back later is not of the request that opened it."""
        loop = asyncio.get_running_loop()
        self._stage = loop.create_task(self._send_on_new_connection(), context=Context())

    async def _send_on_new_connection(self) -> None:
        outcome: Any
        try:
            try:
                connection = await self._pool.connect(self.deadline)
            except httpx.ConnectError:
                connection = await self._pool.connect(self.deadline)
            self._stage = connection
            connection.send(self)
        except Exception as error:  # noqa: BLE001 # it is the outcome
            outcome = error
        else:
            return
        self.settle(outcome)


class Pool:
    """The kept connections to one origin.

    `slots` bounds the calls under way, `large_answers` what large answers may cost; the pools of one platform share
    both. A slot is given back when its
    call ends, however it ends; a connection is kept only after a complete and clean answer.
    """

    def __init__(
        self,
        url: httpx.URL,
        slots: Slots,
        large_answers: LargeAnswers,
        *,
        max_body_bytes: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.slots = slots
        self._host = url.host
        self._port = url.port or DEFAULT_PORTS[url.scheme]
        self._tls = tls if url.scheme == "https" else None
        self._max_body_bytes = max_body_bytes
        self._large_answers = large_answers
        self.idle: list[Connection] = []
        self._heads = Heads()

    async def send(self, request: bytes, deadline: float, *, repeatable: bool, without_body: bool = False) -> RawAnswer:
        """The answer to one request: see `Exchange`."""
        answer: RawAnswer = await Exchange(self, request, deadline, repeatable=repeatable, without_body=without_body)
        return answer

    def take_idle(self) -> Connection | None:
        """A kept connection that is fit for use, the one used last first."""
        idle = self.idle
        if idle:
            now = asyncio.get_running_loop().time()
            while idle:
                connection = idle.pop()
                if connection.reusable and now - connection.idle_since < IDLE_SECONDS:
                    return connection
                connection.close()
        return None

    async def connect(self, deadline: float) -> Connection:
        """A new connection, by this time of the loop's clock. Raises httpx.ConnectError or ConnectTimeout."""
        if len(self.idle) + self.slots.taken > self.slots.limit:
            self.idle.pop(0).close()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(deadline):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, self._max_body_bytes, self._heads, self._large_answers),
                    self._host,
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls is not None else None,
                )
        except TimeoutError:
            raise httpx.ConnectTimeout("No connection was made in time.") from None
        except OSError as error:
            raise httpx.ConnectError(connect_failure(error)) from None
        return connection

    def close(self) -> None:
        """Close the kept connections; those in use close when their calls end."""
        while self.idle:
            self.idle.pop().close()
