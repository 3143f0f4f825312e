"""Limits of WebSocket connections: tokens, origins, sizes and timeouts."""

import asyncio
import json
from collections import deque

import pytest
from exposed import scrape, value
from graphql_socket import connected
from waiting import until

from gateway.http.websocket import may_connect
from gateway.sandbox.faults import Fault, FaultKind

VIEWER = "{ viewer { subject } }"
PAID = "subscription { paymentEvents { payment { orderNumber } } }"


async def test_token_may_come_in_payload_or_handshake(gateway, connect, mint):
    for given in ({"token": mint()}, {"token": "", "additional_headers": {"Authorization": f"Bearer {mint()}"}}):
        async with connect(**given) as socket:
            await socket.subscribe("1", VIEWER)
            assert await socket.data("1") == {"viewer": {"subject": "lin"}}


@pytest.mark.usefixtures("ends_watches_at_once")
async def test_connection_ends_with_its_token(connect, almost_over, gateway):
    async with connect(token=almost_over) as socket:
        await socket.subscribe("1", 'subscription { repairEvents(communityCode: "10002") { cursor } }')

        assert await socket.closed() == 4403
        assert socket.connection.close_reason == "The token has expired"
    await until(lambda: not len(gateway.parts.watches))


@pytest.mark.parametrize("extra", [{"GATEWAY_MAX_SUBSCRIPTIONS": "2"}])
async def test_operations_beyond_the_limit_are_refused_and_counted(connect, gateway):
    async with connect() as socket:
        await socket.subscribe("1", PAID)
        await socket.subscribe("2", PAID)
        await socket.subscribe("3", PAID)

        [error] = (await socket.receive("3"))["payload"]
        said = [error["extensions"][name] for name in ("code", "limit", "bound", "requested")]
        assert said == ["QUERY_TOO_COMPLEX", "subscriptions", 2, 3]
        await socket.send("complete", id="2")
        await socket.subscribe("3", VIEWER)
        assert await socket.data("3") == {"viewer": {"subject": "developer"}}
    series = await scrape(gateway)
    labels = {"code": "QUERY_TOO_COMPLEX", "limit": "subscriptions"}
    assert value(series, "gateway_refused_requests_total", **labels) == 1


@pytest.mark.parametrize("extra", [{"GATEWAY_MAX_SUBSCRIPTIONS": "2"}])
async def test_operation_with_an_unread_end_counts_as_running(gateway):
    for query in ("{", VIEWER):
        async with Unreading(gateway, [subscribe(number, query) for number in range(100)]) as client:
            assert len(client.unsaid) == 100 - 3  # two are under way, and the refusal of the third has to be read


async def test_completed_mutation_leaves_nothing_behind(gateway):
    before = asyncio.all_tasks()
    async with Unreading(gateway, [subscribe(1, "mutation { __typename }")]) as client:
        assert len(asyncio.all_tasks() - before) == 3
        client.say(text({"type": "complete", "id": "1"}))
        await turns()
        assert len(asyncio.all_tasks() - before) == 2  # the connection, and what looks at its token now and then


async def test_deadline_ends_a_query_but_no_subscription(environ, serve, sandbox):
    async with serve(environ, request_timeout=0.3) as gateway, connected(gateway.url, token=gateway.token) as socket:
        await socket.subscribe("events", PAID)
        sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HANG))
        await socket.subscribe("slow", '{ modules(communityCode: "10002") { name } }')

        assert await socket.error_code("slow") == "UPSTREAM_TIMEOUT"
        await socket.subscribe("quick", VIEWER)
        assert await socket.data("quick")
        await socket.send("complete", id="events")
        await socket.settle()


async def test_costly_or_large_operation_is_refused(connect):
    orders = "orders(communityCode: $code, first: 100)"
    inner = "orders(first: 100) { nodes { house { use } } }"
    dear = f"query ($code: ID!) {{ {orders} {{ nodes {{ house {{ {inner} }} }} }} }}"
    async with connect() as socket:
        await socket.subscribe("dear", dear, code="10002")
        await socket.subscribe("large", VIEWER, padding="x" * 70_000)

        for id_, limit in (("dear", "cost"), ("large", "variables")):
            [error] = (await socket.receive(id_))["payload"]
            assert (error["extensions"]["code"], error["extensions"]["limit"]) == ("QUERY_TOO_COMPLEX", limit)
            assert error["extensions"]["requested"] > error["extensions"]["bound"]
        await socket.subscribe("1", VIEWER)
        assert await socket.data("1")


@pytest.mark.parametrize(("limit", "extra"), [(n, {"GATEWAY_MAX_BODY_BYTES": str(n)}) for n in (1000, 3_000_000)])
async def test_message_beyond_the_body_limit_closes_with_1009(connect, limit):
    async with connect() as socket:
        await socket.subscribe("1", VIEWER, padding="x" * (limit - 200))
        assert (await socket.receive("1"))["type"] in ("next", "error")  # it is read; as variables it may be too large

        await socket.subscribe("2", VIEWER, padding="x" * limit)
        assert await socket.closed() == 1009


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("https://gateway.example:8000", True),
        ("http://GATEWAY.example:8000", True),
        ("https://listed.example", True),
        ("http://listed.example", False),
        ("https://gateway.example", False),
        ("https://gateway.example:8000.evil.example", False),
        ("https://evil.example/https://gateway.example:8000", False),
        ("gateway.example:8000", False),
        ("null", False),
        ("", False),
    ],
)
def test_own_or_listed_origin_may_connect(origin, allowed):
    assert may_connect(origin, "gateway.example:8000", {"https://listed.example"}) is allowed
    assert may_connect(origin, None, {"https://listed.example"}) is (
        allowed and "gateway" not in (origin or "").lower()
    )
    assert may_connect(origin, "GATEWAY.example:8000", {"https://listed.example"}) is allowed


class Unreading:
    """A client of the application itself: it sends what it is given, and reads nothing after `connection_ack`."""

    def __init__(self, gateway, messages):
        init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {gateway.token}"}}
        self.unsaid = deque([{"type": "websocket.connect"}, *map(text, [init, *messages])])
        self._app = gateway.app
        self._stalled, self._has_more, self._left = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __aenter__(self):
        """Until nothing more is read from it."""
        headers, protocols = [(b"host", b"127.0.0.1")], ["graphql-transport-ws"]
        scope = {"type": "websocket", "path": "/graphql", "headers": headers, "subprotocols": protocols}
        self._running = asyncio.create_task(self._app(scope, self._receive, self._send))
        await asyncio.wait_for(self._stalled.wait(), 60)
        await turns()
        return self

    async def __aexit__(self, *_):
        self.unsaid.clear()
        self.say({"type": "websocket.disconnect", "code": 1006})
        self._left.set()
        await self._running

    def say(self, message):
        self.unsaid.append(message)
        self._has_more.set()

    async def _receive(self):
        while not self.unsaid:
            self._has_more.clear()
            await self._has_more.wait()
        return self.unsaid.popleft()

    async def _send(self, message):
        if message["type"] == "websocket.accept" or "connection_ack" in message.get("text", ""):
            return
        self._stalled.set()
        await self._left.wait()
        raise OSError


def text(message):
    return {"type": "websocket.receive", "text": json.dumps(message)}


def subscribe(number, query):
    return {"type": "subscribe", "id": str(number), "payload": {"query": query}}


async def turns():
    """Let everything run that can."""
    for _ in range(1000):
        await asyncio.sleep(0)
