"""Both platforms as one server that answers with what no endpoint has: too large, too deep, too many rows.

    python upstream.py

It prints its port. What a call is answered with stands in its form: a community, or a name, such as `rows12` gets the
shape `rows`. Every other call, the logins among them, gets a small answer as documented.
"""

import asyncio
import gzip
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

LARGE = 8 * 1024 * 1024 - 1024
"""Bytes of a row, or rows: with all around it, an answer just within the gateway's own limit."""

HUGE = 50 * 1024 * 1024
"""Bytes of an answer far beyond it."""

PIECE = 64 * 1024

ROW = b'{"id":%d,"paied":"1","number":"%d","title":"x","amount":"190.35","status":"1","extra":"[]"'
ENVELOPES = {
    "order/list": b'{"code":0,"data":[%b],"pages":{"total":1}}',
    "shenheList": b'{"data":[%b],"meta":{"total":1}}',
    "repair/list": b'{"code":0,"data":{"repairs":[%b],"pages":{"total":1}}}',
    "people": b'{"code":0,"data":{"people_name":"x","houses":[%b]}}',
}
LOGIN = b'{"code":0,"access_token":"t","token":"t","token_type":"Bearer","expires_in":3600}'

_SHAPE = re.compile(rb"=([a-z]+)[0-9]+(?:&|$)")
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


def _rows(size: int) -> bytes:
    rows = [ROW % (number, number) + b"}" for number in range(1, 100_001)]
    return b",".join(rows)[:size].rpartition(b",{")[0]


def _filled(part: bytes, size: int, before: bytes = b"", after: bytes = b"") -> bytes:
    """One row with more in it than any has."""
    return ROW[:-1] % (1, 1) + b'",' + before + part * (size // len(part)) + after + b"}"


SHAPES: Mapping[str, Callable[[int], bytes]] = {
    "small": lambda _: ROW % (1, 1) + b"}",
    "rows": _rows,
    "bare": lambda size: b",".join([b'{"id":7}'] * (size // 9)),
    "page": lambda _: b",".join([ROW % (number, number) + b"}" for number in range(1, 1002)]),
    "empty": lambda size: b",".join([b"{}"] * (size // 3)),
    "deep": lambda size: _filled(b"[", size // 2, b'"remark":', b"]" * (size // 2)),
    "nested": lambda size: _filled(b"[" * 500 + b"]" * 500 + b",", size, b'"remark":[', b"1]"),
    "values": lambda size: _filled(b"1,", size, b'"remark":[', b"1]"),
    "lists": lambda size: _filled(b"[],", size, b'"remark":[', b"1]"),
    "text": lambda size: _filled(b"x", size, b'"remark":"', b'"'),
    "digits": lambda size: _filled(b"1-", size, b'"remark":"', b'"'),
    "escaped": lambda size: _filled(rb"\u4e00", size, b'"remark":"', b'"'),
    "literal": lambda size: _filled(b"1,", size, b'"extra":"[', b"'1']\""),
    "hidden": lambda size: _filled(rb"\u0031\u002c", size, b'"extra":"[', b"'1']\""),
    "quotes": lambda size: _filled(b"'a',", size, b"'remark':[", b"'a']"),
    "bytes": lambda size: _filled(b"\xff", size, b'"remark":"', b'"'),
}
ODD = tuple(name for name in SHAPES if name != "small")
FRAMINGS = ("whole", "chunked", "packed")
"""How a huge answer comes: with its length, in chunks, compressed."""


@lru_cache
def body(endpoint: str, shape: str, size: int = LARGE) -> bytes:
    return ENVELOPES[endpoint] % SHAPES[shape](size)


@lru_cache
def packed() -> bytes:
    return gzip.compress(body("order/list", "text", HUGE), 1)


class Upstream:
    """Answers each request of each connection. `size`: bytes of an odd answer."""

    def __init__(self, size: int = LARGE) -> None:
        self._size = size

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                form = await reader.readexactly(int(length[1]) if length else 0)
                await self._answer(writer, head.split(b" ", 2)[1].decode(), form)
        except (asyncio.IncompleteReadError, ConnectionError, RuntimeError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, path: str, form: bytes) -> None:
        endpoint = next((name for name in ENVELOPES if path.endswith(name)), None)
        shape = match[1].decode() if (match := _SHAPE.search(form)) else "small"
        if endpoint is None:
            await self._send(writer, LOGIN)
        elif shape == "packed":
            await self._send(writer, packed(), b"Content-Encoding: gzip\r\n")
        elif shape in FRAMINGS:
            await self._send(writer, body(endpoint, "text", HUGE), is_chunked=shape == "chunked")
        else:
            await self._send(writer, body(endpoint, shape, self._size))

    async def _send(
        self, writer: asyncio.StreamWriter, data: bytes, header: bytes = b"", *, is_chunked: bool = False
    ) -> None:
        framing = b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: %d" % len(data)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%b%b\r\n\r\n" % (header, framing))
        for start in range(0, len(data), PIECE):
            piece = data[start : start + PIECE]
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
            await writer.drain()
        if is_chunked:
            writer.write(b"0\r\n\r\n")


async def main() -> None:
    for endpoint in ENVELOPES:
        for shape in SHAPES:
            body(endpoint, shape)
    body("order/list", "text", HUGE), body("people", "text", HUGE), packed()
    server = await asyncio.start_server(Upstream().serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
