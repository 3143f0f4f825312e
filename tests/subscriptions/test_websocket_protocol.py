"""graphql-transport-ws, message by message (graphql-ws, PROTOCOL.md)."""

import gc

import pytest
from waiting import until

from gateway.sandbox.faults import Fault, FaultKind

VIEWER = "{ viewer { subject } }"


async def test_named_query_is_answered_by_next_and_complete(connect):
    query = "query A { __typename } query B($code: ID!) { community(code: $code) { code } }"
    payload = {"query": query, "operationName": "B", "variables": {"code": "00001"}, "extensions": {}}
    async with connect() as socket:
        await socket.send("subscribe", id="1", payload=payload)

        cost = {"requested": 0, "limit": 2000, "actual": 0}
        answer = {"data": {"community": {"code": "00001"}}, "extensions": {"cost": cost}}
        assert await socket.receive("1") == {"id": "1", "type": "next", "payload": answer}
        assert await socket.receive("1") == {"id": "1", "type": "complete"}


UNRUNNABLE = {
    "{": "GRAPHQL_PARSE_FAILED",
    "{ nothing }": "GRAPHQL_VALIDATION_FAILED",
    "subscription { paymentEvents { cursor } __typename }": "GRAPHQL_VALIDATION_FAILED",
    "{ " + "a { " * 20 + "}" * 21: "QUERY_TOO_COMPLEX",
    "query A { __typename } query B { __typename }": "BAD_USER_INPUT",
    "query($code: ID!) { community(code: $code) { code } }": "BAD_USER_INPUT",
    'subscription { shenheEvents(communityCode: "!") { cursor } }': "BAD_USER_INPUT",
}


async def test_unrunnable_operation_is_answered_by_error_alone(connect, subtests):
    async with connect() as socket:
        for query, code in UNRUNNABLE.items():
            with subtests.test(query):
                await socket.subscribe("1", query)
                assert await socket.error_code("1") == code

                await socket.subscribe("1", VIEWER)  # the id is free again, and nothing came after the error
                assert await socket.data("1") == {"viewer": {"subject": "developer"}}
                assert (await socket.receive("1"))["type"] == "complete"


async def test_pings_are_answered_before_and_after_the_init(connect, mint):
    async with connect(init=False) as socket:
        await socket.send("ping", payload={"now": 1})
        assert await socket.receive() == {"type": "pong"}
        await socket.send("pong")
        await socket.init(Authorization=f"Bearer {mint()}")
        await socket.send("ping")
        assert await socket.receive() == {"type": "pong"}


@pytest.mark.usefixtures("ends_watches_at_once")
async def test_complete_or_lost_socket_ends_subscription(connect, gateway):
    async with connect() as socket:
        for is_lost in (False, True):
            await socket.subscribe("1", 'subscription { repairEvents(communityCode: "10002") { cursor } }')
            await socket.settle()
            assert len(gateway.parts.watches) == 1

            await socket.send("complete", id="never heard of" if is_lost else "1")
            if is_lost:
                socket.connection.transport.abort()
            await until(lambda: not len(gateway.parts.watches))


async def test_completing_a_query_stops_its_reads(connect, gateway, sandbox):
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HANG))
    async with connect() as socket:
        await socket.subscribe("1", '{ modules(communityCode: "10002") { name } }')
        await until(lambda: sandbox.count("WJDH", "modules") == 1)

        await socket.send("complete", id="1")

        await until(lambda: not len(gateway.parts.reads))


async def test_mutation_completes_after_its_connection_closes(connect, gateway, sandbox):
    first, second = [repair for repair in sandbox.world.repairs_of["10002"] if not repair.is_resolved][:2]
    sandbox.faults.set("WJDH", "repair", Fault(FaultKind.LATENCY, seconds=0.1))
    async with connect() as socket:
        await socket.subscribe(
            "1",
            """mutation($first: ID!, $second: ID!) {
                 first: updateRepair(input: { id: $first, status: RESOLVED }) { outcome }
                 second: updateRepair(input: { id: $second, status: RESOLVED }) { outcome }
               }""",
            first=str(first.id),
            second=str(second.id),
        )
        await until(lambda: sandbox.count("WJDH", "repair") == 1)

    gc.collect()  # the event loop itself keeps no task alive
    await until(lambda: first.is_resolved and second.is_resolved)
