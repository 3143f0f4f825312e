"""A client of the sandbox that knows nothing but the document."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest

from gateway.sandbox.server import Sandbox, SandboxOptions

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Client:
    """Calls both platforms over real sockets, with tokens fetched once."""

    def __init__(self, sandbox: Sandbox, http: httpx.AsyncClient) -> None:
        self.sandbox = sandbox
        self.http = http
        self.bearer = ""
        self.token = ""

    async def sign_in(self) -> None:
        secret_id, secret_key = self.sandbox.options.wjdh_credentials
        key_k, key_d = self.sandbox.options.security_credentials
        answer = await self.send("WJDH", "secret", secret_id=secret_id, secret_key=secret_key)
        self.bearer = f"{answer.json()['token_type']} {answer.json()['access_token']}"
        self.token = (await self.send("SECURITY", "token", key_k=key_k, key_d=key_d)).json()["token"]
        self.sandbox.reset_calls()

    async def send(self, platform: str, name: str, /, **form: str) -> httpx.Response:
        """The raw answer of an endpoint, by its name in the sandbox."""
        server = self.sandbox.wjdh if platform == "WJDH" else self.sandbox.security
        endpoint = next(endpoint for endpoint in server.platform.endpoints if endpoint.name == name)
        if platform == "SECURITY" and self.token:
            form = {"token": self.token, **form}
        headers = {"authorization": self.bearer} if platform == "WJDH" and self.bearer else {}
        return await self.http.request(endpoint.method, server.url + endpoint.path, data=form, headers=headers)

    async def wjdh(self, name: str, /, **form: str) -> Any:
        answer = await self.send("WJDH", name, **form)
        assert answer.status_code == 200
        return answer.json()

    async def security(self, name: str, /, **form: str) -> Any:
        answer = await self.send("SECURITY", name, **form)
        assert answer.status_code == 200
        return answer.json()


Start = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def start() -> Start:
    """Starts a sandbox with the given options and signs a client in: `async with start(dialect=...) as client`."""

    @asynccontextmanager
    async def started(**options: Any) -> AsyncIterator[Client]:
        async with (
            Sandbox(SandboxOptions(**options)) as sandbox,
            httpx.AsyncClient(verify=NO_TLS, trust_env=False, timeout=60.0) as http,
        ):
            client = Client(sandbox, http)
            await client.sign_in()
            yield client

    return started


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Lets the loop run until something holds: `await until(lambda: ...)`."""

    async def waited(holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():  # noqa: ASYNC110 - what is waited for happens at a socket, and sets no event
                await asyncio.sleep(0.001)

    return waited


@pytest.fixture
async def client(start: Start) -> AsyncIterator[Client]:
    """A client of a sandbox as it comes: the mixed dialect."""
    async with start() as started:
        yield started
