"""An application behind the gateway's own HTTP server, and a client that sends exactly the bytes it is given."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from waiting import until

from gateway.commands.serve import EmbeddedServer, server_options
from gateway.http.server.bounds import ServerLimits
from gateway.settings import Settings

PATIENCE = 60.0

FLOOD = 300

HOST = b"Host: gateway.example\r\n"

NAME = ContextVar("NAME", default="nobody")


def get(path: bytes, *headers: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\n%b%b\r\n" % (path, HOST, b"".join(headers))


GET, WAITS = get(b"/one"), get(b"/waits")

UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
KEY = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
HANDSHAKE = GET[:-2] + UPGRADE + KEY
"""Without the line that ends it."""


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        [error] = self.json["errors"]
        assert error["extensions"]["requestId"] == self.headers["x-request-id"]
        return str(error["extensions"]["code"])


class Connection:
    """Reads answers one by one; what is not well-formed in them fails the test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        assert len(headers) == len(lines), "a header is there twice"
        return int(status.split()[1]), headers

    async def response(self) -> Response:
        status, headers = await self.head()
        async with asyncio.timeout(PATIENCE):
            if status in (100, 204, 304):
                body = b""
            elif "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
            elif headers.get("transfer-encoding") == "chunked":
                body = b"".join([chunk async for chunk in self.chunks()])
            else:
                assert headers["connection"] == "close"
                body = await self.reader.read()
        return Response(status, headers, body)

    async def chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]
        assert await self.reader.readexactly(2) == b"\r\n"

    async def ask(self, data: bytes) -> Response:
        await self.send(data)
        return await self.response()

    async def closed(self) -> bool:
        """That the server has closed, and had nothing more to say."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read() == b""
            except ConnectionResetError:
                return True


@dataclass
class Echo:
    """Answers with what it was asked, and remembers it, and how many bytes of bodies it `received`.

    `/big` is more than buffers hold, and so is `/flood`, which is `sent` in parts; `/events` never ends, nor does
    `/late-events`, which waits before it begins.
    """

    asked: list[str] = field(default_factory=list)
    received: int = 0
    sent: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])
        match scope["path"]:
            case "/early":
                await answer(send, 401, b"no")
            case "/big":
                await answer(send, 200, b"x" * 30_000_000)
            case "/events" | "/late-events" as path:
                if path == "/late-events":
                    await self.may_answer.wait()
                await send({"type": "http.response.start", "status": 200, "headers": []})
                while (await receive())["type"] != "http.disconnect":
                    pass
                self.left.set()
            case "/waits":
                await self.may_answer.wait()
                await answer(send, 200, b"at last")
            case "/chunks":
                await send({"type": "http.response.start", "status": 200, "headers": []})
                for part in (b"one", b"", b"two"):
                    await send({"type": "http.response.body", "body": part, "more_body": True})
                await send({"type": "http.response.body", "body": b"three"})
            case "/flood":
                await send({"type": "http.response.start", "status": 200, "headers": []})
                for self.sent in range(FLOOD):
                    await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
                await send({"type": "http.response.body"})
            case "/breaks":
                raise ValueError("not for callers")
            case "/breaks-later":
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
                await send({"type": "http.response.body", "body": b"half", "more_body": True})
                raise ValueError("not for callers")
            case "/injects":
                headers = [(b"x-name", b"a\r\nset-cookie: b")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
            case "/nothing":
                pass
            case "/named":
                name = NAME.get()
                NAME.set("somebody")
                await answer(send, 200, name.encode())
            case _:
                await self._echo(scope, receive, send)

    async def _echo(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, parts, more_body = b"", 0, True
        while more_body:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left.set()
                return
            body += message["body"]
            self.received += len(message["body"])
            more_body = message["more_body"]
            parts += 1
        request = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "version": scope["http_version"],
            "headers": {name.decode(): value.decode("latin-1") for name, value in scope["headers"]},
            "length": len(body),
            "body": body[:100].decode("latin-1"),
        }
        await answer(send, 200, json.dumps(request).encode())


async def answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@dataclass
class RawServer:
    app: Any
    uvicorn: uvicorn.Server
    running: asyncio.Task[None]
    port: int

    @property
    def is_listening(self) -> bool:
        return self.uvicorn.servers[0].is_serving()

    @property
    def connections(self) -> int:
        return len(self.uvicorn.server_state.connections)

    @asynccontextmanager
    async def connect(self, *, buffer: int | None = None) -> AsyncIterator[Connection]:
        """`buffer` bounds what the client's side takes without being read."""
        client = socket.socket()
        if buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=client, limit=2**16 if buffer is None else buffer)
        try:
            yield Connection(reader, writer)
        finally:
            writer.transport.abort()

    def stop(self) -> None:
        self.uvicorn.should_exit = True


@asynccontextmanager
async def serving(
    app: ASGIApp, settings: Settings, times: Mapping[str, Any] = MappingProxyType({}), **options: Any
) -> AsyncIterator[RawServer]:
    """Serve any application as the gateway is served, with these `times` of `ServerLimits`, which it looks at often."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.commands.serve.ServerLimits", partial(ServerLimits, **{"interval": 0.05, **times}))
        served = server_options(settings)
    config = uvicorn.Config(app, **served | {"loop": "none", "port": 0, "lifespan": "off"} | options)
    server = EmbeddedServer(config)
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield RawServer(app, server, running, server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        await running
