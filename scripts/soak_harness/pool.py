"""Keep-alive connections to gateways, as a proxy before them or a busy client has them."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

ANSWER_TIMEOUT = 30.0


class Answer(NamedTuple):
    status: int
    body: bytes


class LostError(Exception):
    """The server closed the connection. `unanswered`: before any byte of the answer."""

    def __init__(self, *, unanswered: bool) -> None:
        super().__init__("the server closed the connection")
        self.unanswered = unanswered


class Pool:
    """Requests go to the gateways of `ports` in turn, each over a connection that is free, or a new one.

    `sent_again` counts requests on a connection that the server had just closed for being idle, or to restart: as
    proxies and browsers do, they are sent once more on a new one.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self.ports = tuple(ports)
        self.sent_again = 0
        self.opened = 0
        self._free: dict[int, list[_Connection]] = {}
        self._taken: Counter[int] = Counter()
        self._turns = count()

    async def send(self, request: bytes) -> Answer:
        """Raises OSError, LostError, TimeoutError."""
        port = self.ports[next(self._turns) % len(self.ports)]
        self._taken[port] += 1
        try:
            return await self._send(port, request)
        finally:
            self._taken[port] -= 1

    async def _send(self, port: int, request: bytes) -> Answer:
        free = self._free.setdefault(port, [])
        while free:
            connection = free.pop()
            if connection.is_open:
                try:
                    return await self._ask(connection, port, request)
                except LostError as error:
                    if not error.unanswered:
                        raise
                self.sent_again += 1
                break
        return await self._ask(await self._open(port), port, request)

    async def leave(self, ports: Sequence[int]) -> None:
        """Close the free connections to these gateways, and return when the others have had their answers."""
        for port in ports:
            for connection in self._free.pop(port, []):
                connection.close()
        while any(self._taken[port] for port in ports):
            await asyncio.sleep(0.05)

    async def _open(self, port: int) -> "_Connection":
        self.opened += 1
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(ANSWER_TIMEOUT):
            _, connection = await loop.create_connection(_Connection, "127.0.0.1", port)
        return connection

    async def _ask(self, connection: "_Connection", port: int, request: bytes) -> Answer:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                answer = await connection.ask(request)
        except TimeoutError:
            connection.close()
            raise
        if connection.is_open and port in self.ports:
            self._free.setdefault(port, []).append(connection)
        else:
            connection.close()
        return answer


class _Connection(asyncio.Protocol):
    """Answers must say their length, as the gateway's do."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self.is_open = False
        self._buffer = bytearray()
        self._end = 0
        self._answer: asyncio.Future[Answer] | None = None

    async def ask(self, request: bytes) -> Answer:
        self._buffer.clear()
        self._end = 0
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self.is_open = False
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # a stream's transport
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(LostError(unanswered=not self._buffer))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._end:
            self._read_head()
        if self._end and len(self._buffer) >= self._end and self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(self._status, bytes(self._buffer[self._body : self._end])))

    def _read_head(self) -> None:
        head, separator, _ = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        self._status = int(head.split(b" ", 2)[1])
        self._body = len(head) + len(separator)
        lines = head.lower().split(b"\r\n")
        length = next(line for line in lines if line.startswith(b"content-length:"))
        self._end = self._body + int(length.partition(b":")[2])
        if b"connection: close" in lines:
            self.is_open = False
