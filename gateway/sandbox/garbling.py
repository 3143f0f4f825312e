"""Bodies as broken deployments send them (quirks 3, 189 to 192)."""

import zlib
from collections.abc import Callable, Mapping
from functools import cache

from gateway.sandbox.faults import FaultKind
from gateway.sandbox.http import HTML, JSON

ERROR_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>Server Error</title></head>"
    "<body><h1>500</h1><p>服务器开小差 at /www/wwwroot/wjdh/app/Http/Kernel.php</p></body></html>"
).encode()
LOGIN_PAGE = "<!DOCTYPE html>\n<html><head><title>登录</title></head><body><form></form></body></html>".encode()
TOO_MANY_ATTEMPTS = b'{"message": "Too Many Attempts."}'

_NOTICE = (
    b"<br />\n<b>Notice</b>:  Undefined index: page in <b>/www/wwwroot/wjdh/app/Page.php</b> on line <b>104</b><br />\n"
)
_DEPTH = 100_000
BOMB_BYTES = 32 * 1024 * 1024


def _gbk(body: bytes) -> bytes:
    return body.decode().encode("gbk", errors="replace")


def _trailing_comma(body: bytes) -> bytes:
    return body[:-1] + b",}"


GARBLED: Mapping[FaultKind, tuple[bytes, Callable[[bytes], bytes]]] = {
    FaultKind.GARBAGE: (HTML, lambda _: LOGIN_PAGE),
    FaultKind.EMPTY_BODY: (HTML, lambda _: b""),
    FaultKind.WRONG_SHAPE: (JSON, lambda _: b'{"code": 0, "token_expired": 1, "msg": "ok", "data": 42}'),
    FaultKind.DEEP_NESTING: (JSON, lambda _: b'{"code": 0, "data": ' + b"[" * _DEPTH + b"]" * _DEPTH + b"}"),
    FaultKind.PHP_NOTICE: (HTML, lambda body: _NOTICE + body),
    FaultKind.BOM: (JSON, lambda body: b"\xef\xbb\xbf" + body),
    FaultKind.GBK: (JSON, _gbk),
    FaultKind.TRAILING_COMMA: (JSON, _trailing_comma),
}
"""For each kind the content type it comes with and what it makes of the true body."""


@cache
def gzip_bomb() -> bytes:
    """A gzip of a valid answer of 32 MiB, some 32 KiB on the wire."""
    block = b" " * (1024 * 1024)
    packer = zlib.compressobj(wbits=31)
    parts = [packer.compress(b'{"code": 0, "data": [')]
    parts += [packer.compress(block) for _ in range(BOMB_BYTES // len(block))]
    parts += [packer.compress(b"]}"), packer.flush()]
    return b"".join(parts)
