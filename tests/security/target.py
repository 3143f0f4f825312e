"""A gateway in a process of its own, as in production, with what an attacker has: sockets, and at times a token."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from callers import AUDIENCE, ISSUER, TLS, KeyServer, Signers, claims, jwks, sign
from processes import GatewayProcess

from gateway.auth.principal import Scope
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.server import Sandbox, SandboxOptions

PATIENCE = 60.0

SETTINGS = {
    "GATEWAY_ENV": "production",
    "GATEWAY_ID_KEY": "the id key of the gateway under attack",
    "GATEWAY_AUTH_ISSUER": ISSUER,
    "GATEWAY_AUTH_AUDIENCE": AUDIENCE,
    "GATEWAY_RATE_LIMIT": "10000000",
    "GATEWAY_PEOPLE_LOOKUP_LIMIT": "10000000",
    "GATEWAY_ALLOWED_ORIGINS": "https://console.example",
    "GATEWAY_ALLOWED_HOSTS": "127.0.0.1 gateway.example",
    "GATEWAY_KEEP_ALIVE_TIMEOUT": "30",
    "GATEWAY_WATCH_INTERVAL": "0.2",
}


class Answered(NamedTuple):
    """What came back for a request: `codes` of its errors, without the doubles."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def codes(self) -> set[str]:
        return {error["extensions"]["code"] for error in self.json.get("errors", ())}


class Target:
    """The gateway, and how to get at it. `token` is one for everything."""

    def __init__(self, process: GatewayProcess, sandbox: Sandbox, signers: Signers, keys: KeyServer) -> None:
        self.process = process
        self.url = process.url
        self.port = process.port
        self.sandbox = sandbox
        self.signers = signers
        self.keys = keys
        self.token = self.mint()
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._client = httpx.AsyncClient(
            base_url=self.url, trust_env=False, verify=TLS, timeout=PATIENCE, limits=limits
        )

    def mint(self, **changes: Any) -> str:
        """A token for everything but the schema, with changes to its claims."""
        now = time.time()
        scopes = " ".join(set(Scope) - {Scope.SCHEMA_INTROSPECT})
        everything = {"iat": now, "exp": now + 3600, "scope": scopes, "communities": "*"}
        return sign(self.signers.ed, claims(**(everything | changes)), "EdDSA")

    async def post(self, body: bytes | str | Mapping[str, Any], **headers: str | None) -> Answered:
        """POST to /graphql, JSON with a token unless the headers say otherwise; None leaves a header out."""
        if isinstance(body, Mapping):
            body = json.dumps(body)
        return await self.request("POST", "/graphql", body if isinstance(body, bytes) else body.encode(), **headers)

    async def request(self, method: str, path: str, body: bytes = b"", **headers: str | None) -> Answered:
        sent: dict[str, str | None] = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        given = {name: value for name, value in sent.items() if value is not None}
        response = await self._client.request(method, path, content=body, headers=given)
        return Answered(response.status_code, response.content, response.headers)

    async def query(self, query: str, variables: Mapping[str, Any] | None = None, **rest: Any) -> Answered:
        return await self.post({"query": query, "variables": dict(variables or {}), **rest})

    async def raw(self, data: bytes, *, close: bool = False) -> bytes:
        """Everything that comes back for these bytes, until the gateway closes. `close`: nothing more is sent after."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            if close:
                writer.write_eof()
            async with asyncio.timeout(PATIENCE):
                return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    @property
    def calls(self) -> list[Any]:
        """What was called at the platforms, but for the polls of lists that subscribers of other tests watch."""
        return [call for call in self.sandbox.calls if call.endpoint not in ("shenheList", "repair/list")]

    @property
    def memory(self) -> int:
        """Bytes of memory that the gateway holds."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * 4096

    @property
    def highest_memory(self) -> int:
        """The most it held since `forget_highest_memory`."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        [line] = [line for line in lines if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024

    def forget_highest_memory(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")


@asynccontextmanager
async def under_attack(directory: Path) -> AsyncIterator[Target]:
    """A gateway in production's settings but for shorter times, its issuer and both platforms here."""
    signers = Signers()
    async with KeyServer().serving() as keys, Sandbox(SandboxOptions(dialect=Dialect.DOCUMENTED)) as sandbox:
        keys.body = jwks(*signers.known.values())
        places = {"GATEWAY_AUTH_JWKS_URL": keys.url, "GATEWAY_DATA_DIR": str(directory)}
        impatient = str(Path(__file__).with_name("impatient_gateway.py"))
        process = GatewayProcess({**sandbox.settings(), **SETTINGS, **places}, directory / "log", program=(impatient,))
        await process.start()
        try:
            yield Target(process, sandbox, signers, keys)
        finally:
            await process.kill()
