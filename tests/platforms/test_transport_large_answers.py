"""Large answers in the transport: refusal while reading, queueing, and the memory budget."""

import asyncio

import httpx
import pytest
from scripted_server import Step, http, scripted
from test_transport import pool_for, send
from waiting import until

from gateway.ops.slots import Slots
from gateway.platforms.answer import AnswerTooLargeError
from gateway.platforms.large_answers import ANSWERS_HELD, LARGE, LargeAnswers
from gateway.platforms.pool import Exchange
from gateway.platforms.transport import EngineTransport

MIB = 1024 * 1024
PIECE = 256 * 1024
"""What comes of a socket at once, at most."""

CALLS = 16
REQUEST = b"POST /x HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 0\r\n\r\n"
TEXT = b'"' + b"x" * (2 * LARGE) + b'"'


class Gate:
    """Answers that stop after their first bytes until the gate is opened."""

    def __init__(self, body: bytes, first: int) -> None:
        self.first = first
        self.open = asyncio.Event()
        self._answer = http(body)
        self._head = len(self._answer) - len(body)

    @property
    def step(self) -> Step:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stop = self._head + self.first
            writer.write(self._answer[:stop])
            await self.open.wait()
            writer.write(self._answer[stop:])

        return answer


def transport_for(max_body_bytes: int = MIB, max_values: int = 1000) -> EngineTransport:
    return EngineTransport(Slots(2 * CALLS), LargeAnswers(max_body_bytes, max_values))


@pytest.mark.parametrize("part", [b"1,", b"[],", b"{},", b"[", rb"\u002c"])
async def test_answer_of_many_values_is_refused_while_read(part: bytes) -> None:
    body = b"[" + part * MIB
    gate = Gate(body, 2 * LARGE)  # what is left of it never comes
    async with scripted(gate.step) as upstream:
        pool = transport_for(max_body_bytes=8 * MIB).pool(httpx.URL(f"http://127.0.0.1:{upstream.port}"))
        with pytest.raises(AnswerTooLargeError, match="more values"):
            await send(pool)


async def test_large_answer_of_few_values_is_read() -> None:
    async with scripted(http(TEXT)) as upstream:
        transport = transport_for()
        answer = await send(transport.pool(httpx.URL(f"http://127.0.0.1:{upstream.port}")))
    assert answer.body == TEXT
    assert transport.large_answers.held == 0


async def test_large_answers_are_parsed_one_per_turn() -> None:
    gate = Gate(TEXT, len(TEXT) - 1)
    async with scripted(gate.step) as upstream:
        pool = pool_for(upstream, slots=2 * CALLS, max_body_bytes=MIB)
        loop = asyncio.get_running_loop()
        turn, turns = 0, []

        def next_turn() -> None:
            nonlocal turn
            turn += 1
            if len(turns) < CALLS:
                loop.call_soon(next_turn)

        for _ in range(CALLS):
            Exchange(pool, REQUEST, loop.time() + 5, repeatable=True).begin(lambda _: turns.append(turn))
        await until(lambda: len(upstream.requests) == CALLS)
        gate.open.set()
        next_turn()
        await until(lambda: len(turns) == CALLS)
    assert len(set(turns)) == CALLS


async def test_large_answers_hold_their_budget_and_one_more() -> None:
    body = b"x" * MIB
    gate = Gate(body, LARGE + 1)
    async with scripted(gate.step) as upstream:
        transport = transport_for(max_body_bytes=MIB)
        pool = transport.pool(httpx.URL(f"http://127.0.0.1:{upstream.port}"))
        calls = [asyncio.create_task(send(pool, seconds=10)) for _ in range(CALLS)]
        await until(lambda: transport.large_answers.held == CALLS * (LARGE + 1))
        gate.open.set()
        answers = await asyncio.gather(*calls)
    assert [answer.body for answer in answers] == [body] * CALLS
    assert transport.large_answers.most_held <= (ANSWERS_HELD + 1) * MIB + PIECE
    assert transport.large_answers.held == 0


async def test_paused_connection_reads_its_next_answer() -> None:
    body = b"x" * MIB
    gate = Gate(body, LARGE + 1)
    async with scripted(*[gate.step] * CALLS, http()) as upstream:
        transport = transport_for(max_body_bytes=MIB)
        pool = transport.pool(httpx.URL(f"http://127.0.0.1:{upstream.port}"))
        calls = [asyncio.create_task(send(pool, seconds=10)) for _ in range(CALLS)]
        await until(lambda: transport.large_answers.held == CALLS * (LARGE + 1))
        gate.open.set()
        await asyncio.gather(*calls)
        opened = upstream.connections
        answers = await asyncio.gather(*(send(pool) for _ in range(CALLS)))
        assert upstream.connections == opened
    assert [answer.body for answer in answers] == [b"{}"] * CALLS


async def test_cancelled_and_late_large_answers_are_released() -> None:
    gate = Gate(TEXT, len(TEXT) - 1)
    async with scripted(gate.step) as upstream:
        transport = transport_for()
        pool = transport.pool(httpx.URL(f"http://127.0.0.1:{upstream.port}"))
        cancelled = asyncio.create_task(send(pool))
        late = asyncio.create_task(send(pool, seconds=3))
        await until(lambda: transport.large_answers.held == 2 * (len(TEXT) - 1))
        cancelled.cancel()
        with pytest.raises(httpx.ReadTimeout):
            await late
        assert transport.large_answers.held == 0
        assert pool.slots.taken == 0
