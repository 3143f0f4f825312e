"""The write coalescing buffer: the answers of one event loop turn are written together, in order."""

import asyncio
import sys
from typing import Any

import pytest
import uvicorn
from raw_http import answer
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from gateway.commands.serve import server_options
from gateway.http.server.write_buffer import MOST_WAITING
from gateway.settings import Settings

TURNS = 20

WHOLE = b"POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n%b"
LAST_WHOLE = WHOLE.replace(b"host: a", b"host: a\r\nconnection: close")
STREAM = b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n"

at_once_only = pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks cannot begin at once")


class Application:
    """Answers a whole request with its body, once it may; what it does is in its log."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/stream":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"part", "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        body = (await receive())["body"]
        await self.may_answer.wait()
        self.log.append(f"made {body.decode()}")
        await answer(send, 200, body)


class Wire(asyncio.Transport):
    """Logs what is written, by the last line of it."""

    def __init__(self, log: list[str]) -> None:
        super().__init__()
        self._log = log
        self._is_closing = False

    def write(self, data: Any) -> None:
        assert not self._is_closing
        streamed = {b"4\r\npart\r\n": "part", b"0\r\n\r\n": "end"}
        body = streamed.get(data) or data.split(b"\r\n")[-1].decode() or "head"
        self._log.append(f"wrote {body}")

    def close(self) -> None:
        self._is_closing = True
        self._log.append("closed")

    def is_closing(self) -> bool:
        return self._is_closing

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Server:
    """Connections without sockets."""

    def __init__(self) -> None:
        self.app = Application()
        self._config = uvicorn.Config(self.app, **server_options(Settings()) | {"ws": "none"})
        self._config.load()
        self._state = ServerState()

    def connect(self) -> Any:
        protocol: Any = self._config.http_protocol_class
        connection = protocol(config=self._config, server_state=self._state, app_state={})
        connection.connection_made(Wire(self.app.log))
        return connection

    async def settle(self) -> list[str]:
        """What was done until nothing is left to do."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        assert not self._state.tasks
        return self.app.log


@pytest.fixture
async def server() -> Server:
    return Server()


async def ask_at_once(server: Server, count: int) -> list[Any]:
    """So many callers have asked, each on a connection, and all may be answered in the next turn."""
    connections = [server.connect() for _ in range(count)]
    for number, connection in enumerate(connections):
        connection.data_received(WHOLE % str(number).encode())
    for _ in range(TURNS):
        await asyncio.sleep(0)
    server.app.may_answer.set()
    return connections


async def test_answers_of_one_turn_are_written_together(server):
    await ask_at_once(server, 3)
    assert await server.settle() == ["made 0", "made 1", "made 2", "wrote 0", "wrote 1", "wrote 2"]


async def test_answer_waits_for_few_others(server):
    await ask_at_once(server, MOST_WAITING + 1)
    first = range(MOST_WAITING)
    assert await server.settle() == [
        *(f"made {number}" for number in first),
        *(f"wrote {number}" for number in first),
        f"made {MOST_WAITING}",
        f"wrote {MOST_WAITING}",
    ]


async def test_closing_connection_is_skipped(server):
    _, gone, _ = await ask_at_once(server, 3)
    gone._transport.close()
    assert [line for line in await server.settle() if line.startswith("wrote")] == ["wrote 0", "wrote 2"]


async def test_connection_closes_after_last_answer(server):
    server.app.may_answer.set()
    server.connect().data_received(LAST_WHOLE % b"0")
    assert await server.settle() == ["made 0", "wrote 0", "closed"]


@at_once_only
async def test_stream_does_not_overtake_waiting_answers(server):
    server.app.may_answer.set()
    connection = server.connect()
    connection.data_received(WHOLE % b"0")
    connection.data_received(STREAM)
    connection.data_received(WHOLE % b"1")
    assert await server.settle() == [
        "made 0",
        "wrote 0",
        "wrote head",
        "wrote part",
        "wrote end",
        "made 1",
        "wrote 1",
    ]
