"""A small HTTP/1.1 server in which an answer is bytes on a transport, so that a fault can delay, cut or break it.

uvicorn hides its transports, and an empty request costs it more than a full one costs here, which matters to benchmarks
with the sandbox as upstream. Nothing more is needed than this file holds: keep-alive, pipelining in order, and one
handler called with each complete request.
"""

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl

import httptools

JSON = b"application/json"
HTML = b"text/html; charset=utf-8"
FORM = b"application/x-www-form-urlencoded"

HOST = "127.0.0.1"

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Request:
    """One complete request."""

    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    keeps_alive: bool

    def header(self, name: bytes) -> bytes | None:
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def form(self) -> dict[str, str]:
        """The fields of the query and, over them, of a form body; any other content type is not read (quirk 54)."""
        text = self.query
        content_type = self.header(b"content-type")
        if content_type is not None and content_type.startswith(FORM):
            text = text + b"&" + self.body if text else self.body
        return dict(parse_qsl(text.decode(errors="replace"), keep_blank_values=True, errors="replace"))


@dataclass(slots=True)
class Traffic:
    """The connections of one server and how many of its requests are unanswered at the moment, and at most were."""

    connections: set["Connection"] = field(default_factory=set)
    opened: int = 0
    in_flight: int = 0
    max_in_flight: int = 0

    def begin(self) -> None:
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def end(self) -> None:
        self.in_flight -= 1


class Connection(asyncio.Protocol):
    """One client's connection. The handler answers each request with `reply`, now or later, or breaks it off.

    What is written after the client has gone, or after the answer is complete, is dropped.
    """

    _transport: asyncio.Transport

    def __init__(self, handle: Callable[[Request, "Connection"], None], traffic: Traffic) -> None:
        self._handle = handle
        self._traffic = traffic
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[Request] = deque()
        self._current: Request | None = None
        traffic.opened += 1
        self.number = traffic.opened

    # What the handler calls.

    def reply(self, body: bytes, status: int = 200, content_type: bytes = JSON, headers: bytes = b"") -> None:
        """Answer the request; `headers` are further whole lines, each with its line break."""
        self.send(head(len(body), status, content_type, headers) + body)
        self.finish()

    def send(self, data: bytes) -> None:
        """Write a part of the answer."""
        if self._current is not None:
            self._transport.write(data)

    def finish(self) -> None:
        """The answer is complete: take the next request."""
        request = self._end()
        if request is None:
            return
        if not request.keeps_alive:
            self._transport.close()
        elif self._waiting:
            self._serve(self._waiting.popleft())

    def close(self) -> None:
        """Close once everything written has left."""
        self._transport.close()

    def reset(self) -> None:
        """Break off with a TCP reset: what was written and has not left is lost."""
        with socket.socket(fileno=os.dup(self._transport.get_extra_info("socket").fileno())) as twin:
            twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    @property
    def is_waiting(self) -> bool:
        """Whether a request is still without its whole answer."""
        return self._current is not None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self._traffic.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._traffic.connections.discard(self)
        self._end()
        self._waiting.clear()
        del self._parser  # it holds methods of this connection: a reference cycle

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise  # a mistake of the sandbox's own: asyncio logs it and closes the connection
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._transport.write(head(0, 400, HTML))
            self._transport.close()

    # What httptools calls.

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        path, _, query = self._url.partition(b"?")
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            path=path.decode("latin-1"),
            query=query,
            headers=self._headers,
            body=self._body,
            keeps_alive=self._parser.should_keep_alive(),
        )
        if self._current is None:
            self._serve(request)
        else:
            self._waiting.append(request)

    def _serve(self, request: Request) -> None:
        self._current = request
        self._traffic.begin()
        self._handle(request, self)

    def _end(self) -> Request | None:
        request, self._current = self._current, None
        if request is not None:
            self._traffic.end()
        return request


_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
"""Proxies have statuses that are in no standard."""


def head(length: int, status: int, content_type: bytes, headers: bytes = b"") -> bytes:
    """The head of an answer whose body has `length` bytes."""
    return b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\n%bcontent-length: %d\r\n\r\n" % (
        status,
        _PHRASES.get(status, b"Unknown"),
        content_type,
        headers,
        length,
    )


class Listener:
    """A server on loopback. `url` is its address once it has started."""

    def __init__(self, handle: Callable[[Request, Connection], None]) -> None:
        self.traffic = Traffic()
        self.url = ""
        self._handle = handle
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> None:
        """Listen; 0 lets the system choose the port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self._handle, self.traffic), HOST, port)
        self.url = f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Stop listening and break off whatever is still open."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self.traffic.connections):
            connection.reset()
        await self._server.wait_closed()
