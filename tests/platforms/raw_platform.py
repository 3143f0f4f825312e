"""A platform whose answers are taken as they are, whatever they say: it shows what the connections make of them."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx
from scripted_server import ScriptedServer, Step, scripted

from gateway.normalise.vocabulary import PlatformName
from gateway.ops.slots import Slots
from gateway.platforms.answer import MOST_VALUES, LargeAnswers, RawAnswer
from gateway.platforms.call import Call
from gateway.platforms.client import PlatformClient
from gateway.platforms.connection import Proxy
from gateway.platforms.endpoint import Effect, Endpoint, Upstream
from gateway.platforms.envelope import SUCCESS, Envelope
from gateway.platforms.session import NO_CREDENTIAL
from gateway.settings import Settings

MAX_BODY = 256 * 1024

READ = Endpoint(PlatformName.WJDH, "read", "POST", "x?y=1", Effect.READ)
WRITE = Endpoint(PlatformName.WJDH, "write", "POST", "x?y=1", Effect.WRITE)


class RawPlatform(PlatformClient):
    platform = PlatformName.WJDH
    open_envelope = staticmethod(lambda answer, decode=None: Envelope(SUCCESS, {"data": answer}))

    @classmethod
    def open(cls, settings: Settings, upstream: Upstream) -> Self:
        raise NotImplementedError

    @property
    def large_answers(self) -> LargeAnswers:
        [pool] = self._pools.values()
        return pool.large_answers

    def call(self, *, repeatable: bool = True, seconds: float = 30.0, question: str = "1") -> Call[RawAnswer]:
        """A call that may take so long; to be begun at once."""
        self.call_timeout = seconds
        endpoint = READ if repeatable else WRITE
        return Call(self, endpoint, {"a": question}, lambda _endpoint, envelope: envelope.body["data"])

    async def send(self, **how: Any) -> RawAnswer:
        return await self.call(**how)


def platform_at(
    url: str,
    *,
    slots: int = 4,
    max_bytes: int = MAX_BODY,
    max_values: int = MOST_VALUES,
    tls: ssl.SSLContext | None = None,
    proxy: Proxy | None = None,
) -> RawPlatform:
    get_tls = httpx.create_ssl_context if tls is None else lambda: tls
    upstream = Upstream(
        (READ, WRITE),
        Slots(slots),
        30.0,
        get_tls=get_tls,
        proxy=proxy,
        large_answers=LargeAnswers(max_bytes, max_values),
    )
    return RawPlatform(url, NO_CREDENTIAL, upstream)


def platform_of(upstream: ScriptedServer, **options: Any) -> RawPlatform:
    return platform_at(f"http://127.0.0.1:{upstream.port}", **options)


@asynccontextmanager
async def platform_over(*script: Step, **options: Any) -> AsyncIterator[tuple[ScriptedServer, RawPlatform]]:
    """`async with platform_over(step) as (upstream, platform)`: a server that follows the script, and its client."""
    async with scripted(*script) as upstream:
        yield upstream, platform_of(upstream, **options)
