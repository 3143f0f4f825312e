#!/usr/bin/env -S .venv/bin/python
"""How long the way of a request through the code is: the files and Python calls from its first byte to its last.

    benchmarks/path_length.py [--calls]

A gateway in this process answers one order of a list, approveShenhe and a payment notification, each from socket to
socket and warm: connections, tokens and plans are there, no answer is cached. Counted are the functions of the gateway
that are entered, in all threads, until the answer is written; a coroutine that resumes is not entered again. The least
of several requests counts, as work of the background may fall into one. `--calls` prints the functions in their order.

Needs Python 3.12 (`sys.monitoring`).
"""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from traceback import walk_stack
from types import CodeType
from typing import Any
from urllib.parse import urlencode

import uvicorn

sys.path.insert(0, str(Path(__file__).parent / "harness"))

from servers import NOTHING_CACHED, UNLIMITED

from gateway.app import create_app
from gateway.auth.issuer import DevelopmentIssuer
from gateway.commands.serve import EmbeddedServer, server_options
from gateway.ops.metrics import Metrics
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.settings import Settings, load_settings

ROOT = Path(__file__).parent.parent

COMMUNITY = "10002"
REQUESTS = 6
"""Of each kind; the sandbox has as many reviews that are pending."""

ORDER = "query ($code: ID!) { orders(communityCode: $code, first: 1) { nodes { number title amount { fen } } } }"
PENDING = "query ($code: ID!) { shenhes(communityCode: $code, filter: {status: PENDING}, first: 100) { nodes { id } } }"
APPROVE = "mutation ($id: ID!) { approveShenhe(input: {id: $id}) { shenhe { status } userErrors { code } } }"

SAVED = b'{"code":0}'

PAUSE = 0.05
"""Seconds before each request, for what is done in the background after the last one."""

READ, WRITE = (str(ROOT / "gateway" / "http" / "server" / name) for name in ("connection.py", "bounds.py"))
"""The first call of a request is of the one file, the last ones of its answer are of the other."""

BACKGROUND = (
    "_Pulse._beat",
    "AuditTrail.run",
    "Relay.run",
    "Relay.deliver",
    "Placement.run",
    "Deadlines._look",
)
"""What is called by these is of no request."""

TOOL = 2
"""That of profilers."""

Calls = list[CodeType]
Ask = Callable[[], Awaitable[bytes]]


class Counter:
    """The functions of the gateway that are entered while `record` waits for its answer."""

    def __init__(self) -> None:
        self._calls: Calls = []
        self._monitoring: Any = vars(sys)["monitoring"]
        self._starts = self._monitoring.events.PY_START
        self._monitoring.use_tool_id(TOOL, "path_length")
        self._monitoring.register_callback(TOOL, self._starts, self._enter)

    def _enter(self, code: CodeType, _offset: int) -> object:
        if not _is_counted(code.co_filename):
            return self._monitoring.DISABLE
        if not any(frame.f_code.co_qualname in BACKGROUND for frame, _ in walk_stack(sys._getframe())):
            self._calls.append(code)
        return None

    async def record(self, ask: Ask) -> Calls:
        await asyncio.sleep(PAUSE)
        self._calls = []
        self._monitoring.set_events(TOOL, self._starts)
        try:
            answer = await ask()
        finally:
            self._monitoring.set_events(TOOL, 0)
        if b'"errors"' in answer or (answer.startswith(b'{"code"') and answer != SAVED):
            raise RuntimeError(answer.decode())
        files = [code.co_filename for code in self._calls]
        first, last = files.index(READ), max(at for at, file in enumerate(files) if file == WRITE)
        return self._calls[first : last + 1]


def _is_counted(filename: str) -> bool:
    path = Path(filename)
    return path.is_relative_to(ROOT / "schema") or (
        path.is_relative_to(ROOT / "gateway") and not path.is_relative_to(ROOT / "gateway" / "sandbox")
    )


class Connection:
    """Sends requests one after the other, with the same path and headers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        self._reader = reader
        self._writer = writer
        self._head = head.encode()

    @classmethod
    async def open(cls, port: int, path: str, *headers: str) -> "Connection":
        lines = [f"POST {path} HTTP/1.1", f"host: 127.0.0.1:{port}", *headers, "content-length: "]
        return cls(*await asyncio.open_connection("127.0.0.1", port), "\r\n".join(lines))

    async def post(self, body: str) -> bytes:
        self._writer.write(self._head + f"{len(body)}\r\n\r\n{body}".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        return await self._reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r")[0]))


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[int]:
    """A gateway, by its port."""
    metrics = Metrics()
    app = create_app(settings, metrics=metrics)
    server = EmbeddedServer(uvicorn.Config(app, **server_options(settings, metrics) | {"loop": "none", "port": 0}))
    async with server.serving() as port:
        yield port


async def make_requests(sandbox: Sandbox, settings: Settings, port: int) -> dict[str, list[Ask]]:
    """Some of each kind."""
    token = DevelopmentIssuer.open(settings).mint(["*"], ["*"], "path", 3600)
    graphql = await Connection.open(
        port, "/graphql", "content-type: application/json", f"authorization: Bearer {token}"
    )
    form = "content-type: application/x-www-form-urlencoded"
    callbacks = await Connection.open(port, "/callbacks/payment", form)

    def query(document: str, **variables: str) -> Ask:
        return partial(graphql.post, json.dumps({"query": document, "variables": variables}))

    reviews = json.loads(await query(PENDING, code=COMMUNITY)())["data"]["shenhes"]["nodes"]
    key_k, key_d = sandbox.options.callback_credentials
    tokens = await Connection.open(port, "/callbacks/token", form)
    token = json.loads(await tokens.post(urlencode({"key_k": key_k, "key_d": key_d})))["token"]
    unpaid = [order.number for order in sandbox.world.orders_of[COMMUNITY] if order.shop_number is None]
    payments = [sandbox.pay_unannounced(number) for number in unpaid[:REQUESTS]]
    return {
        "one order of a list": [query(ORDER, code=COMMUNITY)] * REQUESTS,
        "approveShenhe": [query(APPROVE, id=review["id"]) for review in reviews[:REQUESTS]],
        "payment notification": [
            partial(callbacks.post, urlencode({**asdict(payment), "token": token})) for payment in payments
        ],
    }


async def main(shows_calls: bool) -> None:
    counter = Counter()
    with TemporaryDirectory() as directory:
        async with Sandbox(SandboxOptions(dialect=Dialect.DOCUMENTED)) as sandbox:
            environ = {**sandbox.settings(), **NOTHING_CACHED, **UNLIMITED, "GATEWAY_DATA_DIR": directory}
            settings = load_settings(environ)
            async with serving(settings) as port:
                found = {
                    name: min([await counter.record(ask) for ask in asks], key=len)
                    for name, asks in (await make_requests(sandbox, settings, port)).items()
                }
    print("| Request | Files | Calls |\n|:--|--:|--:|")
    for name, calls in found.items():
        print(f"| {name} | {len({code.co_filename for code in calls})} | {len(calls)} |")
    for name, calls in found.items() if shows_calls else ():
        print(f"\n{name}")
        for code in calls:
            print(f"  {Path(code.co_filename).relative_to(ROOT)}:{code.co_firstlineno} {code.co_qualname}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", action="store_true")
    asyncio.run(main(parser.parse_args().calls))
