"""Raw sockets: request smuggling, slow clients and floods of connections."""

import asyncio
import socket
import time

import pytest
from wire import raw_request

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUERY = b'{"query":"{ viewer { subject } }"}'
SMUGGLED = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
STALLED = 200
SLACK = 3.0
"""Seconds that the end of a deadline may be late by: it is looked for now and then, on a machine with other work."""


def head(*lines: str) -> bytes:
    return "\r\n".join(["POST /graphql HTTP/1.1", "host: 127.0.0.1", *lines, "", ""]).encode("latin-1")


def with_token(data: bytes, token: str) -> bytes:
    """The head of a request with a good token besides, unless it has one already."""
    if b"authorization" in data:
        return data
    return data.replace(b"content-type", f"authorization: Bearer {token}\r\ncontent-type".encode(), 1)


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)


JSON = "content-type: application/json"
CHUNKED = "transfer-encoding: chunked"

AMBIGUOUS: dict[str, bytes] = {
    "has a length and chunks": head(JSON, f"content-length: {len(QUERY)}", CHUNKED) + b"0\r\n\r\n" + SMUGGLED,
    "has chunks and a length": head(JSON, CHUNKED, "content-length: 4") + b"0\r\n\r\n" + SMUGGLED,
    "has two lengths": head(JSON, "content-length: 4", f"content-length: {len(SMUGGLED)}") + SMUGGLED,
    "has two lengths in one line": head(JSON, "content-length: 4, 44") + SMUGGLED,
    "has a length below nothing": head(JSON, "content-length: -1") + SMUGGLED,
    "has a length with a sign": head(JSON, "content-length: +4") + SMUGGLED,
    "has a length in hexadecimal": head(JSON, "content-length: 0x4") + SMUGGLED,
    "has a length of twenty-five digits": head(JSON, f"content-length: {'9' * 25}") + SMUGGLED,
    "has a length with a blank in it": head(JSON, "content-length: 4 4") + SMUGGLED,
    "has a blank before the colon": head(JSON, "content-length : 4") + SMUGGLED,
    "has a tab before the colon": head(JSON, "transfer-encoding\t: chunked") + SMUGGLED,
    "has chunked twice": head(JSON, CHUNKED, CHUNKED) + b"0\r\n\r\n" + SMUGGLED,
    "has chunked and something after it": head(JSON, "transfer-encoding: chunked, identity") + SMUGGLED,
    "has something and chunked after it": head(JSON, "transfer-encoding: gzip, chunked") + b"0\r\n\r\n" + SMUGGLED,
    "has chunked misspelt": head(JSON, "transfer-encoding: xchunked") + SMUGGLED,
    "has chunked after a vertical tab": head(JSON, "transfer-encoding: \x0bchunked") + SMUGGLED,
    "has chunked on a folded line": head(JSON, "transfer-encoding:\r\n chunked") + b"0\r\n\r\n" + SMUGGLED,
    "has a header on a folded line": head(JSON, "x-a: b", " content-length: 4") + SMUGGLED,
    "has a header without a name": head(JSON, ": chunked") + SMUGGLED,
    "has a header without a colon": head(JSON, "content-length") + SMUGGLED,
    "has a NUL in a header": head(JSON, "x-a: b\0c") + SMUGGLED,
    "has a bare return in a header": head(JSON, "x-a: b\rcontent-length: 4") + SMUGGLED,
    "has chunks of a size that is none": head(JSON, CHUNKED) + b"xyz\r\n" + SMUGGLED,
    "has chunks of a size below nothing": head(JSON, CHUNKED) + b"-1\r\n" + SMUGGLED,
    "has chunks of a size in sixteen digits and more": head(JSON, CHUNKED) + b"f" * 20 + b"\r\n" + SMUGGLED,
    "has a chunk longer than it says": head(JSON, CHUNKED) + b"3\r\n" + QUERY + b"\r\n0\r\n\r\n" + SMUGGLED,
    "has chunks for a client of HTTP/1.0": head(JSON, CHUNKED).replace(b"/1.1", b"/1.0") + b"0\r\n\r\n" + SMUGGLED,
    "has no host": raw_request("GET", "/healthz"),
    "has two hosts": raw_request("GET", "/healthz", host="127.0.0.1\r\nhost: evil.example"),
    "has one host in its address and one beside it": raw_request(
        "GET", "http://evil.example/healthz", host="127.0.0.1"
    ),
    "has two tokens": head(JSON, "authorization: Bearer a", "authorization: Bearer b", "content-length: 0"),
    "has a blank in its address": raw_request("GET", "/health z", host="127.0.0.1"),
    "has a line break in its address": raw_request("GET", "/healthz\r\nx: y", host="127.0.0.1").replace(
        b" HTTP", b"", 1
    ),
    "has bytes beyond ASCII in its address": raw_request("GET", "/h\xe9althz", host="127.0.0.1"),
    "has a method that is none": raw_request("G@T", "/healthz", host="127.0.0.1"),
    "is of HTTP/0.9": b"GET /healthz\r\n\r\n",
    "is of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "is of HTTP/9.9": raw_request("GET", "/healthz", host="127.0.0.1").replace(b"1.1", b"9.9"),
    "is a greeting of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "is a request to connect to another host": b"CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n",
    "is all NULs": bytes(1000),
    "is a line without an end": b"GET " + b"a" * 100_000,
    "has a header without an end": b"GET / HTTP/1.1\r\nx-a: " + b"a" * 200_000,
    "has a thousand headers": head(JSON, *(f"x-{n}: a" for n in range(1000))),
    "has a header of sixty thousand letters": head(JSON, f"x-a: {'a' * 60_000}"),
    "has an address of twenty thousand letters": raw_request("GET", f"/graphql?query={'a' * 20_000}", host="127.0.0.1"),
    "has endless extensions of chunks": head(JSON, CHUNKED) + b"1;" + b"a" * 200_000,
    "has endless trailers": head(JSON, CHUNKED) + b"0\r\n" + b"x-a: b\r\n" * 20_000,
    "has a body of chunks of one byte beyond all bounds": head(JSON, CHUNKED) + b"1\r\na\r\n" * 300_000,
}
"""What is wrong with the request. Its end is a request for /healthz, which must not be answered."""


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_ambiguous_request_is_refused_and_closes(target, bystanders, name):
    async def attack():
        said = await target.raw(with_token(AMBIGUOUS[name], target.token))

        statuses = [line.split(b" ")[1] for line in said.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        assert len(statuses) <= 1
        assert all(status.startswith(b"4") or status == b"505" for status in statuses), said

    await bystanders.unharmed_by(attack, memory=16 * 1024 * 1024)


async def test_flood_of_pipelined_requests_is_bounded(target, bystanders):
    """Pipelined: the client reads no answer before everything is sent."""
    request = head(JSON, f"authorization: Bearer {target.token}", f"content-length: {len(QUERY)}") + QUERY

    async def attack():
        said = await target.raw(request * 2000, close=True)
        assert said.count(b"HTTP/1.1 200") <= 64
        assert b"HTTP/1.1 500" not in said

    await bystanders.unharmed_by(attack, memory=32 * 1024 * 1024)


SLOW = {
    "sends nothing": [b""],
    "sends headers byte by byte": [bytes([byte]) for byte in head(JSON, "content-length: 34")[:-1]],
    "sends a header a line at a time": [b"GET / HTTP/1.1\r\n", *(b"x-%d: a\r\n" % n for n in range(50))],
    "sends half of the headers": [head(JSON)[:-2]],
    "sends no body": [head(JSON, "content-length: 34")],
    "sends a body byte by byte": [head(JSON, "content-length: 34"), *(bytes([byte]) for byte in QUERY[:-1])],
    "sends chunks byte by byte": [head(JSON, CHUNKED), *([chunked(b" ")] * 100)],
    "sends no end to its chunks": [head(JSON, CHUNKED), chunked(QUERY)],
}
"""What each of the two hundred does; between two pieces they wait."""

PAUSE = 0.05


async def stall(target, pieces: list[bytes]) -> float:
    """How long the gateway has patience with it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    begun = time.monotonic()

    async def send() -> None:
        for piece in pieces:
            writer.write(with_token(piece, target.token))
            await asyncio.sleep(PAUSE)

    sending = asyncio.create_task(send())
    try:
        said = await reader.read()
    except ConnectionError:
        said = b""
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()
    assert said == b"" or said.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 401 "))
    return time.monotonic() - begun


async def test_slow_clients_are_disconnected_in_time(target, bystanders):
    longest = 0.0

    async def attack():
        nonlocal longest
        kinds = [pieces for pieces in SLOW.values() for _ in range(STALLED // len(SLOW))]
        longest = max(await asyncio.gather(*(stall(target, pieces) for pieces in kinds)))

    await bystanders.unharmed_by(attack, memory=32 * 1024 * 1024)
    assert longest < 1.0 + SLACK


async def test_client_reading_no_answers_is_disconnected(target, bystanders):
    """It asks for large answers, one after the other, and takes none."""
    query = b'{"query":"{ dictionaries { name title entries { value label code note } } }"}'
    lines = (JSON, f"authorization: Bearer {target.token}", f"content-length: {len(query)}")

    async def attack():
        clients = []
        for _ in range(20):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", target.port))
            clients.append(client)
        begun = time.monotonic()
        await asyncio.gather(*(flood(client, (head(*lines) + query) * 16) for client in clients))
        assert time.monotonic() - begun < 2 * (1.0 + SLACK)

    await bystanders.unharmed_by(attack, memory=64 * 1024 * 1024)


async def flood(client: socket.socket, requests: bytes) -> None:
    """Send until the gateway has had enough."""
    loop = asyncio.get_running_loop()
    try:
        while True:
            async with asyncio.timeout(10):
                await loop.sock_sendall(client, requests)
                await asyncio.sleep(0.05)
    except ConnectionError:
        pass
    finally:
        client.close()


async def test_thousand_short_connections_leave_nothing(target, bystanders):
    async def attack():
        for _ in range(10):
            await asyncio.gather(*(target.raw(b"", close=True) for _ in range(100)))

    await bystanders.unharmed_by(attack, memory=32 * 1024 * 1024)


async def test_clients_leaving_mid_request_leave_nothing(target, bystanders):
    whole = head(JSON, f"authorization: Bearer {target.token}", f"content-length: {len(QUERY)}") + QUERY

    async def attack():
        for length in range(0, len(whole), 7):
            _, writer = await asyncio.open_connection("127.0.0.1", target.port)
            writer.write(whole[:length])
            await writer.drain()
            writer.transport.abort()

    await bystanders.unharmed_by(attack)
    assert (await target.query("{ viewer { subject } }")).status == 200
