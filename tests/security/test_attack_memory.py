"""Repeated attacks do not grow the memory."""

import asyncio

import pytest
from fuzzing import Fuzzer, random_requests
from test_attack_documents import DOCUMENTS
from test_attack_requests import BODIES, ENCODED
from wire import over_websocket

pytestmark = pytest.mark.asyncio(loop_scope="session")

MOST_GROWTH = 12 * 1024 * 1024


async def every_kind(target, number: int) -> None:
    """Of different texts each time, so that what is remembered by text is remembered anew."""
    for _, *documents in DOCUMENTS.values():
        for document in documents:
            await target.query(f"{document} # {number}")
    for _, *bodies in BODIES.values():
        for body in bodies:
            await target.post(body)
    await asyncio.gather(*(target.post(body, content_encoding=encoding) for body, encoding in ENCODED))
    await asyncio.gather(*(target.query(f"{{ viewer {{ a{number}x{n}: subject }} }}") for n in range(50)))
    await asyncio.gather(*(over_websocket(target.url, target.token, "{ viewer { subject } }", {}) for _ in range(20)))
    await Fuzzer(target.port, target.token).send(random_requests(number, 300))


async def test_repeated_attacks_take_no_more_memory(target):
    for number in range(2):  # until caches have what they may hold of the kinds that are sent
        await every_kind(target, number)
    settled = target.memory

    for number in range(2, 4):
        await every_kind(target, number)

    assert target.memory - settled < MOST_GROWTH
