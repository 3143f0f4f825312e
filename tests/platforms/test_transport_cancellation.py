"""A call that is cancelled at any moment leaks no slot and no connection, and its answer is not that of another."""

import asyncio
import gzip

import pytest
from raw_platform import platform_of
from scripted_server import http, scripted
from waiting import until

SLOTS = 2
WRITTEN = {
    "whole": lambda number: [http(number)],
    "packed": lambda number: [*http(gzip.compress(number), b"Content-Encoding: gzip").partition(b"\r\n\r\n")],
    "chunked": lambda number: [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        *(b"1\r\n%c\r\n" % digit for digit in number),
        b"0\r\n\r\n",
    ],
}


@pytest.mark.parametrize("manner", WRITTEN)
@pytest.mark.parametrize("repeatable", [True, False])
async def test_cancelled_calls_leave_nothing_behind(manner: str, repeatable: bool) -> None:
    """Before they begin, in the queue, while connecting, within the request and within the answer."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in WRITTEN[manner](upstream.requests[-1].rpartition(b"=")[2]):
            writer.write(piece)
            await asyncio.sleep(0)

    async with scripted(answer) as upstream:
        platform = platform_of(upstream, slots=SLOTS)
        for turns in range(40):
            asked = [turns * 10 + number for number in range(3 * SLOTS)]
            calls = [
                asyncio.create_task(platform.send(repeatable=repeatable, question=str(number))) for number in asked
            ]
            for _ in range(turns):
                await asyncio.sleep(0)
            for call in calls[::2]:
                call.cancel()
            results = await asyncio.gather(*calls, return_exceptions=True)
            for position, (number, result) in enumerate(zip(asked, results, strict=True)):
                is_cancelled = isinstance(result, asyncio.CancelledError) and position % 2 == 0
                assert is_cancelled or result.body == b"%d" % number
            assert (platform.slots.taken, platform.slots.waiting) == (0, 0)
        await until(lambda: upstream.open_connections <= SLOTS)
