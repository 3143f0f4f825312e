"""A client of graphql-transport-ws that sees every message, on a real socket."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from both_languages import require_chinese
from websockets import ClientConnection, Subprotocol, connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 60.0

Message = dict[str, Any]


class Socket:
    """Messages are queued per operation until a test reads them: operations may answer in any order."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._kept: dict[str | None, deque[Message]] = {}

    async def send(self, type_: str, **rest: Any) -> None:
        await self.connection.send(json.dumps({"type": type_, **rest}))

    async def init(self, **payload: Any) -> Message:
        await self.send("connection_init", payload=payload)
        return await self.receive()

    async def subscribe(self, id_: str, query: str, **variables: Any) -> None:
        await self.send("subscribe", id=id_, payload={"query": query, "variables": variables})

    async def receive(self, id_: str | None = None) -> Message:
        """The next message of an operation, or of none."""
        kept = self._kept.setdefault(id_, deque())
        async with asyncio.timeout(PATIENCE):
            while not kept:
                message = json.loads(await self.connection.recv())
                payload = message.get("payload")
                require_chinese(payload if message["type"] == "error" else (payload or {}).get("errors", ()))
                self._kept.setdefault(message.get("id"), deque()).append(message)
        return kept.popleft()

    def has_message(self, id_: str) -> bool:
        """Whether one of this operation came while others were read."""
        return bool(self._kept.get(id_))

    async def data(self, id_: str) -> Any:
        """The data of the next answer."""
        message = await self.receive(id_)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def error_code(self, id_: str) -> str:
        """The code of the errors that ended an operation."""
        message = await self.receive(id_)
        assert message["type"] == "error", message
        [code] = {error["extensions"]["code"] for error in message["payload"]}
        return str(code)

    async def settle(self) -> None:
        """Until all that was sent before is under way: an operation that needs no waiting has come to its end."""
        await self.subscribe("settle", "{ __typename }")
        assert (await self.receive("settle"))["type"] == "next"
        assert (await self.receive("settle"))["type"] == "complete"

    async def closed(self) -> int:
        """The code the server closes with."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    await self.connection.recv()
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else 1006


@asynccontextmanager
async def connected(
    url: str,
    *,
    token: str = "",
    init: bool = True,
    subprotocols: Iterable[str] = ("graphql-transport-ws",),
    **options: Any,
) -> AsyncIterator[Socket]:
    """Connect to the gateway at this HTTP address; with `init`, until it is acknowledged."""
    address, offered = f"{url.replace('http', 'ws', 1)}/graphql", [*map(Subprotocol, subprotocols)]
    async with connect(address, subprotocols=offered or None, proxy=None, **options) as connection:
        socket = Socket(connection)
        if init:
            payload = {"Authorization": f"Bearer {token}"} if token else {}
            assert await socket.init(**payload) == {"type": "connection_ack"}
        yield socket


Connect = Callable[..., Any]
