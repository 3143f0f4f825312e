"""A gateway over a sandbox, both in this process, and callers with rights of their own."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from platform_answers import calls

from gateway.auth.issuer import DevelopmentIssuer
from gateway.auth.principal import Scope
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.settings import load_settings

SETTINGS = {
    "GATEWAY_RATE_LIMIT": "10000000",
    "GATEWAY_COST_LIMIT": "1000000",
    "GATEWAY_PEOPLE_LOOKUP_LIMIT": "10000000",
    "GATEWAY_WATCH_INTERVAL": "0.05",
    "GATEWAY_CACHE": "all=0",
}
"""What is tested here is rights, not rates. No answers are cached, so that each call is made, and counted."""


class Site:
    """A gateway being served, the sandbox behind it, and tokens of its issuer."""

    def __init__(self, gateway: Any, sandbox: Sandbox, environ: Mapping[str, str]) -> None:
        self.gateway = gateway
        self.sandbox = sandbox
        self._issuer = DevelopmentIssuer.open(load_settings(environ))
        self.everything = self.mint()

    def mint(self, scopes: Collection[str] = tuple(Scope), communities: Collection[str] = ("*",)) -> str:
        """A token with these scopes and communities; all of them by default."""
        return self._issuer.mint(scopes, communities, "lin", 3600)

    async def ask(self, query: str, variables: Mapping[str, Any] | None = None, token: str | None = None) -> Any:
        return await self.gateway.ask(query, variables, token=token or self.everything)

    async def ask_and_count(self, query: str, variables: Mapping[str, Any], token: str) -> tuple[Any, Counter[str]]:
        """The answer, and what was called for it upstream, those for tokens left out."""
        self.sandbox.reset_calls()
        answer = await self.ask(query, variables, token)
        return answer, calls(self.sandbox)


@asynccontextmanager
async def open_site(serve: Any, directory: Path, dialect: Dialect, **settings: str) -> AsyncIterator[Site]:
    async with Sandbox(SandboxOptions(dialect=dialect)) as sandbox:
        environ = {**sandbox.settings(), "GATEWAY_DATA_DIR": str(directory), **SETTINGS, **settings}
        async with serve(environ) as gateway:
            yield Site(gateway, sandbox, environ)
