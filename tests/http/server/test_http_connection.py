"""HTTP/1.1 as the server speaks it: bytes in, bytes out, on real sockets."""

import asyncio

from raw_http import GET, HOST, WAITS, Echo, get, serving
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from waiting import until

from gateway.http.server.bounds import LONGEST_HEAD, LONGEST_URL, MOST_HEADERS
from gateway.http.server.connection import MOST_FRAMING, MOST_PIPELINED
from gateway.settings import Settings
from gateway.wording.codes import ErrorCode


def post(body: bytes, *headers: bytes, path: bytes = b"/one") -> bytes:
    return b"POST %b HTTP/1.1\r\n%b%bContent-Length: %d\r\n\r\n%b" % (path, HOST, b"".join(headers), len(body), body)


def raw(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST /one HTTP/1.1\r\n%b%b\r\n%b" % (HOST, headers, body)


def chunked(body: bytes, path: bytes = b"/one", trailers: bytes = b"") -> bytes:
    head = b"POST %b HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\n" % (path, HOST)
    return head + body + b"0\r\n" + trailers + b"\r\n"


async def test_request_is_passed_unchanged_to_application(connection):
    response = await connection.ask(post(b"body", b"X-Name: Value\r\n", path=b"/a%20b?c=%20d"))

    assert response.status == 200
    assert "connection" not in response.headers
    assert "date" in response.headers
    assert "server" not in response.headers
    assert response.json == {
        "method": "POST",
        "path": "/a b",
        "query": "c=%20d",
        "version": "1.1",
        "headers": {"host": "gateway.example", "x-name": "Value", "content-length": "4"},
        "length": 4,
        "body": "body",
    }


async def test_pipelined_requests_are_answered_in_order(connection):
    await connection.send(post(b"1", path=b"/a") + chunked(b"1\r\n2\r\n", path=b"/b") + post(b"3", path=b"/c") + GET)

    answers = [(await connection.response()).json for _ in range(4)]
    assert [(each["path"], each["body"]) for each in answers] == [("/a", "1"), ("/b", "2"), ("/c", "3"), ("/one", "")]


async def test_request_state_does_not_leak_into_the_next(connection, server):
    await connection.send(2 * get(b"/named"))
    assert [(await connection.response()).body for _ in range(2)] == [b"nobody", b"nobody"]


async def test_pipelining_limit_closes_connection(connection, server):
    await connection.send(WAITS + GET * (MOST_PIPELINED + 5))
    server.app.may_answer.set()

    assert (await connection.response()).body == b"at last"
    for _ in range(MOST_PIPELINED):
        assert (await connection.response()).status == 200
    refused = await connection.response()
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (429, "RATE_LIMITED", "1")
    assert await connection.closed()
    assert len(server.app.asked) == MOST_PIPELINED + 1


async def test_application_reads_large_body_at_its_own_pace(connection, server):
    body = b"x" * (20 * HIGH_WATER_LIMIT)
    assert (await connection.ask(post(body))).json["length"] == len(body)
    assert (await connection.ask(post(body))).json["length"] == len(body)

    waits = post(body, path=b"/waits")
    sending = asyncio.create_task(connection.send(waits))
    [http] = server.uvicorn.server_state.connections
    await until(lambda: not http.transport.is_reading())
    server.app.may_answer.set()
    answer = await connection.response()
    assert answer.headers["connection"] == "close"  # the rest of the body is not worth reading
    sending.cancel()


async def test_http_1_0_client_gets_no_chunks_or_second_answer(server):
    async with server.connect() as connection:
        response = await connection.ask(b"GET /chunks HTTP/1.0\r\n\r\n")
        assert "transfer-encoding" not in response.headers
        assert response.body == b"onetwothree"
    async with server.connect() as connection:
        response = await connection.ask(b"GET /one HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert response.json["version"] == "1.0"
        assert response.headers["connection"] == "close"
        assert await connection.closed()


async def test_expect_100_continue_is_answered_or_refused(connection):
    head = raw(b"Content-Length: 4\r\nExpect: 100-continue\r\n")
    assert (await connection.ask(head)).status == 100
    assert (await connection.ask(b"body")).json["body"] == "body"

    assert (await connection.ask(head + b"body")).json["body"] == "body"

    response = await connection.ask(head.replace(b"/one", b"/early").replace(b"Length: 4", b"Length: 400000"))
    assert (response.status, response.headers["connection"]) == (401, "close")
    assert await connection.closed()


async def test_client_still_sending_can_read_the_answer(connection):
    await connection.send(post(b"x" * 100, path=b"/early")[:-50])
    response = await connection.response()
    assert (response.status, response.headers["connection"], response.body) == (401, "close", b"no")
    await connection.send(b"x" * 1_000_000)  # taken, and thrown away
    assert await connection.reader.read() == b""


async def test_connection_close_request_closes_connection(connection, server):
    await connection.send(get(b"/one", b"Connection: close\r\n") + GET)
    assert (await connection.response()).headers["connection"] == "close"
    assert await connection.closed()
    assert len(server.app.asked) == 1


async def test_trailers_are_not_headers(connection):
    response = await connection.ask(chunked(b"4\r\nbody\r\n", trailers=b"Authorization: Bearer x\r\n"))
    assert response.json["headers"].keys() == {"host", "transfer-encoding"}
    assert (await connection.ask(GET)).status == 200


async def test_absolute_request_target_is_accepted(connection):
    response = await connection.ask(get(b"http://gateway.example/one?two"))
    assert (response.json["path"], response.json["query"]) == ("/one", "two")

    response = await connection.ask(b"GET http://gateway.example:8000 HTTP/1.1\r\nHost: gateway.example:8000\r\n\r\n")
    assert (response.json["path"], response.json["query"]) == ("/", "")


async def test_malformed_body_ends_a_started_answer(connection, server):
    head = b"POST /events HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    await connection.send(head)
    assert (await connection.head())[0] == 200
    await connection.send(b"no size\r\n")
    assert await connection.closed()
    assert server.app.left.is_set()


MALFORMED = {
    "no request at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an unknown method": GET.replace(b"GET", b"BREW"),
    "no host": GET.replace(HOST, b""),
    "two hosts": get(b"/one", b"Host: other.example\r\n"),
    "another host in the address": get(b"http://other.example/one"),
    "two tokens": get(b"/one", b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"),
    "two content types": post(b"", b"Content-Type: text/plain\r\nContent-Type: application/json\r\n"),
    "bytes beyond ASCII in the address": get(b"/one?\xc3\xa4"),
    "NUL in the address": get(b"/o\0ne"),
    "NUL in a header": get(b"/one", b"X: a\0b\r\n"),
    "NUL in a header's name": get(b"/one", b"X\0: b\r\n"),
    "a folded header": get(b"/one", b"X: a\r\n b\r\n"),
    "a carriage return in a header": get(b"/one", b"X: a\rb\r\n"),
    "lines that end in LF": GET.replace(b"\r", b""),
    "no name before the colon": raw(b": chunked\r\n", b"body"),
    "a header without a colon": raw(b"Content-Length\r\n", b"body"),
    "a tab before the colon": raw(b"Transfer-Encoding\t: chunked\r\n", b"0\r\n\r\n"),
    "chunked after a vertical tab": raw(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
    "a length with a blank in it": raw(b"Content-Length: 4 4\r\n", b"body"),
    "a length below nothing": raw(b"Content-Length: -1\r\n", b"body"),
    "a blank in the address": get(b"/o ne"),
    "all NULs": bytes(1000),
    "a blank before the colon": raw(b"Content-Length : 4\r\n", b"body"),
    "a length and chunks": raw(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "chunks and a length": raw(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"0\r\n\r\n"),
    "two lengths": post(b"body", b"Content-Length: 3\r\n"),
    "the same length twice": post(b"body", b"Content-Length: 4\r\n"),
    "a list of lengths": raw(b"Content-Length: 4, 4\r\n", b"body"),
    "a signed length": raw(b"Content-Length: +4\r\n", b"body"),
    "a hexadecimal length": raw(b"Content-Length: 0x4\r\n", b"body"),
    "an endless length": raw(b"Content-Length: 99999999999999999999\r\n", b"body"),
    "a coding besides chunked": raw(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    "chunked twice": raw(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"),
    "chunked and then another": raw(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
    "almost chunked": raw(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    "chunks in HTTP/1.0": b"POST /one HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk size that is no number": chunked(b"zz\r\nbody\r\n"),
    "a signed chunk size": chunked(b"-4\r\nbody\r\n"),
    "a chunk size with a prefix": chunked(b"0x4\r\nbody\r\n"),
    "an endless chunk size": chunked(b"fffffffffffffffff\r\nbody\r\n"),
    "a chunk that is longer than its size": chunked(b"3\r\nbody\r\n"),
    "chunk lines that end in LF": chunked(b"4\nbody\n"),
    "an extension that ends in LF": chunked(b"4;a\nbody\r\n"),
}


async def test_ambiguous_request_is_refused_and_closes(server, subtests):
    for name, data in MALFORMED.items():
        with subtests.test(name):
            async with server.connect() as connection:
                await connection.send(data + GET)
                response = await connection.response()
                assert (response.status, response.code) == (400, "BAD_USER_INPUT")
                assert response.headers["connection"] == "close"
                assert await connection.closed()
    assert set(server.app.asked) <= {"/one"}  # one whose chunks turn out wrong has begun, and gets no body to its end


REFUSED = {
    "an address too long": (414, get(b"/" + b"a" * LONGEST_URL)),
    "an address that does not end": (414, b"GET /" + b"a" * 10 * LONGEST_URL),
    "too many headers": (431, get(b"/", b"a: b\r\n" * MOST_HEADERS)),
    "a header too long": (431, get(b"/", b"a: " + b"b" * LONGEST_HEAD + b"\r\n")),
    "a header that does not end": (431, b"GET / HTTP/1.1\r\n" + HOST + b"a: " + b"b" * 4 * MOST_FRAMING),
    "blank lines that do not end": (431, b"\r\n" * 2 * MOST_FRAMING),
    "trailers that do not end": (431, chunked(b"4\r\nbody\r\n")[:-2] + b"a: b\r\n" * MOST_FRAMING),
    "an extension that does not end": (431, chunked(b"4;")[:-5] + b"a" * 4 * MOST_FRAMING),
    "nothing but chunk sizes": (431, chunked(b"1\r\nx\r\n" * MOST_FRAMING)),
    "another HTTP": (505, GET.replace(b"1.1", b"2.0")),
    "a proxy's work": (405, b"CONNECT gateway.example:443 HTTP/1.1\r\n" + HOST + b"\r\n"),
}


async def test_out_of_bounds_request_is_refused_and_closes(server, subtests):
    for name, (status, data) in REFUSED.items():
        with subtests.test(name):
            async with server.connect() as connection:
                sending = asyncio.create_task(connection.send(data))
                response = await connection.response()
                assert response.status == status, response
                assert response.json["errors"][0]["extensions"]["messageZh"] == ErrorCode(response.code).label
                assert response.headers["connection"] == "close"
                assert await connection.closed()
                sending.cancel()


async def test_failing_application_is_answered_with_500(server, caplog):
    for path in (b"/breaks", b"/nothing", b"/injects"):
        async with server.connect() as connection:
            response = await connection.ask(get(path))
            assert (response.status, response.code) == (500, "INTERNAL")
            assert b"not for callers" not in response.body
            assert "set-cookie" not in response.headers
            assert await connection.closed()


async def test_aborted_answer_is_visibly_incomplete(connection):
    await connection.send(get(b"/breaks-later"))
    status, headers = await connection.head()
    assert (status, headers["content-length"]) == (200, "9")
    assert await connection.reader.read() == b"half"


async def test_connections_beyond_the_limit_are_answered_503():
    async with serving(Echo(), Settings(max_connections=2)) as server:
        async with server.connect() as first, server.connect() as second:
            assert (await first.ask(GET)).status == 200
            assert (await second.ask(GET)).status == 200
            async with server.connect() as third, server.connect() as fourth, server.connect() as fifth:
                for surplus in (third, fourth):
                    refused = await surplus.ask(GET)
                    assert (refused.status, refused.code, refused.headers["retry-after"]) == (503, "RATE_LIMITED", "1")
                    assert await surplus.closed()
                assert await fifth.closed()  # a flood of them is not answered any more
            assert (await first.ask(GET)).status == 200
        await until(lambda: server.connections == 0)
        async with server.connect() as sixth:
            assert (await sixth.ask(GET)).status == 200
