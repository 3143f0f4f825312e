"""Any bytes, in any pieces: the server answers what is HTTP, refuses what is not, and never breaks."""

import asyncio
from itertools import pairwise
from typing import Any

import httptools
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_http import GET, HOST, Echo, get
from uvicorn.server import ServerState

from gateway.commands.serve import server_options
from gateway.settings import Settings

REQUESTS = [
    get(b"/one?a=b"),
    b"POST /two HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\n\r\nbody",
    b"POST /two HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nbod\r\n1\r\ny\r\n0\r\nA: b\r\n\r\n",
    b"POST /two HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\nbody",
    get(b"/chunks"),
    get(b"http://gateway.example/one"),
]
LAST = {
    b"GET /one HTTP/1.0\r\n\r\n": 200,
    get(b"/one", b"Connection: close\r\n"): 200,
    GET.replace(HOST, b""): 400,
    b"POST /early HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\nbody": 401,
    get(b"/breaks"): 500,
    b"nonsense\r\n": 400,
}
"""Requests that end the connection, and how they are answered."""

several = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = False

    def write(self, data: Any) -> None:
        assert not self.ended
        self.written += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    close = abort = write_eof

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


class Answers:
    """What a client makes of the bytes: the statuses. Raises HttpParserError."""

    def __init__(self, written: bytes) -> None:
        self.statuses: list[int] = []
        self._parser = httptools.HttpResponseParser(self)
        self._parser.feed_data(written)

    def on_message_complete(self) -> None:
        self.statuses.append(self._parser.get_status_code())


TURNS = 150
"""Of the loop: more than these few requests need, none of which waits for anything."""


async def exchange(pieces: list[bytes]) -> Wire:
    """What a server of its own says to these."""
    config = uvicorn.Config(Echo(), **server_options(Settings()) | {"ws": "none"})
    config.load()
    state = ServerState()
    wire = Wire()
    protocol: Any = config.http_protocol_class
    connection = protocol(config=config, server_state=state, app_state={})
    connection.connection_made(wire)
    for piece in pieces:
        connection.data_received(piece)
    for _ in range(TURNS):
        await asyncio.sleep(0)
    connection.connection_lost(ConnectionResetError())
    for _ in range(TURNS):
        await asyncio.sleep(0)
    assert not state.tasks
    assert not state.connections
    return wire


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(ends)]


places = st.lists(st.integers(0, 10_000), max_size=8)


@several
@given(st.lists(st.sampled_from(REQUESTS), max_size=6), st.none() | st.sampled_from(list(LAST)), places)
async def test_fragmented_requests_get_the_same_answers(requests, last, places):
    data = b"".join(requests) + (last or b"")
    whole = await exchange([data])
    in_pieces = await exchange(cut(data, places))

    expected = [200] * len(requests) + ([LAST[last]] if last else [])
    assert Answers(whole.written).statuses == Answers(in_pieces.written).statuses == expected
    assert whole.ended is in_pieces.ended is (last is not None)


@several
@given(st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=4), st.data())
async def test_changed_bytes_never_break_the_connection(requests, draw):
    data = bytearray(b"".join(requests))
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(0, len(data) - 1))
        data[place : place + draw.draw(st.integers(0, 2))] = draw.draw(st.binary(max_size=3))
    wire = await exchange(cut(bytes(data), draw.draw(places)))

    statuses = Answers(wire.written).statuses
    assert set(statuses) <= {200, 400, 405, 431, 505}
    assert set(statuses[:-1]) <= {200}  # a refusal is the last word


@several
@given(st.lists(st.binary(max_size=300), max_size=4))
async def test_arbitrary_bytes_never_break_the_connection(pieces):
    wire = await exchange(pieces)
    assert set(Answers(wire.written).statuses) <= {400, 431, 505}
