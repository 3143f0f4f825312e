"""The deployment's profile, and what is new beyond it, in all workers of a gateway."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from processes import GatewayProcess

from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.server import Sandbox, SandboxOptions
from gateway.sandbox.variant import Variant

CONNECTIONS = 16
"""Each goes to either worker, by the kernel's choice: that one gets none happens once in 30,000 times."""

PATIENCE = 60

LOCATIONS = '{ repairs(communityCode: "10002", first: 5) { nodes { location dataIssues { field } } } }'
NEW = "{ dataQuality { drift key found count } }"

pytestmark = pytest.mark.postgres


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    variant = Variant(replaced={"possion": "position", "phone": "mobile"})
    async with Sandbox(SandboxOptions(dialect=Dialect.DOCUMENTED, variant=variant)) as sandbox:
        yield sandbox


@pytest.fixture
async def workers(environ: dict[str, str], database_url: str, tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    profile = tmp_path / "profile.toml"
    profile.write_text('[keys.Repair]\nlocation = ["position"]\n', encoding="utf-8")
    log = tmp_path / "log"
    settings = {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_PROFILE": str(profile), "GATEWAY_DRIFT_SAMPLE": "1"}
    gateway = GatewayProcess(environ | settings, log, workers=2)
    try:
        await gateway.start()
        yield gateway
    finally:
        with suppress(ProcessLookupError):
            await gateway.stop()
        sys.stdout.write(log.read_text())  # pytest shows it with a failure


async def ask_each(gateway: GatewayProcess, query: str) -> list[dict[str, Any]]:
    """The data of answers to the same query, over a connection each."""
    data = []
    for _ in range(CONNECTIONS):
        async with gateway.client() as client:
            answer: httpx.Response = await client.post("/graphql", json={"query": query})
            data.append(answer.json()["data"])
    return data


async def new_keys(gateway: GatewayProcess) -> set[str]:
    """What is new, as one of the workers says."""
    async with gateway.client() as client:
        answer: httpx.Response = await client.post("/graphql", json={"query": NEW})
    return {finding["key"] for finding in answer.json()["data"]["dataQuality"] if finding["drift"]}


async def test_all_workers_use_the_profile(workers: GatewayProcess) -> None:
    for data in await ask_each(workers, LOCATIONS):
        repairs = data["repairs"]["nodes"]
        assert len(repairs) == 5
        assert None not in [repair["location"] for repair in repairs]
        assert "location" not in [issue["field"] for repair in repairs for issue in repair["dataIssues"]]


async def test_all_workers_see_what_any_of_them_found(workers: GatewayProcess) -> None:
    await ask_each(workers, LOCATIONS)
    async with asyncio.timeout(PATIENCE):
        while not await new_keys(workers):  # each worker writes within seconds
            pass

    for _ in range(CONNECTIONS):
        assert "mobile" in await new_keys(workers)
