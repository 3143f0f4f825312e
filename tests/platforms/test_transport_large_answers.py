"""Large answers in the transport: queueing, and the memory budget."""

import asyncio

import pytest
from raw_platform import READ, RawPlatform, platform_of
from scripted_server import ScriptedServer, Step, http, scripted
from waiting import until

from gateway.errors import PlatformTimeoutError
from gateway.platforms.answer import ANSWERS_HELD, LARGE, LargeAnswers
from gateway.platforms.call import Call

MIB = 1024 * 1024
PIECE = 256 * 1024
"""What comes of a socket at once, at most."""

CALLS = 16
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


def platform_with(upstream: ScriptedServer) -> RawPlatform:
    return platform_of(upstream, slots=2 * CALLS, max_bytes=MIB)


async def test_large_answers_are_parsed_one_per_turn() -> None:
    gate = Gate(TEXT, len(TEXT) - 1)
    async with scripted(gate.step) as upstream:
        platform = platform_with(upstream)
        loop = asyncio.get_running_loop()
        turn, turns = 0, []

        def next_turn() -> None:
            nonlocal turn
            turn += 1
            if len(turns) < CALLS:
                loop.call_soon(next_turn)

        for _ in range(CALLS):
            Call(platform, READ, {}, lambda *_: turns.append(turn)).begin()
        await until(lambda: len(upstream.requests) == CALLS)
        gate.open.set()
        next_turn()
        await until(lambda: len(turns) == CALLS)
    assert len(set(turns)) == CALLS


async def test_large_answers_hold_their_budget_and_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"x" * MIB
    gate = Gate(body, LARGE + 1)
    held = []
    hold = LargeAnswers.hold

    def hold_and_note(self: LargeAnswers, *what: object) -> None:
        hold(self, *what)  # type: ignore[arg-type] # as it came
        held.append(self.held)

    monkeypatch.setattr(LargeAnswers, "hold", hold_and_note)
    async with scripted(*[gate.step] * CALLS, http()) as upstream:
        platform = platform_with(upstream)
        calls = [asyncio.create_task(platform.send(seconds=10)) for _ in range(CALLS)]
        await until(lambda: bool(held) and held[-1] == CALLS * (LARGE + 1))
        gate.open.set()
        answers = await asyncio.gather(*calls)
        assert [answer.body for answer in answers] == [body] * CALLS
        assert max(held) <= (ANSWERS_HELD + 1) * MIB + PIECE

        opened = upstream.connections  # those that were paused read their next answer
        answers = await asyncio.gather(*(platform.send() for _ in range(CALLS)))
        assert upstream.connections == opened
    assert [answer.body for answer in answers] == [b"{}"] * CALLS
    assert platform.large_answers.held == 0


async def test_cancelled_and_late_large_answers_are_released() -> None:
    gate = Gate(TEXT, len(TEXT) - 1)
    async with scripted(gate.step) as upstream:
        platform = platform_with(upstream)
        held = platform.large_answers
        cancelled = asyncio.create_task(platform.send())
        late = asyncio.create_task(platform.send(seconds=3))
        await until(lambda: held.held == 2 * (len(TEXT) - 1))
        cancelled.cancel()
        with pytest.raises(PlatformTimeoutError):
            await late
        assert held.held == 0
        assert platform.slots.taken == 0
