"""The programs under test, each in a process of its own."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from gateway.auth.issuer import DevelopmentIssuer
from gateway.settings import load_settings

LAST_SETTING = "GATEWAY_CALLBACK_KEY_D"
"""What the sandbox prints last, once it listens."""

CONTROL = "/__sandbox__/"
"""Where each platform of the sandbox is controlled."""

CONTROLS = {"x-sandbox": "1"}
"""The header that it takes no request without."""

START_TIMEOUT = 60.0
UNHURRIED = {"GATEWAY_RATE_LIMIT": "1000000000", "GATEWAY_CALL_RATE_LIMIT": "1000000000"}
"""One caller asks for all of them."""

PAUSE = 0.005
"""Between two looks at a condition, in seconds."""


class Usage:
    """What a process uses now and has used: memory in MiB, open descriptors, CPU in seconds."""

    def __init__(self, pid: int) -> None:
        status = Path(f"/proc/{pid}/status").read_text()
        self.memory = int(status.partition("VmRSS:")[2].split()[0]) / 1024
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        self.cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class GatewayProcess:
    """`gateway serve` with these settings, on one port however often it is started. `kills` counts those with -9.

    `program` is what Python runs, `checkout` one of another commit, with its .venv.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        log: Path | None = None,
        workers: int = 1,
        checkout: Path | None = None,
        program: Sequence[str] = ("-m", "gateway"),
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.kills = 0
        self._environ = {**_inherited(), **UNHURRIED, **environ, "GATEWAY_PORT": str(self.port)}
        self._log = log
        self._workers = workers
        self._checkout = checkout
        self._program = program
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        return self._running().pid

    def client(self) -> httpx.AsyncClient:
        """A caller who may do everything."""
        token = DevelopmentIssuer.open(load_settings(self._environ)).mint(["*"], ["*"], "developer", 24 * 3600)
        headers = {"authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=30)

    async def start(self, *, ready: bool = True) -> None:
        """Start it, and with `ready` return when it takes requests."""
        python = sys.executable if self._checkout is None else str(self._checkout / ".venv" / "bin" / "python")
        command = (python, *self._program, "serve", "--workers", str(self._workers))
        with open(self._log or os.devnull, "ab") as log:  # noqa: ASYNC230 # a moment, in a script
            self._process = await asyncio.create_subprocess_exec(
                *command, env=self._environ, stdout=log, stderr=log, cwd=self._checkout
            )
        if ready:
            await self.until_ready()

    async def until_ready(self) -> None:
        """Raises RuntimeError when it ends instead."""
        async with asyncio.timeout(START_TIMEOUT), httpx.AsyncClient(trust_env=False) as client:
            while not await self._is_ready(client):
                if self._has_ended:
                    raise RuntimeError("the gateway ended instead of serving")
                await asyncio.sleep(PAUSE)

    async def kill(self) -> None:
        """kill -9."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
            self.kills += 1

    async def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        self._running().terminate()
        return await self.ended()

    async def ended(self) -> int:
        """Returns the exit status when it ends."""
        return await self._running().wait()

    def send_signal(self, number: signal.Signals) -> None:
        self._running().send_signal(number)

    async def _is_ready(self, client: httpx.AsyncClient) -> bool:
        try:
            return (await client.get(f"{self.url}/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    @property
    def _has_ended(self) -> bool:
        return self._running().returncode is not None

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("the gateway was not started")
        return self._process


class Platforms:
    """A sandbox of both platforms in a process of its own, seen from the side of the security platform."""

    def __init__(self, settings: Mapping[str, str], client: httpx.AsyncClient) -> None:
        self.settings = settings
        self._client = client

    @property
    def token_url(self) -> str:
        """Where the security platform gives out tokens."""
        return self.settings["GATEWAY_SECURITY_URL"] + self.settings["GATEWAY_SECURITY_TOKEN_PATH"]

    async def effects(self) -> Counter[str]:
        """How often each order's payment was taken in."""
        return Counter(form["order_number"] for form in await self.forms("callback"))

    async def forms(self, endpoint: str) -> list[dict[str, str]]:
        """Those that had an effect at an endpoint, of either platform."""
        effects = (await self._client.get("effects")).json()["effects"]
        return [effect["form"] for effect in effects if effect["endpoint"] == endpoint]

    async def reset(self) -> None:
        """Forget all that was done at both platforms, and the faults that were set."""
        (await self._client.post("reset")).raise_for_status()

    async def calls(self, endpoint: str = "callback") -> int:
        """Calls to an endpoint so far, those that met a fault included."""
        counts: dict[str, int] = (await self._client.get("calls")).json()["counts"]
        return counts.get(endpoint, 0)

    async def forget_calls(self) -> None:
        await self._client.delete("calls")

    async def expire_tokens(self) -> None:
        await self._client.post("tokens/expire")

    async def set_fault(self, kind: str, endpoint: str = "callback", **options: str) -> None:
        form = {"kind": kind, "endpoint": endpoint, **options}
        (await self._client.post("faults", data=form)).raise_for_status()

    async def delay_orders(self, seconds: str) -> None:
        """Have wjdh take so long for each new order."""
        form = {"kind": "latency", "endpoint": "order/new", "seconds": seconds}
        (await self._client.post(f"{self.settings['GATEWAY_WJDH_URL']}{CONTROL}faults", data=form)).raise_for_status()

    async def clear_faults(self) -> None:
        await self._client.delete("faults")


@asynccontextmanager
async def platforms(*options: str) -> AsyncIterator[Platforms]:
    """A sandbox, run with these options until the block ends."""
    command = (sys.executable, "-m", "gateway.sandbox", *options)
    process = await asyncio.create_subprocess_exec(*command, env=_inherited(), stdout=subprocess.PIPE)
    try:
        settings: dict[str, str] = {}
        while LAST_SETTING not in settings:
            line = (await process.stdout.readline()).decode() if process.stdout else ""
            if not line:
                raise RuntimeError("the sandbox did not start")
            name, _, value = line.strip().partition("=")
            settings[name] = value
        control = f"{settings['GATEWAY_SECURITY_URL']}{CONTROL}"
        async with httpx.AsyncClient(base_url=control, headers=CONTROLS, trust_env=False, timeout=30) as client:
            yield Platforms(settings, client)
    finally:
        process.kill()
        await process.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _inherited() -> dict[str, str]:
    """Without settings, and without those of a deployment on this machine."""
    return {n: v for n, v in os.environ.items() if not n.startswith("GATEWAY_")} | {"GATEWAY_ENV_FILE": ""}
