"""Any request body is answered with JSON and without a 5xx."""

import json
import socket
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from graphql_server import Server
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect
from starlette.types import Message

from gateway.http.parameters import read_body

JSON = {"content-type": "application/json"}


def test_reserved_members_and_nulls_are_ignored(client: httpx.Client) -> None:
    body = {"query": "{ hello }", "variables": None, "operationName": None, "extensions": None, "id": 1}
    assert client.post("/graphql", json=body).json() == {"data": {"hello": "hello world"}}


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
    head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 20001\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head)
        status, headers, body = _read_to_the_end(connection)
    assert status == 413
    assert b"connection: close" in headers
    assert json.loads(body)["errors"][0]["extensions"] == {
        "code": "QUERY_TOO_COMPLEX",
        "limit": "bytes",
        "bound": 20000,
        "requested": None,
        "messageZh": "请求超过 20000 字节",
        "requestId": json.loads(body)["errors"][0]["extensions"]["requestId"],
    }


def test_oversized_chunked_body_is_refused_while_read(server: Server) -> None:
    """Chunked, and never ended: the answer comes when the limit is passed."""
    head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head + b"4e21\r\n" + b" " * 20_001 + b"\r\n")
        status, _, _ = _read_to_the_end(connection)
    assert status == 413


def test_oversized_body_in_one_piece_is_refused(server: Server) -> None:
    """With the head, in one piece: what makes it large is the document, which has no bound in bytes of its own."""
    body = b'{"query": "{ hello } #%b"}' % (b"x" * 20_000)
    head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head % len(body) + body)
        status, _, answer = _read_to_the_end(connection)
    assert status == 413
    assert json.loads(answer)["errors"][0]["extensions"]["limit"] == "bytes"


async def test_partial_body_raises_client_disconnect() -> None:
    messages: Iterator[Message] = iter(
        [{"type": "http.request", "body": b"{}", "more_body": True}, {"type": "http.disconnect"}],
    )

    async def receive() -> Message:
        return next(messages)

    with pytest.raises(ClientDisconnect):
        await read_body(receive, None, 1000)


def test_body_may_come_in_pieces(server: Server) -> None:
    body = '{"query": "{ hello(name: \\"门\\") }"}'.encode()
    head = b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head + b"transfer-encoding: chunked\r\n\r\n")
        for byte in body:
            connection.sendall(b"1\r\n" + bytes([byte]) + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        status, _, answer = _read_to_the_end(connection)
    assert (status, json.loads(answer)) == (200, {"data": {"hello": "hello 门"}})


def _read_to_the_end(connection: socket.socket) -> tuple[int, bytes, bytes]:
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
_bodies = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    _json_values.map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {"query": st.text(alphabet="{}()[]!$@:=|&.#\"' \nabQ1é", max_size=60) | _json_values},
        optional={"variables": _json_values, "operationName": _json_values, "extensions": _json_values},
    ).map(lambda value: json.dumps(value).encode()),
)


@given(body=_bodies, accept=st.sampled_from(["application/graphql-response+json", "application/json"]))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_body_is_answered_with_json(client: httpx.Client, body: bytes, accept: str) -> None:
    response = client.post("/graphql", content=body, headers={**JSON, "accept": accept})
    assert response.status_code in (200, 400)
    answer = response.json()
    assert "data" in answer or all(error["extensions"]["code"] for error in answer["errors"])


@given(query_string=st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=100))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_query_string_is_answered_with_json(client: httpx.Client, query_string: str) -> None:
    response = client.get("/graphql?query=" + quote(query_string, safe="&=%+"))
    assert response.status_code in (200, 400)
    assert response.json()
