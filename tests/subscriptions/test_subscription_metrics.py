"""Event streams and WebSockets in `/metrics`: counted as requests where they end, and open until then."""

import pytest
import waiting
from exposed import scrape, value
from graphql_socket import connected

PAID = "subscription Listed { paymentEvents { cursor } }"
REPAIR = 'subscription Listed { repairEvents(communityCode: "10002") { cursor } }'
STREAM = {"accept": "text/event-stream"}

pytestmark = pytest.mark.settings(METRICS_OPERATIONS="Listed")


async def until(gateway, expected: float, name: str, **labels: str) -> None:
    async def is_so() -> bool:
        return value(await scrape(gateway), name, **labels) == expected

    await waiting.until(is_so)


async def until_ended(gateway, outcome: str, times: float = 1, kind: str = "subscription") -> None:
    labels = {"operation": "Listed", "type": kind, "outcome": outcome}
    await until(gateway, times, "gateway_request_seconds_count", **labels)


class TestEventStreams:
    @pytest.mark.usefixtures("ends_watches_at_once")
    async def test_open_stream_is_a_gauge_and_counted_at_its_end(self, gateway):
        async with gateway.client.stream("POST", "/graphql", headers=STREAM, json={"query": REPAIR}) as response:
            assert response.status_code == 200
            await until(gateway, 1, "gateway_open_subscriptions")
            await until(gateway, 1, "gateway_watches")
            assert value(await scrape(gateway), "gateway_open_websockets") == 0

        await until(gateway, 0, "gateway_open_subscriptions")
        await until(gateway, 0, "gateway_watches")
        await until_ended(gateway, "cancelled")

    async def test_refused_stream_is_counted_by_its_code_and_type(self, gateway):
        await gateway.stranger.post("/graphql", headers=STREAM, json={"query": PAID, "operationName": "Listed"})
        await gateway.client.post("/graphql", headers=STREAM, json={"query": "{ nothing }", "operationName": "Listed"})

        for code in ("UNAUTHENTICATED", "GRAPHQL_VALIDATION_FAILED"):
            assert value(await scrape(gateway), "gateway_refused_requests_total", code=code, limit="") == 1
        await until_ended(gateway, "GRAPHQL_VALIDATION_FAILED", kind="unknown")

        await gateway.client.post("/graphql", headers=STREAM, json={"query": "query Listed { __typename }"})
        await until_ended(gateway, "BAD_USER_INPUT", kind="query")


class TestWebSockets:
    async def test_operations_of_all_types_are_counted(self, gateway, connect):
        async with connect() as socket:
            await socket.subscribe("1", "query Listed { __typename }")
            assert await socket.data("1") == {"__typename": "Query"}
            assert (await socket.receive("1"))["type"] == "complete"
            await socket.subscribe("2", PAID)
            await until(gateway, 1, "gateway_open_subscriptions")
            await until(gateway, 1, "gateway_open_websockets")
            await socket.send("complete", id="2")
            await until_ended(gateway, "cancelled")
            await socket.subscribe("3", "query Listed { nothing }")
            await socket.error_code("3")

        await until_ended(gateway, "ok", kind="query")
        await until(gateway, 0, "gateway_open_websockets")
        code = "GRAPHQL_VALIDATION_FAILED"
        assert value(await scrape(gateway), "gateway_refused_requests_total", code=code, limit="") == 1

    async def test_closes_are_counted_by_their_reason(self, gateway):
        async with connected(gateway.url, init=False) as socket:
            await socket.send("subscribe", id="1", payload={"query": PAID})
            assert await socket.closed() == 4401
        async with connected(gateway.url, init=False) as socket:
            await socket.send("connection_init", payload={"a": "b" * 300_000})
            assert await socket.closed() == 1009

        series = await scrape(gateway)
        for reason in ("UNAUTHORIZED", "MESSAGE_TOO_BIG"):
            assert value(series, "gateway_websocket_closes_total", reason=reason) == 1
        labels = {"code": "QUERY_TOO_COMPLEX", "limit": "bytes"}
        assert value(series, "gateway_refused_requests_total", **labels) == 1

    async def test_client_names_itself_by_header_or_payload(self, gateway):
        headers = {"graphql-client-name": "by-header", "graphql-client-version": "1"}
        token = {"Authorization": f"Bearer {gateway.token}"}
        async with connected(gateway.url, token=gateway.token, additional_headers=headers) as socket:
            await socket.settle()
        async with connected(gateway.url, init=False) as socket:
            await socket.init(**token, **{"apollographql-client-name": "by-payload"})
            await socket.settle()

        for name, version in (("by-header", "1"), ("by-payload", "none")):
            await until(gateway, 1, "gateway_client_requests_total", client_name=name, client_version=version)
