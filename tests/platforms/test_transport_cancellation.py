"""Calls cancelled at every moment leak no slot, no connection and no answer to another question.

They are cancelled before they begin, in the queue, while connecting, within the request and within the answer, and some
end by their own deadline.
"""

import asyncio
import gzip
import random

from raw_platform import RawPlatform, platform_at

from gateway.errors import PlatformError

CANCELS = 500
SLOTS = 16
CALLS_AT_ONCE = 64
GONE = (asyncio.IncompleteReadError, ConnectionError, RuntimeError, asyncio.CancelledError)
"""The client is gone (RuntimeError is uvloop's word for it), or the test ends."""


class Upstream:
    """Answers each request with its own number, in one of several manners, or at once when it is calm."""

    def __init__(self) -> None:
        self.is_calm = False
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                form = await reader.readexactly(int(head.rpartition(b" ")[2]))
                await self._answer(writer, form.removeprefix(b"a="), 1.0 if self.is_calm else random.random())
        except GONE:
            pass
        finally:
            self.connections -= 1
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, body: bytes, manner: float) -> None:
        if manner < 0.1:
            raise ConnectionError
        if manner < 0.3:
            await asyncio.sleep(random.random() * 0.005)
        if manner < 0.5:
            packed = gzip.compress(body)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed))
            await asyncio.sleep(0)
            writer.write(packed)
        elif manner < 0.7:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number in body:
                writer.write(b"1\r\n%c\r\n" % number)
                await asyncio.sleep(0)
            writer.write(b"0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()


async def ask(platform: RawPlatform, number: int, seconds: float) -> str:
    """What became of one call. Raises RuntimeError for an answer to another question."""
    try:
        raw = await platform.send(repeatable=random.random() < 0.7, seconds=seconds, question=str(number))
    except PlatformError as error:
        return type(error).__name__
    if raw.body != b"%d" % number:
        raise RuntimeError(f"the answer to {number} was that to another question")
    return "answered"


async def test_slots_survive_a_storm_of_cancelled_calls() -> None:
    random.seed(1)
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    platform = platform_at(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", slots=SLOTS)
    cancelled = number = 0
    while cancelled < CANCELS:
        calls = []
        for _ in range(CALLS_AT_ONCE):
            number += 1
            calls.append(asyncio.create_task(ask(platform, number, random.choice((0.002, 1.0, 1.0, 1.0)))))
            if random.random() < 0.3:
                await asyncio.sleep(0)
        random.shuffle(calls)
        for call in calls:
            if random.random() < 0.2:
                await asyncio.sleep(random.random() * 0.001)
            call.cancel()
        for result in await asyncio.gather(*calls, return_exceptions=True):
            cancelled += isinstance(result, asyncio.CancelledError)
            assert isinstance(result, (str, asyncio.CancelledError)), result

    upstream.is_calm = True
    assert platform.slots.taken == 0
    platform.routes["read"].calls.is_tripped = platform.routes["write"].calls.is_tripped = False
    assert await asyncio.gather(*(ask(platform, number, 10.0) for number in range(SLOTS))) == ["answered"] * SLOTS
    async with asyncio.timeout(10):  # the server sees the connections that were closed before these
        while upstream.connections > SLOTS:  # noqa: ASYNC110 # no event says so
            await asyncio.sleep(0)
    await platform.aclose()
    server.close()
