"""The connection engine: the kept connections to one origin, and the exchanges on their way through them.

It decides whose turn it is, which connection carries a request, and when one is sent again, without a task or a future
for what can be decided at once: only a new connection needs a task.
"""

import asyncio
import ssl
from contextvars import Context
from typing import Any

import httpx

from gateway.ops.calls import CallTrace
from gateway.ops.connect_failure import connect_failure
from gateway.ops.slots import GATEWAY, Lane, Slots
from gateway.platforms.answer import RawAnswer, StaleConnectionError
from gateway.platforms.connection import Connection, HeadCache, Outcome
from gateway.platforms.large_answers import LargeAnswers
from gateway.platforms.pending import OnDone, Pending

IDLE_SECONDS = 15.0
"""How long a kept connection stays fit for use. Servers close theirs after 5 s to 75 s; see `StaleConnectionError`."""

DEFAULT_PORTS = {"http": 80, "https": 443}


class Exchange(Pending[RawAnswer]):
    """One complete request and its complete answer.

    `deadline` is a time of the running loop's clock; waiting for a slot and connecting count. A `repeatable` request
    may use a kept connection, and is sent again on a new one when that was closing. Any other gets a new connection,
    so that it cannot be lost to a closing one. Both are tried again once when no connection can be made.

    The outcome is a RawAnswer or one of the errors of `gateway.platforms.transport`.
    """

    __slots__ = ("_on_done", "_pool", "_repeatable", "_stage", "caller", "deadline", "lane", "request", "trace")

    _on_done: OnDone
    lane: Lane

    def __init__(
        self,
        pool: "Pool",
        request: bytes,
        deadline: float,
        repeatable: bool,
        trace: CallTrace | None = None,
        caller: str = GATEWAY,
    ) -> None:
        self.request = request
        self.deadline = deadline
        self.trace = trace
        self.caller = caller
        self._repeatable = repeatable
        self._pool = pool
        self._stage: Slots | asyncio.Task[None] | Connection | None = None  # what it waits for

    def begin(self, on_done: OnDone) -> None:
        self._on_done = on_done
        slots = self._pool.slots
        self.lane = lane = slots.lanes.get(self.caller) or slots.open_lane(self.caller)
        if slots.free:  # as `take` does: 0.1 µs less
            slots.free -= 1
            lane.held += 1
            self.take_turn()
        elif slots.take(lane):
            self.take_turn()
        else:
            self._stage = slots
            slots.queue(self)

    def join(self, caller: str) -> None:
        """This caller wants the answer as well: while it waits for a slot, it does so where fewer wait."""
        slots = self._pool.slots
        if self._stage is slots and caller != self.caller:
            lane = slots.lanes.get(caller) or slots.open_lane(caller)
            if len(lane.waiting) < len(self.lane.waiting):
                slots.leave(self)
                self._stage, self.caller = None, caller
                self.begin(self._on_done)

    def cancel(self) -> None:
        stage, self._stage = self._stage, None
        if stage is None:
            return
        slots = self._pool.slots
        if stage is slots:
            slots.leave(self)
            return
        if isinstance(stage, Connection | asyncio.Task):
            stage.cancel()
        slots.release(self.lane)

    # What the slots call.

    def take_turn(self) -> None:
        if self.trace is not None:
            self.trace.note_slot()
        connection = self._pool.take_idle() if self._repeatable else None
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
        self._on_done(httpx.PoolTimeout("No connection became free in time."))

    # What the connection calls.

    def complete(self, outcome: Outcome) -> None:
        pool, connection, self._stage = self._pool, self._stage, None
        if isinstance(connection, Connection):
            if connection.reusable:
                pool.idle.append(connection)
            else:
                connection.close()
        if type(outcome) is StaleConnectionError:  # of a kept connection, so the request is repeatable
            self._connect()
        else:
            pool.slots.release(self.lane)
            self._on_done(outcome)

    def _connect(self) -> None:
        """In a task, and in no context: what a connection calls back later is not of the request that opened it."""
        if self.trace is not None:
            self.trace.note_connecting()
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
        self.complete(outcome)


class Pool:
    """The kept connections to one origin.

    `slots` bounds the calls in flight, `large_answers` what large answers may cost; the pools of one platform share
    both. A slot is released when its call ends, however it ends; a connection is kept only after a complete and clean
    answer.
    """

    def __init__(
        self, url: httpx.URL, slots: Slots, large_answers: LargeAnswers, tls: ssl.SSLContext | None = None
    ) -> None:
        self.slots = slots
        self.idle: list[Connection] = []
        self._host = url.host
        self._port = url.port or DEFAULT_PORTS[url.scheme]
        self._tls = (tls or httpx.create_ssl_context()) if url.scheme == "https" else None
        self._large_answers = large_answers
        self._heads = HeadCache()

    async def send(self, request: bytes, deadline: float, *, repeatable: bool, caller: str = GATEWAY) -> RawAnswer:
        """The answer to one request: see `Exchange`."""
        return await Exchange(self, request, deadline, repeatable, caller=caller)

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
                    lambda: Connection(loop, self._heads, self._large_answers),
                    self._host,
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls is not None else None,
                )
        except TimeoutError:
            raise httpx.ConnectTimeout("No connection to the platform was made in time.") from None
        except OSError as error:
            raise httpx.ConnectError(connect_failure(error)) from None
        return connection

    def close(self) -> None:
        """Close the kept connections; those in use close when their calls end."""
        while self.idle:
            self.idle.pop().close()
