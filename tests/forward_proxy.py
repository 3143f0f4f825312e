"""A forward proxy: CONNECT to https, requests in absolute form to http. What it carries it leaves as it is."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

USER = "gateway"
PASSWORD = "p@ss:word"

Intercept = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ForwardProxy:
    """`targets`: what was asked for, such as "CONNECT localhost:443". `intercept`, while it is set, is done instead."""

    def __init__(self, host: str) -> None:
        self.targets: list[str] = []
        self.intercept: Intercept | None = None
        self.serving: set[asyncio.Task[None]] = set()
        self.scheme = "http"
        self.port = 0
        self._host = host

    @property
    def url(self) -> str:
        return f"{self.scheme}://{USER}:p%40ss%3Aword@{self._host}:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, OSError):
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        origin: asyncio.StreamWriter | None = None
        try:
            while True:
                line, *headers = (await reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n").split(b"\r\n")
                method, target, version = line.split(b" ")
                self.targets.append(f"{method.decode()} {target.decode()}")
                if self.intercept is not None:
                    await self.intercept(reader, writer)
                    return
                expected = base64.b64encode(f"{USER}:{PASSWORD}".encode())
                if b"Proxy-Authorization: Basic " + expected not in headers:
                    writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                    return
                address = urlsplit(target.decode() if method != b"CONNECT" else f"//{target.decode()}")
                if origin is None:
                    answers, origin = await asyncio.open_connection(address.hostname, address.port)
                    answering = asyncio.create_task(relay(answers, writer))
                if method == b"CONNECT":
                    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    await relay(reader, origin)
                    return
                kept = [header for header in headers if not header.lower().startswith(b"proxy-")]
                length = next((int(header[15:]) for header in kept if header.lower().startswith(b"content-length:")), 0)
                path = f"{address.path}?{address.query}" if address.query else address.path
                head = b"\r\n".join([b"%b %b %b" % (method, path.encode(), version), *kept])
                origin.write(head + b"\r\n\r\n" + await reader.readexactly(length))
        finally:
            if origin is not None:
                origin.close()
                await answering


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one side closes; then the other is closed, too."""
    with contextlib.closing(writer), contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def forward_proxy(tls: ssl.SSLContext | None = None) -> AsyncIterator[ForwardProxy]:
    """With `tls` it is one that is itself called by https, as localhost."""
    proxy = ForwardProxy("127.0.0.1" if tls is None else "localhost")
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=tls)
    proxy.scheme, proxy.port = "http" if tls is None else "https", server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in [*proxy.serving]:
            task.cancel()
        await asyncio.gather(*proxy.serving, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 1)
