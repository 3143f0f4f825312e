"""Ambiguous, oversized and cross-site requests are refused with a 4xx."""

import asyncio
import gzip
import json
import zlib
from typing import Any
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEXT = "{ viewer { subject } }"
QUERY = json.dumps({"query": TEXT}).encode()
WRITE = json.dumps(
    {"query": 'mutation { setModule(input: {communityCode: "10002", name: REPAIRS, enabled: true}) { outcome } }'}
)
LARGEST_BODY = 256 * 1024
LARGEST_REFUSAL = 4 * 1024
MEGABYTE = 1024 * 1024


def bomb(size: int = 64) -> bytes:
    """A valid query with so many megabytes of blanks behind it, compressed a thousandfold."""
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(QUERY)
    return packed + b"".join(packer.compress(b" " * MEGABYTE) for _ in range(size)) + packer.flush()


def variable(value: str | bytes) -> bytes:
    """A body with this text for the value of its variable."""
    value = value if isinstance(value, bytes) else value.encode()
    return b'{"query":"query ($v: ID!) { community(code: $v) { id } }","variables":{"v":%b}}' % value


def member(name: str, *values: object) -> list[bytes]:
    """Bodies whose member has one of these values."""
    return [json.dumps({"query": TEXT, name: value}).encode() for value in values]


BODIES: dict[str, tuple[Any, ...]] = {
    "no object": (
        400,
        *(b"", b" ", b"\0", b"null", b"true", b"1", b"[]", b"{}", TEXT.encode(), json.dumps(TEXT).encode()),
        b"[" + b",".join([QUERY] * 1000) + b"]",  # a batch
        *(QUERY[:-1], QUERY * 2, b"query=%7B+viewer+%7B+subject+%7D+%7D", bytes(range(256)) * 8, b"\xff" * 4096),
        b'--a\r\ncontent-disposition: form-data; name="query"\r\n\r\n{ viewer }\r\n--a--',
    ),
    "no JSON": (
        400,
        *(b"/* */" + QUERY, QUERY[:-1] + b",}", QUERY.replace(b'"', b"'")),
        *map(variable, ("NaN", "-Infinity", "1e999", "9" * 60_000, '"1\0"', '"\\ud800"', '"\\udc00\\ud800"')),
    ),
    "member of another type": (
        400,
        *(*member("query", None, 1, True, [TEXT], {"a": 1}), *member("variables", 1, True, [], "{}")),
        *(*member("operationName", 1, [], {}), *member("extensions", 1, [], "a")),
    ),
    "member twice": (
        400,
        b'{"query":"{ viewer { subject } }","query":"{ platforms { name } }"}',
        b'{"query":"{ platforms { name } }","quer\\u0079":"{ viewer { subject } }"}',
        b'{"query":"{ viewer { subject } }","variables":{"a":1,"a":2}}',
    ),
    "no UTF-8": (
        400,
        *(QUERY.decode().encode(name) for name in ("utf-16", "utf-16-le", "utf-32")),
        *(QUERY.decode().encode("utf-7").replace(b'"', b"+ACI-"), b"\xef\xbb\xbf" + QUERY),
        # any bytes, an overlong slash and NUL, a surrogate, beyond Unicode, half a character
        *(variable(b'"%b"' % odd) for odd in (b"\xff\xfe", b"\xc0\xaf", b"\xc0\x80", b"\xed\xa0\x80")),
        *(variable(b'"%b"' % odd) for odd in (b"\xf4\x90\x80\x80", b"\xe6\x99")),
    ),
    "too deep or too large": (
        413,
        *(variable("[" * depth + "]" * depth) for depth in (30_000, 100_000)),
        *(variable('{"a":' * 30_000 + "1" + "}" * 30_000), QUERY.ljust(LARGEST_BODY + 1), b" " * 10 * MEGABYTE),
    ),
    "nested without an end": (4, b"[" * 200_000, b'{"a":' * 40_000),
    "ten thousand variables": (0, *member("variables", {f"a{n}": n for n in range(10_000)})),
    "odd characters": (
        200,
        *(variable('"10002\\u0000"'), b'{"query":"\\u0001\\u0002\\u0003"}'),
        '{"query":"\ufeff{ viewer { subject } } ¿"}'.encode(),
    ),
}
"""A status, and bodies that get it: 200 stands for an answer of errors alone, 0 for either, and 4 for any refusal: the
stack of this Python decides whether endless nesting is too deep or invalid JSON.
"""

ENCODED: list[tuple[bytes, str]] = [
    (bomb(), "gzip"),
    (gzip.compress(bomb()), "gzip, gzip"),
    (zlib.compress(b" " * 32 * MEGABYTE, 9), "deflate"),
    (b"\x8b\xff" * 1000, "br"),
    (b"\x28\xb5\x2f\xfd" * 100, "zstd"),
    *((QUERY, encoding) for encoding in ("gzip", "x-none", "identity, gzip")),
]
CROSS_SITE = [
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/plain", "", None),
    *("text/plain; application/json", "application/json; charset=utf-16", "application/graphql+json"),
    *("application/json, application/x-www-form-urlencoded", "application/x-www-form-urlencoded, application/json"),
    "application/graphql",
]


@pytest.mark.parametrize("name", BODIES)
async def test_malicious_body_is_refused(target, bystanders, name):
    status, *bodies = BODIES[name]

    async for _ in bystanders.unharmed(memory=32 * MEGABYTE):
        for body in bodies:
            answer = await target.post(body)
            refused = status in (answer.status, answer.status // 100) or (status == 0 and answer.status < 500)
            assert refused, (answer.status, body[:200])
            if status:
                assert not any((answer.json.get("data") or {}).values()), body[:200]
                assert answer.codes, body[:200]
                assert len(answer.body) < LARGEST_REFUSAL, body[:200]


async def test_compressed_body_is_not_unpacked(target, bystanders):
    async for _ in bystanders.unharmed(memory=16 * MEGABYTE):
        for body, encoding in ENCODED:
            answers = await asyncio.gather(*(target.post(body, content_encoding=encoding) for _ in range(4)))
            assert {answer.status for answer in answers} == {415}, encoding


async def test_cross_site_request_cannot_write(target):
    """The requests a browser sends without asking, and what might be taken for JSON."""
    target.sandbox.reset_calls()
    for content_type in CROSS_SITE:
        answer = await target.post(WRITE, content_type=content_type, origin="https://evil.example")
        assert answer.status == 415, content_type
        assert answer.headers["accept-post"] == "application/json"
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
        answer = await target.request(method, f"/graphql?query={quote(json.loads(WRITE)['query'])}", WRITE.encode())
        assert answer.status == 405, method

    assert target.calls == []


PATHS = ["/graphql/", "//graphql", "/graphql/../graphql", "/%67raphql%00", "/GraphQL", "/graphql;a=b", "/.git/config"]
PATHS += ["/explorer/../../settings.py", "/explorer/..%2f..%2fsettings.py", "/", "/docs", "/metrics/"]
PATHS += ["/__sandbox__/calls"]


async def test_unknown_path_serves_nothing(target):
    for path in PATHS:
        head = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{target.port}\r\nconnection: close\r\n\r\n"
        answer = await target.raw(head.encode())
        assert answer.split(b" ")[1] in (b"404", b"400"), path
        assert b"data" not in answer, path
