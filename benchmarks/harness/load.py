"""A closed-loop load generator: each caller has one connection and sends its next request when it has its answer."""

import asyncio
import ctypes
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)

ANSWER_TIMEOUT = 60.0
"""Seconds without any answer before a load is given up."""


@dataclass(frozen=True)
class Load:
    """What a server did with a number of requests. CPU is of all its threads, in microseconds per request."""

    cpu: float
    rate: float
    latencies: Sequence[float]

    def latency(self, percent: int) -> float:
        """Milliseconds that so many percent of the requests took at most."""
        return statistics.quantiles(self.latencies, n=100)[percent - 1] * 1e3


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, user and system, of all its threads (clock_getcpuclockid(3))."""
    clock = ctypes.c_int()
    if error := _libc.clock_getcpuclockid(pid, ctypes.byref(clock)):
        raise ProcessLookupError(error, f"process {pid} has no clock")
    return time.clock_gettime(clock.value)


def post(path: str, body: bytes, headers: Sequence[tuple[str, str]]) -> bytes:
    """A complete request."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        "Accept: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def run(port: int, pid: int, callers: Sequence[Iterator[bytes]], count: int) -> Load:
    """Send `count` requests in all and measure: whichever caller has its answer sends its next. Raises AssertionError
    for any answer but a 200, TimeoutError for none. Connections are opened before, and not measured."""
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(partial(_Caller, requests), "127.0.0.1", port))[1] for requests in callers
    ]
    turns = iter(range(count))
    try:
        cpu, started = cpu_seconds(pid), time.perf_counter()
        sending = asyncio.gather(*(caller.send(turns) for caller in connections))
        await _while_answered(sending, connections)
        cpu, elapsed = cpu_seconds(pid) - cpu, time.perf_counter() - started
    finally:
        for caller in connections:
            caller.close()
    latencies = [latency for caller in connections for latency in caller.latencies]
    return Load(cpu / count * 1e6, count / elapsed, latencies)


async def ask(port: int, request: bytes) -> bytes:
    """The body of the answer to one request."""
    _, caller = await asyncio.get_running_loop().create_connection(lambda: _Caller(iter([request])), "127.0.0.1", port)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            await caller.send(iter(range(1)))
        return caller.answer
    finally:
        caller.close()


async def _while_answered(sending: asyncio.Future[Any], connections: Sequence["_Caller"]) -> None:
    answers = -1
    while not sending.done():
        before, answers = answers, sum(len(caller.latencies) for caller in connections)
        if answers == before:
            raise TimeoutError(f"no answer for {ANSWER_TIMEOUT:.0f} seconds")
        await asyncio.wait([sending], timeout=ANSWER_TIMEOUT)
    await sending


class _Caller(asyncio.Protocol):
    """One connection. Answers must say their length, as those of all the servers do."""

    _transport: asyncio.Transport

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests = requests
        self._buffer = bytearray()
        self._end = 0
        self.latencies: list[float] = []
        self.answer = b""

    async def send(self, turns: Iterator[int]) -> None:
        """Send requests, one after the other, while there are turns."""
        self._turns = turns
        self._done = asyncio.get_running_loop().create_future()
        self._next()
        await self._done

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # a stream's transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._end:
            self._end = self._length()
        if self._end and len(self._buffer) >= self._end:
            self.latencies.append(time.perf_counter() - self._started)
            self.answer, self._buffer, self._end = bytes(self._buffer[self._body :]), bytearray(), 0
            self._next()

    def _next(self) -> None:
        if next(self._turns, None) is None:
            self._done.set_result(None)
            return
        request = next(self._requests)
        self._started = time.perf_counter()
        self._transport.write(request)

    def _length(self) -> int:
        """Bytes of the whole answer; 0 while its head is not complete."""
        head, separator, _ = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return 0
        if not head.startswith(b"HTTP/1.1 200"):
            self._fail(bytes(head.splitlines()[0]))
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                self._body = len(head) + len(separator)
                return self._body + int(line.partition(b":")[2])
        self._fail(b"an answer without a length")
        return 0

    def _fail(self, reason: bytes) -> None:
        if not self._done.done():
            self._done.set_exception(AssertionError(reason.decode()))
