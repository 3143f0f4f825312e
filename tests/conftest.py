"""The whole gateway over a sandbox of both platforms, on real sockets, for the tests that drive the HTTP edge."""

import asyncio
import fcntl
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import msgspec
import pytest
import uvicorn
from both_languages import require_chinese
from callers import TLS, Issuer, KeyServer
from documents import write_document
from processes import GatewayProcess
from programs import run
from throw_away import database, on_server

from gateway.app import Gateway, create_app
from gateway.auth.issuer import DevelopmentIssuer
from gateway.auth.principal import Scope
from gateway.commands.serve import EmbeddedServer, server_options
from gateway.execution.executor import Executor
from gateway.http.application import Application
from gateway.journal.journal import Clock, utc_now
from gateway.ops.metrics import Metrics
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.settings import load_settings

GatewayFactory = Callable[..., Any]


def pytest_configure() -> None:
    """Signals that the parent ignores (nohup, a shell's background) would be ignored by each process a test starts.
    What commands print is read in English.
    """
    os.environ["LANGUAGE"] = "en"
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "database_url" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)
        if item.path.parent.name in ("deploy", "explorer"):
            item.add_marker(pytest.mark.slow)


class Answer:
    """A GraphQL response: `data` and `errors` of the body, and the HTTP response they came in."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.body: dict[str, Any] = response.json()
        require_chinese(self.body.get("errors", ()))

    @property
    def data(self) -> Any:
        assert "errors" not in self.body, self.body["errors"]
        return self.body["data"]

    @property
    def partial(self) -> Any:
        """The data of an answer that has errors, too."""
        assert "errors" in self.body, self.body
        return self.body["data"]

    @property
    def errors(self) -> list[dict[str, Any]]:
        errors: list[dict[str, Any]] = self.body["errors"]
        return errors

    @property
    def error(self) -> dict[str, Any]:
        """The only error."""
        assert len(self.errors) == 1, self.errors
        return self.errors[0]

    @property
    def code(self) -> str:
        """The code of the only error."""
        code: str = self.error["extensions"]["code"]
        return code


class Served:
    """A gateway being served: `await gateway.ask(query)` as a client does, `gateway.parts` for what is inside.

    `client` sends `token`, which opens everything; `stranger` is a client that sends none.
    """

    def __init__(self, app: Application, url: str, data_dir: Path, token: str) -> None:
        self.app = app
        self.url = url
        self.data_dir = data_dir
        self.token = token
        self.client = httpx.AsyncClient(base_url=url, headers=_bearer(token), trust_env=False, verify=TLS, timeout=30)
        self.stranger = httpx.AsyncClient(base_url=url, trust_env=False, verify=TLS, timeout=30)

    @property
    def parts(self) -> Gateway:
        gateway: Gateway = self.app.state.gateway
        return gateway

    async def ask(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        **extra: Any,
    ) -> Answer:
        """With the token given, or that for everything; an empty one is not sent."""
        token = self.token if token is None else token
        body = {"query": query, "variables": dict(variables or {}), **extra}
        return Answer(await self.stranger.post("/graphql", json=body, headers={**_bearer(token), **headers}))

    async def read(self, query: str, variables: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """The value of the only root field."""
        [value] = (await self.ask(query, variables, **options)).data.values()
        return value

    async def write(self, mutation: str, given: Mapping[str, Any], fields: str = "outcome", **options: Any) -> Any:
        """The payload of a mutation with this input."""
        return await self.read(write_document(mutation, fields), {"input": dict(given)}, **options)

    async def aclose(self) -> None:
        await self.client.aclose()
        await self.stranger.aclose()


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


@asynccontextmanager
async def serve_gateway(
    environ: Mapping[str, str],
    clock: Clock = utc_now,
    token: str | None = None,
    *,
    sandbox: Mapping[str, str] = MappingProxyType({}),
    **changes: Any,
) -> AsyncIterator[Served]:
    """Serve a gateway of these settings on a port of its own, with uvicorn as in production.

    `token` is what it is asked with; None stands for one of the development issuer. `sandbox` is what the explorer's
    switches are for. `changes` are of settings that would be refused: a deadline of a request that no test has to wait
    for.
    """
    settings = msgspec.structs.replace(load_settings(environ), **changes)
    metrics = Metrics()
    app = create_app(settings, clock, sandbox=sandbox, metrics=metrics)
    server = EmbeddedServer(uvicorn.Config(app, **server_options(settings, metrics) | {"loop": "none", "port": 0}))
    async with server.serving() as port:
        if token is None:
            is_own = not settings.auth_issuer  # else tokens come from elsewhere
            token = DevelopmentIssuer.open(settings).mint(["*"], ["*"], "developer", 3600) if is_own else ""
        async with aclosing(Served(app, f"http://127.0.0.1:{port}", settings.data_dir, token)) as served:
            yield served


@pytest.fixture
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """How the sandbox speaks: with `mark.demo` as that of `gateway demo`; a test that cares parametrizes it."""
    return Dialect.MIXED if request.node.get_closest_marker("demo") else Dialect.DOCUMENTED


@pytest.fixture
def sandbox_options(dialect: Dialect) -> SandboxOptions:
    return SandboxOptions(dialect=dialect)


@pytest.fixture
async def sandbox(sandbox_options: SandboxOptions) -> AsyncIterator[Sandbox]:
    async with Sandbox(sandbox_options) as sandbox:
        yield sandbox


@pytest.fixture
def environ(sandbox: Sandbox, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of the gateway under test: the sandbox's, a data directory of its own, those of `mark.settings`.

    No answers are kept: most tests change what the platforms hold, or count each call. A journal on a busy disk is
    waited for.
    """
    kept = {"GATEWAY_CACHE": "all=0", "GATEWAY_DATA_DIR": str(tmp_path / "data")}
    if request.node.get_closest_marker("demo"):
        kept["GATEWAY_COMMUNITIES"] = sandbox.communities
    marked = [mark.kwargs for mark in request.node.iter_markers("settings")]
    named = {f"GATEWAY_{name}": value for settings in marked[::-1] for name, value in settings.items()}
    return {**sandbox.settings(), **kept, "GATEWAY_JOURNAL_TIMEOUT": "60", **named}


@pytest.fixture
async def process(environ: dict[str, str], tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    """A gateway in a process of its own, which logs to the file `log`."""
    process = GatewayProcess(environ, tmp_path / "log")
    await process.start()
    yield process
    await process.kill()


@pytest.fixture(params=["plan", "graphql-core"])
def execution(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What executes the operations of the gateways that are made next: one, then the other."""
    if request.param == "graphql-core":
        monkeypatch.setattr("gateway.app.Executor", partial(Executor, plans=False))
    return str(request.param)


@pytest.fixture
async def gateway(environ: dict[str, str]) -> AsyncIterator[Served]:
    async with serve_gateway(environ) as served:
        yield served


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path)


@pytest.fixture
async def key_server() -> AsyncIterator[KeyServer]:
    """Where an issuer publishes its keys; it has none yet."""
    async with KeyServer().serving() as keys:
        yield keys


@pytest.fixture
def mint(environ: dict[str, str]) -> Callable[..., str]:
    """`mint()` is a token for everything; `without` takes scopes away, `communities` names the only ones to see."""

    def mint_one(
        *scopes: str, without: Collection[str] = (), communities: Collection[str] = ("*",), subject: str = "lin"
    ) -> str:
        issuer = DevelopmentIssuer.open(load_settings(environ))
        return issuer.mint(set(scopes or Scope) - set(without), communities, subject, 600)

    return mint_one


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of a journal, once for each engine."""
    is_sqlite = request.param == "sqlite"
    return {} if is_sqlite else {"GATEWAY_DATABASE_URL": request.getfixturevalue("database_url")}


@pytest.fixture
def serve_production(environ: dict[str, str], issuer: Issuer) -> GatewayFactory:
    """`async with serve_production(GATEWAY_PORT="0") as served`: production's defaults, but for what is given."""
    own = {"GATEWAY_DATA_DIR": environ["GATEWAY_DATA_DIR"] + "-production", **issuer.settings()}

    def serve(**settings: str) -> Any:
        return serve_gateway(environ | own | settings, token=issuer.mint(" ".join(Scope)))

    return serve


@pytest.fixture
async def production(serve_production: GatewayFactory) -> AsyncIterator[Served]:
    async with serve_production() as served:
        yield served


@pytest.fixture(scope="session")
def serve() -> GatewayFactory:
    """`async with serve(environ, clock) as served`: for gateways of other settings, or several of them."""
    return serve_gateway


@pytest.fixture(scope="session")
def in_ci() -> bool:
    """Where nothing may be skipped."""
    return bool(os.environ.get("CI"))


@pytest.fixture(scope="session")
def find_tool(in_ci: bool) -> Callable[[str], str]:
    """The path of a program. Where it is missing: a skip on a desk, a failure in CI. `scripts/test` installs it."""

    def find(name: str) -> str:
        path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
        if path is None and in_ci:
            pytest.fail(f"{name} is not installed")
        return path or pytest.skip(f"{name} is not installed")

    return find


@pytest.fixture(scope="session")
def install_packages(find_tool: Callable[[str], str]) -> Callable[[Path], None]:
    """Installs the npm packages of a folder, once for each change of its lock file."""
    npm = find_tool("npm")

    def install(folder: Path) -> None:
        marker = folder / "node_modules" / ".package-lock.json"
        if not marker.exists() or marker.stat().st_mtime < (folder / "package-lock.json").stat().st_mtime:
            run(npm, "ci", "--ignore-scripts", cwd=folder, timeout=300)

    return install


@pytest.fixture(scope="session")
def installed(install_packages: Callable[[Path], None]) -> None:
    """The npm packages of tests/node."""
    install_packages(Path(__file__).parent / "node")


@pytest.fixture(scope="session")
def client_package(install_packages: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The npm package for frontends, packed of the schema as it is now; one process at a time builds it."""
    folder, target = Path(__file__).parent.parent / "clients" / "typescript", tmp_path_factory.mktemp("client")
    with (folder / "package.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install_packages(folder)
        packed = run("npm", "pack", "--silent", "--pack-destination", target, cwd=folder).stdout.split()
    return target / packed[-1]


@pytest.fixture(scope="session")
def postgres_server(in_ci: bool) -> None:
    """Where databases are made. Without one: a skip on a desk, a failure in CI."""
    try:
        asyncio.run(on_server("SELECT 1"))
    except OSError:
        if in_ci:
            raise
        pytest.skip("no PostgreSQL server at GATEWAY_TEST_DATABASE_URL or on this machine")


@pytest.fixture
async def database_url(postgres_server: None) -> AsyncIterator[str]:
    """An empty PostgreSQL database."""
    async with database() as url:
        yield url
