"""What the security tests share: one gateway a module over one sandbox, and callers with rights of their own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from target import Canary, Target, under_attack, watched_by_canary

from gateway.auth.issuer import DevelopmentIssuer
from gateway.auth.principal import Scope
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.settings import load_settings

UNBOUNDED = {
    "GATEWAY_RATE_LIMIT": "10000000",
    "GATEWAY_COST_LIMIT": "1000000",
    "GATEWAY_PEOPLE_LIMIT": "10000000",
    "GATEWAY_WATCH_INTERVAL": "0.05",
}
"""What is tested here is rights, not rates."""


MEGABYTE = 1024 * 1024


class Site:
    """A gateway being served, the sandbox behind it, and tokens of its issuer."""

    def __init__(self, gateway: Any, sandbox: Sandbox, environ: Mapping[str, str]) -> None:
        self.gateway = gateway
        self.sandbox = sandbox
        self._issuer = DevelopmentIssuer.open(load_settings(environ))
        self.everything = self.mint()

    def mint(self, scopes: Collection[str] = tuple(Scope), communities: Collection[str] = ("*",)) -> str:
        """A token with these scopes and communities; all of them unless told."""
        return self._issuer.mint(scopes, communities, "lin", 3600)

    async def ask(self, query: str, variables: Mapping[str, Any] | None = None, token: str | None = None) -> Any:
        return await self.gateway.ask(query, variables, token=token or self.everything)

    async def calls_of(self, query: str, variables: Mapping[str, Any], token: str) -> tuple[Any, Counter[str]]:
        """The answer, and what was called for it upstream, those for tokens left out."""
        self.sandbox.reset_calls()
        answer = await self.ask(query, variables, token)
        calls = Counter({endpoint: count for (_, endpoint), count in self.sandbox.counts().items()})
        for login in ("secret", "token"):
            del calls[login]
        return answer, calls


async def open_site(serve: Any, directory: Path, dialect: Dialect, **settings: str) -> AsyncIterator[Site]:
    async with Sandbox(SandboxOptions(dialect=dialect)) as sandbox:
        environ = {**sandbox.settings(), "GATEWAY_DATA_DIR": str(directory), **UNBOUNDED, **settings}
        async with serve(environ) as gateway:
            yield Site(gateway, sandbox, environ)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async for opened in open_site(serve, tmp_path_factory.mktemp("site"), Dialect.DOCUMENTED):
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def target(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    async with under_attack(tmp_path_factory.mktemp("target")) as attacked:
        yield attacked


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def canary(target: Target) -> AsyncIterator[Canary]:
    async with watched_by_canary(target) as watching:
        await target.query("{ __typename }")
        yield watching


class Bystanders:
    """Whoever else uses the gateway while it is attacked: they wait no longer than a quarter of a second.

    That is for a machine with nothing else to do. A slower one is given as much more as its calm answers take longer,
    and what it let this process wait for the processor itself; an attack that seems to have held others up is repeated,
    for it would again.
    """

    TRIES = 4

    def __init__(self, target: Target, canary: Canary, calm: float) -> None:
        self._target = target
        self._canary = canary
        self._patience = max(250.0, 50 * calm)

    async def unharmed_by(self, attack: Callable[[], Awaitable[None]], memory: int = 64 * MEGABYTE) -> None:
        """Attack, and look at what the canary saw and how much more memory the gateway took at most."""
        for _ in range(self.TRIES):
            await self._canary.read()
            self._target.forget_highest_memory()
            before = self._target.memory
            await attack()
            seen = await self._canary.read()
            assert self._target.highest_memory - before < memory
            if seen.longest < self._patience + 10 * seen.late:
                return
        raise AssertionError(f"others waited {seen.longest:.0f} ms, {seen}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bystanders(target: Target, canary: Canary) -> AsyncIterator[Bystanders]:
    await canary.read()
    await asyncio.sleep(0.3)
    yield Bystanders(target, canary, (await canary.read()).longest)
