"""Any request body is answered with JSON and without a 5xx."""

import json
import socket
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from graphql_server import Server
from starlette.requests import ClientDisconnect
from starlette.types import Message

from gateway.http.request import read_body


def test_reserved_members_and_nulls_are_ignored(client: httpx.Client) -> None:
    body = {"query": "{ hello }", "variables": None, "operationName": None, "extensions": None, "id": 1}
    assert client.post("/graphql", json=body).json() == {"data": {"hello": "hello world"}}


HEAD = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


def exchange(server: Server, *pieces: bytes) -> tuple[int, bytes, bytes]:
    """Status, head and body of the answer to a request of these pieces, after which the server closes."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        while chunk := connection.recv(65536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


BAD_QUERY_STRINGS = {
    "empty": "",
    "no query": "variables={}",
    "variables not JSON": "query={hello}&variables=nonsense",
    "variables array": "query={hello}&variables=[]",
    "query twice": "query={hello}&query={fails}",
    "bad UTF-8": "query=%FF",
    "many fields": "query={hello}&" + "&".join(f"a{number}=1" for number in range(100)),
}


@pytest.mark.parametrize("query_string", BAD_QUERY_STRINGS.values(), ids=BAD_QUERY_STRINGS.keys())
def test_query_string_that_is_not_well_formed_is_400(client: httpx.Client, query_string: str) -> None:
    response = client.get(f"/graphql?{query_string}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_long_query_string_is_414(client: httpx.Client) -> None:
    response = client.get(f"/graphql?query={quote('{hello} #' + 'x' * 20_000)}")
    assert (response.status_code, response.json()["errors"][0]["extensions"]["limit"]) == (414, "bytes")


def test_oversized_content_length_is_refused_unread(server: Server) -> None:
    """Only the headers are ever sent: the answer cannot have waited for the body."""
    status, headers, body = exchange(server, HEAD + b"content-length: 20001\r\n\r\n")
    assert status == 413
    assert b"connection: close" in headers
    [error] = json.loads(body)["errors"]
    assert error["extensions"].pop("requestId")
    assert error["extensions"] == {
        "code": "QUERY_TOO_COMPLEX",
        "limit": "bytes",
        "bound": 20000,
        "requested": None,
        "messageZh": "请求超过 20000 字节",
    }


def test_oversized_body_is_refused_while_read(server: Server) -> None:
    """Chunked, and never ended; or with the head, in one piece: a document has no bound in bytes of its own."""
    endless = b"transfer-encoding: chunked\r\n\r\n4e21\r\n" + b" " * 20_001 + b"\r\n"
    body = b'{"query": "{ hello } #%b"}' % (b"x" * 20_000)
    for rest in (endless, b"content-length: %d\r\n\r\n%b" % (len(body), body)):
        status, _, answer = exchange(server, HEAD + rest)
        assert (status, json.loads(answer)["errors"][0]["extensions"]["limit"]) == (413, "bytes")


async def test_partial_body_raises_client_disconnect() -> None:
    messages: Iterator[Message] = iter(
        [{"type": "http.request", "body": b"{}", "more_body": True}, {"type": "http.disconnect"}],
    )

    async def receive() -> Message:
        return next(messages)

    with pytest.raises(ClientDisconnect):
        await read_body(receive, 0, 1000)


def test_body_may_come_in_pieces(server: Server) -> None:
    body = '{"query": "{ hello(name: \\"门\\") }"}'.encode()
    head = HEAD + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    status, _, answer = exchange(server, head, *(b"1\r\n%c\r\n" % byte for byte in body), b"0\r\n\r\n")
    assert (status, json.loads(answer)) == (200, {"data": {"hello": "hello 门"}})
