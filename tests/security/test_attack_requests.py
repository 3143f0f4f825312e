"""Ambiguous, oversized and cross-site requests are refused with a 4xx."""

import asyncio
import gzip
import json
import zlib
from typing import Any
from urllib.parse import quote

import pytest
from wire import raw_request

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUERY = json.dumps({"query": "{ viewer { subject } }"})
WRITE = json.dumps(
    {"query": 'mutation { setModule(input: {communityCode: "10002", name: REPAIRS, enabled: true}) { outcome } }'}
)
VARIABLE = '{"query":"query ($v: ID!) { community(code: $v) { id } }","variables":{"v":%s}}'
LARGEST_BODY = 256 * 1024
LARGEST_REFUSAL = 4 * 1024


def bomb(size: int = 64 * 1024 * 1024) -> bytes:
    """A valid query with so many blanks behind it, compressed a thousandfold."""
    packer = zlib.compressobj(9, wbits=31)
    blanks = b" " * (1024 * 1024)
    packed = packer.compress(QUERY.encode())
    return packed + b"".join(packer.compress(blanks) for _ in range(size // len(blanks))) + packer.flush()


def doubly_packed() -> bytes:
    return gzip.compress(bomb())


BODIES: dict[str, tuple[bytes, int]] = {
    "is empty": (b"", 400),
    "is a blank": (b" ", 400),
    "is a NUL": (b"\0", 400),
    "is null": (b"null", 400),
    "is true": (b"true", 400),
    "is a number": (b"1", 400),
    "is a text": (b'"{ viewer { subject } }"', 400),
    "is a list": (b"[]", 400),
    "is a batch of a thousand queries": (f"[{','.join([QUERY] * 1000)}]".encode(), 400),
    "is an object of nothing": (b"{}", 400),
    "is half of an object": (QUERY.encode()[:-1], 400),
    "is two objects": (QUERY.encode() * 2, 400),
    "is the query alone": (b"{ viewer { subject } }", 400),
    "is a form": (b"query=%7B+viewer+%7B+subject+%7D+%7D", 400),
    "is multipart": (b'--a\r\ncontent-disposition: form-data; name="query"\r\n\r\n{ viewer }\r\n--a--', 400),
    "is random": (bytes(range(256)) * 8, 400),
    "is all ones": (b"\xff" * 4096, 400),
    "has a comment": (b"/* */" + QUERY.encode(), 400),
    "has a comma too many": (b'{"query":"{ viewer { subject } }",}', 400),
    "has single quotes": (QUERY.replace('"', "'").encode(), 400),
    "has NaN": (VARIABLE.replace("%s", "NaN").encode(), 400),
    "has infinity": (VARIABLE.replace("%s", "-Infinity").encode(), 400),
    "has a number beyond all bounds": (VARIABLE.replace("%s", "1e999").encode(), 400),
    "has a number of sixty thousand digits": (VARIABLE.replace("%s", "9" * 60_000).encode(), 400),
    "has a query that is null": (b'{"query":null}', 400),
    "has a query that is a number": (b'{"query":1}', 400),
    "has a query that is a list": (b'{"query":["{ viewer { subject } }"]}', 400),
    "has a query that is an object": (b'{"query":{"a":1}}', 400),
    "has variables that are a list": (b'{"query":"{ viewer { subject } }","variables":[]}', 400),
    "has variables that are a text": (b'{"query":"{ viewer { subject } }","variables":"{}"}', 400),
    "has an operation name that is a number": (b'{"query":"{ viewer { subject } }","operationName":1}', 400),
    "has extensions that are a number": (b'{"query":"{ viewer { subject } }","extensions":1}', 400),
    "has the query twice": (b'{"query":"{ viewer { subject } }","query":"{ platforms { name } }"}', 400),
    "has a variable twice": (b'{"query":"{ viewer { subject } }","variables":{"a":1,"a":2}}', 400),
    "has the query twice, once in escapes": (
        b'{"query":"{ platforms { name } }","quer\\u0079":"{ viewer { subject } }"}',
        400,
    ),
    "nests variables a hundred thousand deep": (VARIABLE.replace("%s", "[" * 100_000 + "]" * 100_000).encode(), 413),
    "nests objects thirty thousand deep": (VARIABLE.replace("%s", '{"a":' * 30_000 + "1" + "}" * 30_000).encode(), 413),
    "nests variables thirty thousand deep, within their bytes": (
        VARIABLE.replace("%s", "[" * 30_000 + "]" * 30_000).encode(),
        413,
    ),
    "never closes what it nests": (b"[" * 200_000, 4),
    "never closes its objects": (b'{"a":' * 40_000, 4),
    "has ten thousand variables": (
        json.dumps({"query": "{ viewer { subject } }", "variables": {f"a{n}": n for n in range(10_000)}}).encode(),
        0,
    ),
    "is one byte too large": (QUERY.encode().ljust(LARGEST_BODY + 1), 413),
    "is ten megabytes": (b" " * (10 * 1024 * 1024), 413),
    "is UTF-16": (QUERY.encode("utf-16"), 400),
    "is UTF-16 without a mark": (QUERY.encode("utf-16-le"), 400),
    "is UTF-32": (QUERY.encode("utf-32"), 400),
    "is UTF-7": (QUERY.encode("utf-7").replace(b'"', b"+ACI-"), 400),
    "begins with a byte order mark": (b"\xef\xbb\xbf" + QUERY.encode(), 400),
    "has bytes that are no UTF-8": (VARIABLE.replace("%s", '"X"').encode().replace(b"X", b"\xff\xfe"), 400),
    "has an overlong slash": (VARIABLE.replace("%s", '"X"').encode().replace(b"X", b"\xc0\xaf"), 400),
    "has an overlong NUL": (VARIABLE.replace("%s", '"X"').encode().replace(b"X", b"\xc0\x80"), 400),
    "has half a character at its end": (b'{"query":"{ viewer { subject } } #\xe6\x99"}', 400),
    "has a surrogate in UTF-8": (VARIABLE.replace("%s", '"X"').encode().replace(b"X", b"\xed\xa0\x80"), 400),
    "has half a surrogate pair in escapes": (VARIABLE.replace("%s", '"\\ud800"').encode(), 400),
    "has a surrogate pair the wrong way round": (VARIABLE.replace("%s", '"\\udc00\\ud800"').encode(), 400),
    "has a character beyond Unicode": (VARIABLE.replace("%s", '"X"').encode().replace(b"X", b"\xf4\x90\x80\x80"), 400),
    "has a NUL in a text": (VARIABLE.replace("%s", '"1\0"').encode(), 400),
    "has a NUL in escapes": (VARIABLE.replace("%s", '"10002\\u0000"').encode(), 200),
    "has a byte order mark in the query": ('{"query":"\ufeff{ viewer { subject } } ¿"}'.encode(), 200),
    "has a query of control characters": (b'{"query":"\\u0001\\u0002\\u0003"}', 200),
}
"""What the body is or has, and the status: 200 stands for an answer of errors alone, 0 for either, and 4 for any
refusal: the stack of this Python decides whether endless nesting is too deep or invalid JSON."""

ENCODED: dict[str, tuple[bytes, str]] = {
    "a gzip bomb of a thousandfold": (bomb(), "gzip"),
    "a gzip bomb within a gzip bomb": (doubly_packed(), "gzip, gzip"),
    "a deflate bomb": (zlib.compress(b" " * 32 * 1024 * 1024, 9), "deflate"),
    "brotli that is none": (b"\x8b\xff" * 1000, "br"),
    "zstd that is none": (b"\x28\xb5\x2f\xfd" * 100, "zstd"),
    "plain text under the name of gzip": (QUERY.encode(), "gzip"),
    "an encoding of no name": (QUERY.encode(), "x-none"),
    "identity named twice": (QUERY.encode(), "identity, gzip"),
}

CROSS_SITE: dict[str, dict[str, Any]] = {
    "a form": {"content_type": "application/x-www-form-urlencoded"},
    "a form with files": {"content_type": "multipart/form-data; boundary=a"},
    "plain text": {"content_type": "text/plain"},
    "plain text that is said to be JSON": {"content_type": "text/plain; application/json"},
    "no content type": {"content_type": None},
    "an empty content type": {"content_type": ""},
    "a beacon": {"content_type": "text/plain;charset=UTF-8", "origin": "https://evil.example"},
    "JSON in another charset": {"content_type": "application/json; charset=utf-16"},
    "JSON beside a form": {"content_type": "application/json, application/x-www-form-urlencoded"},
    "a form beside JSON": {"content_type": "application/x-www-form-urlencoded, application/json"},
    "JSON of a kind of its own": {"content_type": "application/graphql+json"},
    "the old media type of a bare query": {"content_type": "application/graphql"},
}


@pytest.mark.parametrize("name", BODIES)
async def test_malicious_body_is_refused(target, bystanders, name):
    body, status = BODIES[name]

    async def attack():
        answer = await target.post(body)
        assert status in (answer.status, answer.status // 100) or (status == 0 and answer.status < 500)
        if status:
            assert not any((answer.json.get("data") or {}).values())
            assert answer.codes
            assert len(answer.body) < LARGEST_REFUSAL

    await bystanders.unharmed_by(attack, memory=32 * 1024 * 1024)


@pytest.mark.parametrize("name", ENCODED)
async def test_compressed_body_is_not_unpacked(target, bystanders, name):
    body, encoding = ENCODED[name]

    async def attack():
        answers = await asyncio.gather(*(target.post(body, content_encoding=encoding) for _ in range(4)))
        assert {answer.status for answer in answers} == {415}

    await bystanders.unharmed_by(attack, memory=16 * 1024 * 1024)


@pytest.mark.parametrize("name", CROSS_SITE)
async def test_cross_site_request_cannot_write(target, name):
    """The requests a browser sends without asking, and what might be taken for JSON."""
    target.sandbox.reset_calls()
    answer = await target.post(WRITE, **CROSS_SITE[name])

    assert answer.status == 415
    assert target.sandbox.calls == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
async def test_unsupported_method_cannot_write(target, method):
    target.sandbox.reset_calls()
    answer = await target.request(method, f"/graphql?query={quote(json.loads(WRITE)['query'])}", WRITE.encode())

    assert answer.status == 405
    assert target.sandbox.calls == []


@pytest.mark.parametrize(
    "path",
    [
        "/graphql/",
        "//graphql",
        "/graphql/../graphql",
        "/%67raphql%00",
        "/GraphQL",
        "/graphql;a=b",
        "/.git/config",
        "/explorer/../../settings.py",
        "/explorer/..%2f..%2fsettings.py",
        "/",
        "/docs",
        "/metrics/",
        "/__sandbox__/calls",
    ],
)
async def test_unknown_path_serves_nothing(target, path):
    answer = await target.raw(raw_request("GET", path, host=f"127.0.0.1:{target.port}"))

    assert answer.split(b" ")[1] in (b"404", b"400")
    assert b"data" not in answer
