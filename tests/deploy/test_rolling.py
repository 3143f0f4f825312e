"""Gateways behind nginx are replaced one by one, and no caller notices."""

import asyncio
import contextlib
from collections import Counter

import pytest
from processes import GatewayProcess

VIEWER = {"query": "{ viewer { subject } }"}
CALLERS = 4
PAUSE = 0.02
"""Seconds between two requests of a caller: the gateways need the processor to start."""


@pytest.mark.parametrize("workers", [1, 2])
async def test_replacing_gateways_fails_no_request(environ, database_url, run_nginx, tmp_path, workers):
    shared = environ | {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_ID_KEY": "k" * 32}
    gateways = [GatewayProcess(shared, tmp_path / f"log-{number}", workers) for number in range(2)]
    answers: Counter[int] = Counter()
    async with contextlib.AsyncExitStack() as stack:
        for gateway in gateways:
            stack.push_async_callback(gateway.kill)
        await asyncio.gather(*(gateway.start() for gateway in gateways))
        nginx = await stack.enter_async_context(run_nginx(*(gateway.port for gateway in gateways)))
        authorization = {"authorization": gateways[0].client().headers["authorization"]}
        client = await stack.enter_async_context(nginx.client(headers=authorization))
        replaced = asyncio.Event()

        async def call() -> None:
            while not replaced.is_set():
                answers[(await client.post("/graphql", json=VIEWER)).status_code] += 1
                await asyncio.sleep(PAUSE)

        calling = [asyncio.create_task(call()) for _ in range(CALLERS)]
        for gateway in gateways:
            await gateway.stop()
            await gateway.start()
        replaced.set()
        await asyncio.gather(*calling)
    assert set(answers) == {200}, answers
    assert answers[200] > 100
