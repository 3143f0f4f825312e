"""Both platforms as one server that answers with what no endpoint has: too large, too deep, too many rows.

What a call is answered with stands in its form: a community, or a name, such as `rows12` gets the shape `rows`. Every
other call, the logins among them, gets a small answer as documented.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from functools import lru_cache

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
}


@lru_cache
def body(endpoint: str, shape: str, size: int) -> bytes:
    return ENVELOPES[endpoint] % SHAPES[shape](size)


class Upstream:
    """Answers each request of each connection. `size`: bytes of an odd answer."""

    def __init__(self, size: int) -> None:
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
        data = body(endpoint, shape, self._size) if endpoint else LOGIN
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        writer.write(head % len(data))
        for start in range(0, len(data), PIECE):
            writer.write(data[start : start + PIECE])
            await writer.drain()
