"""The deployment's profile in all workers of a gateway."""

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

LOCATIONS = '{ repairs(communityCode: "10002", first: 5) { nodes { location dataIssues { field } } } }'

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
    settings = {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_PROFILE": str(profile)}
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


async def test_all_workers_use_the_profile(workers: GatewayProcess) -> None:
    for data in await ask_each(workers, LOCATIONS):
        repairs = data["repairs"]["nodes"]
        assert len(repairs) == 5
        assert None not in [repair["location"] for repair in repairs]
        assert "location" not in [issue["field"] for repair in repairs for issue in repair["dataIssues"]]
