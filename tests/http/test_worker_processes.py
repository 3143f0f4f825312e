"""Several worker processes: failed, replaced and orphaned ones."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gateway_workers import PATIENCE, Workers, block_connections, running
from processes import GatewayProcess

STARTUP_FAILURE = 3


@pytest.fixture
async def workers(environ: dict[str, str], database_url: str, tmp_path: Path) -> AsyncIterator[Workers]:
    async with running(Workers, environ, database_url, tmp_path) as workers:
        yield workers


async def is_ready(workers: Workers) -> bool:
    async with workers.gateway.client() as client:
        return (await client.get("/readyz")).status_code == 200


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    except ConnectionResetError:  # it was closed with this connection waiting in it
        return True
    writer.close()
    return True


async def test_dead_worker_is_restarted_while_others_serve(workers, database_url):
    victim, survivor = await workers.served(2)
    [line] = workers.lines("gateway serves")  # of both
    assert (line["address"], line["journal"]) == (workers.gateway.url, "PostgreSQL")
    await block_connections(database_url)
    os.kill(victim, signal.SIGKILL)

    await workers.logged("worker replaced", 2)

    assert await is_ready(workers)
    await block_connections(database_url, but=True)
    *_, newcomer = await workers.served(3)
    os.kill(survivor, signal.SIGKILL)
    assert await workers.served(4)
    assert newcomer not in (victim, survivor)
    assert await is_ready(workers)
    assert await workers.gateway.stop() == 0


async def test_stop_works_while_a_worker_waits_to_restart(workers, database_url):
    victim, _ = await workers.served(2)
    await block_connections(database_url)
    os.kill(victim, signal.SIGKILL)
    await workers.logged("worker replaced", 2)

    async with asyncio.timeout(PATIENCE):
        assert await workers.gateway.stop() == 0


async def test_workers_end_when_their_parent_is_killed(workers):
    await workers.served(2)
    await workers.gateway.kill()

    async with asyncio.timeout(PATIENCE):
        while await listens(workers.gateway.port):  # noqa: ASYNC110 # another program
            await asyncio.sleep(0.01)
    await workers.gateway.start()
    await workers.served(4)


@pytest.mark.parametrize("count", [1, 2])
async def test_ctrl_c_and_failed_start_end_all_workers_cleanly(environ, database_url, tmp_path, count):
    log = tmp_path / "log"
    gateway = GatewayProcess(environ | {"GATEWAY_DATABASE_URL": database_url}, log, workers=count)
    await gateway.start()
    gateway.send_signal(signal.SIGINT)

    async with asyncio.timeout(PATIENCE):
        assert await gateway.ended() in (0, 130)
    assert "Traceback" not in log.read_text()

    await block_connections(database_url)
    await gateway.start(ready=False)
    async with asyncio.timeout(PATIENCE):
        assert await gateway.ended() == STARTUP_FAILURE
