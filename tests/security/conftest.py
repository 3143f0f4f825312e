"""What the security tests share: one gateway a module over one sandbox, and callers with rights of their own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from served_site import Site, open_site
from target import Canary, Target, under_attack, watched_by_canary

from gateway.sandbox.dialects.dialect import Dialect

MEGABYTE = 1024 * 1024


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with open_site(serve, tmp_path_factory.mktemp("site"), Dialect.DOCUMENTED) as opened:
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

    async def unharmed(self, memory: int = 64 * MEGABYTE) -> AsyncIterator[None]:
        """Attack in the body of a loop over this: what the canary saw and the gateway's memory are looked at after."""
        for _ in range(self.TRIES):
            await self._canary.read()
            self._target.forget_highest_memory()
            before = self._target.memory
            yield
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
