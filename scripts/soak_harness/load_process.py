"""The load, in a process of its own: told what to do by lines of JSON on its input, it prints what came of it likewise.

It keeps sending at the rate that it was given, whether answers come or not.
"""

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import uvloop
from callbacks import Callbacks
from followers import TOPICS, Follower
from mix import CALLBACK, Mix, Request, wrong_in
from pool import LostError, Pool

MOST_UNDER_WAY = 500
"""Requests; beyond it the load holds back, and says how often."""

CALIBRATING = 16
"""Callers, each with one request at a time."""

LONGEST_LINE = 64 * 1024 * 1024


class Load:
    """Takes one order a line: a method and its arguments."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._pool = Pool(given["ports"])
        self._mix = Mix(given["tokens"], given["repair_ids"], given["run"])
        self._callbacks = Callbacks(self._pool, given["credentials"], self._failed)
        self._followers = [
            Follower(self._pool, token, topic, self._failed) for token in given["tokens"][:2] for topic in TOPICS
        ]
        self._under_way: set[asyncio.Task[None]] = set()
        self._sending: asyncio.Task[None] | None = None
        self._following: list[asyncio.Task[None]] = []
        self._latencies: list[float] = []
        self._counts: Counter[str] = Counter()

    async def calibrate(self, seconds: float) -> None:
        """As fast as answers come, from a few callers."""
        await self._callbacks.sign_in()
        until = time.monotonic() + seconds

        async def ask() -> None:
            while time.monotonic() < until:
                await self._send(self._mix.draw())

        await asyncio.gather(*(ask() for _ in range(CALIBRATING)))

    async def begin(self, rate: float) -> None:
        """So many requests a second, at random moments, until `end`; and the followers."""
        await self._callbacks.sign_in()
        self._sending = asyncio.create_task(self._send_at(rate))
        self._following = [asyncio.create_task(follower.run()) for follower in self._followers]

    async def end(self) -> None:
        """Send no more, wait for the answers, and close all connections."""
        if self._sending is not None:
            self._sending.cancel()
        await asyncio.gather(*self._under_way)
        await self._callbacks.settle()
        for following in self._following:
            following.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)
        await self._pool.leave(self._pool.ports)

    async def use(self, ports: list[int]) -> None:
        """From now on these gateways. Returns when no request is under way to the others."""
        left = [port for port in self._pool.ports if port not in ports]
        self._pool.ports = tuple(ports)
        await self._pool.leave(left)

    async def report(self) -> None:
        """What was done since the last report."""
        latencies, self._latencies = sorted(self._latencies), []
        counts, self._counts = self._counts, Counter()
        _print(
            report={
                "requests": len(latencies),
                "p50": _at(latencies, 0.5),
                "p99": _at(latencies, 0.99),
                "slowest": _at(latencies, 1),
                "counts": counts,
                "sent_again": self._pool.sent_again,
                "connections": self._pool.opened,
                "under_way": len(self._under_way),
                "events": sum(follower.events for follower in self._followers),
                "missed": sum(follower.missed for follower in self._followers),
                "reconnects": sum(follower.connections - 1 for follower in self._followers),
                "closes": Counter(code for follower in self._followers for code in follower.closes),
                "posted": self._callbacks.posted,
            }
        )

    async def acknowledged(self) -> None:
        """The order numbers of all callbacks that were."""
        _print(acknowledged=[*self._callbacks.acknowledged])

    async def _send_at(self, rate: float) -> None:
        due = time.monotonic()
        signed_in = due
        while True:
            due += random.expovariate(rate)
            if (pause := due - time.monotonic()) > 0:
                await asyncio.sleep(pause)
            if due > signed_in + self._callbacks.TOKEN_SECONDS:
                signed_in = due
                self._start(self._callbacks.sign_in())
            if len(self._under_way) >= MOST_UNDER_WAY:
                self._counts["held back"] += 1
                continue
            self._start(self._send(self._mix.draw()))

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _send(self, request: Request) -> None:
        self._counts[request.name] += 1
        sent = time.monotonic()
        if request.name == CALLBACK:
            await self._callbacks.notify()
        else:
            try:
                status, body = await self._pool.send(request.data)
            except (OSError, LostError, TimeoutError) as error:
                self._failed(request.name, sent, [type(error).__name__])
            else:
                if codes := wrong_in(request.name, status, body):
                    self._failed(request.name, sent, codes)
        self._latencies.append(time.monotonic() - sent)

    def _failed(self, name: str, sent: float, codes: list[str]) -> None:
        _print(failed={"name": name, "sent": sent, "answered": time.monotonic(), "codes": codes})


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def _print(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def main() -> None:
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb"))
    load = Load(json.loads(await reader.readline()))
    while line := await reader.readline():
        name, arguments = json.loads(line)
        await getattr(load, name)(*arguments)
        _print(done=name)


if __name__ == "__main__":
    uvloop.run(main())
