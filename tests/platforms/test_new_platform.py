"""A platform of another kind: JSON in both directions, with a token of the settings that no login gives."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import pytest
from scripted_server import ScriptedServer, Step, http, scripted

from gateway.errors import PlatformAuthError
from gateway.normalise.vocabulary import PlatformName
from gateway.ops.slots import Slots
from gateway.ops.trace import METER, Meter, Trace
from gateway.platforms.answer import RawAnswer
from gateway.platforms.call import Call
from gateway.platforms.client import PlatformClient
from gateway.platforms.endpoint import JSON, Effect, Endpoint, Upstream
from gateway.platforms.envelope import SUCCESS, TOKEN_DEAD, Envelope
from gateway.platforms.session import Credential
from gateway.settings import Settings

VEHICLES = Endpoint(PlatformName.SECURITY, "vehicles", "POST", "vehicles", Effect.READ, encoding=JSON)


def open_bare(answer: RawAnswer, decode: object = None) -> Envelope:
    """The status says how it went, and the body is the data."""
    code = TOKEN_DEAD if answer.head.status == 401 else SUCCESS
    return Envelope(code, {"data": json.loads(answer.body)})


class Parking(PlatformClient):
    platform = PlatformName.SECURITY
    open_envelope = staticmethod(open_bare)

    @classmethod
    def open(cls, settings: Settings, upstream: Upstream) -> Self:
        return cls(settings.security_url, Credential("Bearer static"), upstream)

    def vehicles(self, plate: str) -> Call[Any]:
        return Call(self, VEHICLES, {"plate": plate, "page": {"number": 1}}, self.data)


@asynccontextmanager
async def parking(*script: Step) -> AsyncIterator[tuple[Parking, ScriptedServer]]:
    async with scripted(*script) as server:
        settings = Settings(security_url=f"http://127.0.0.1:{server.port}")
        client = Parking.open(settings, Upstream((VEHICLES,), Slots(2), 2.0))
        yield client, server
        await client.aclose()


async def test_arguments_and_token_are_sent_as_declared() -> None:
    async with parking(http(b'[{"plate": "A1"}]')) as (client, server):
        assert await client.vehicles("京A1&b=c") == [{"plate": "A1"}]
    [request] = server.requests
    assert b"\r\nAuthorization: Bearer static\r\n" in request
    assert b"\r\nContent-Type: application/json\r\n" in request
    assert json.loads(request.partition(b"\r\n\r\n")[2]) == {"plate": "京A1&b=c", "page": {"number": 1}}


async def test_refused_static_token_is_not_replaced() -> None:
    async with parking(http(b"{}", status=b"401 Unauthorized")) as (client, server):
        with pytest.raises(PlatformAuthError):
            await client.vehicles("A1")
        assert len(server.requests) == 1
        assert set(client.endpoints) == {"vehicles"}


async def test_trace_names_arguments_and_no_values() -> None:
    trace = Trace(None)
    token = METER.set(Meter(trace=trace))
    try:
        async with parking(http(b"[]")) as (client, _):
            await client.vehicles("京A1&secret=1")
    finally:
        METER.reset(token)
    [call] = trace.to_json()["calls"]
    assert call["arguments"] == [{"name": "plate", "kind": "text"}, {"name": "page", "kind": "text"}]
    assert "A1" not in json.dumps(trace.to_json())
