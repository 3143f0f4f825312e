"""What the security tests share: one gateway a module over one sandbox, and callers with rights of their own."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from served_site import Site, open_site
from target import PATIENCE, Target, under_attack

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


class Bystanders:
    """Other users of the gateway while it is attacked, as `canary.py`: they wait no longer than a quarter of a second.

    That is for a machine with nothing else to do. A slower one is given as much more as its calm answers take longer,
    and what it let this process wait for the processor itself; an attack that seems to have held others up is repeated,
    for it would again.
    """

    TRIES = 4

    def __init__(self, target: Target, canary: Process) -> None:
        self._target = target
        self._canary = canary
        self._patience = 250.0

    async def calm_down(self) -> None:
        """Measure what a calm answer takes."""
        await self._read()
        await asyncio.sleep(0.3)
        self._patience = max(250.0, 50 * (await self._read())[0])

    async def unharmed(self, memory: int = 64 * MEGABYTE) -> AsyncIterator[None]:
        """Attack in the body of a loop over this: what the canary saw and the gateway's memory are looked at after."""
        for _ in range(self.TRIES):
            await self._read()
            self._target.forget_highest_memory()
            before = self._target.memory
            yield
            longest, late = await self._read()
            assert self._target.highest_memory - before < memory
            if longest < self._patience + 10 * late:
                return
        raise AssertionError(f"others waited {longest:.0f} ms, and {late:.0f} ms for the processor")

    async def _read(self) -> tuple[float, float]:
        """The longest answer since the last reading, and how late the canary was woken up at most, both in ms."""
        assert self._canary.stdin is not None
        assert self._canary.stdout is not None
        self._canary.stdin.write(b"\n")
        async with asyncio.timeout(PATIENCE):
            longest, late = (await self._canary.stdout.readline()).split()
        return float(longest), float(late)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bystanders(target: Target) -> AsyncIterator[Bystanders]:
    command = (sys.executable, Path(__file__).with_name("canary.py"), str(target.port), target.mint(sub="canary"))
    canary = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    bystanders = Bystanders(target, canary)
    await bystanders.calm_down()
    yield bystanders
    canary.kill()
    await canary.wait()
