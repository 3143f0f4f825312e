"""Requests leave no reference cycles, so memory is freed without the garbage collector.

It is set to run rarely (`gateway/ops/event_loop.py`). What libraries leave at their own pace is not
counted, nor is graphql-core's validation of a new document, whose visitors refer to themselves.
"""

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count
from types import FrameType, TracebackType

import pytest
from test_events import apply, polled

from gateway.sandbox.faults import Fault, FaultKind

pytestmark = pytest.mark.slow

OUR_PACKAGES = ("gateway", "schema", "graphql", "strawberry")
FRAMES = (FrameType, TracebackType)
NUMBERS = count(900)

ORDERS = '{ orders(communityCode: "10002", first: 2) { nodes { title house { owner { phone } } } } }'


async def collect_cycles(ask: Callable[[], Awaitable[object]]) -> Counter[str]:
    """The objects that requests leave in cycles each time, by their type: of the gateway, of GraphQL, and frames.

    What only one of two rounds left came from elsewhere, like the types of a reader that was generated again.
    """
    for _ in range(2):
        await ask()
    return await collect_round(ask) & await collect_round(ask)


async def collect_round(ask: Callable[[], Awaitable[object]]) -> Counter[str]:
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            await ask()
        for _ in range(10):
            await asyncio.sleep(0)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = [type(found) for found in gc.garbage]
        ours = [kind for kind in kinds if kind.__module__.partition(".")[0] in OUR_PACKAGES or kind in FRAMES]
        return Counter(kind.__qualname__ for kind in ours)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def new_document() -> str:
    """Ten aliased lists under names that were never there before."""
    name = next(NUMBERS)
    lists = (
        f'a{name}_{alias}: orders(communityCode: "10002", first: 2) {{ nodes {{ title }} }}' for alias in range(10)
    )
    return f"query New{name} {{ {' '.join(lists)} }}"


@pytest.mark.usefixtures("execution")
async def test_known_document_leaves_no_cycles(gateway):
    assert (await gateway.ask(ORDERS)).data
    assert not await collect_cycles(lambda: gateway.ask(ORDERS))


SCHEMA = "{ __schema { types { name fields { name } } } }"
FIRST = 'query($first: Int!) { orders(communityCode: "10002", first: $first) { totalCount } }'
ENDS: dict[str, tuple[Callable[[], str], set[str]]] = {
    "introspection": (lambda: SCHEMA, set()),
    "syntax": (lambda: f"{new_document()} }}", {"GRAPHQL_PARSE_FAILED"}),
    "comments": (lambda: f"# {next(NUMBERS)}\n# and\n{{ # end\n", {"GRAPHQL_PARSE_FAILED"}),
    "tokens": (lambda: f"{{ {'title ' * 3_000} }}", {"QUERY_TOO_COMPLEX"}),
    "depth": (lambda: f"{{ {'a {' * 300} b {'}' * 300} }}", {"QUERY_TOO_COMPLEX"}),
    "root fields": (lambda: f"{{ {'viewer ' * 100} }}", {"QUERY_TOO_COMPLEX"}),
    "variable": (lambda: FIRST, {"BAD_USER_INPUT"}),
    "argument": (lambda: '{ orders(communityCode: "10002", first: 1000) { totalCount } }', {"BAD_USER_INPUT"}),
    "by platform": (lambda: '{ orders(communityCode: "77777", first: 2) { totalCount } }', {"UPSTREAM_REFUSED"}),
    "by platform, below": (
        lambda: '{ viewer { subject } repairs(communityCode: "77777") { totalCount } }',
        {"UPSTREAM_REFUSED"},
    ),
    "without token": (lambda: ORDERS, {"UNAUTHENTICATED"}),
}
"""What is asked, and the codes of its errors."""


async def test_refused_request_leaves_no_cycles(gateway, subtests):
    for name, (document, codes) in ENDS.items():

        async def ask(document=document, codes=codes) -> None:
            token = "" if codes == {"UNAUTHENTICATED"} else None
            answer = await gateway.ask(document(), {"first": "two"}, token=token)
            assert {error["extensions"]["code"] for error in answer.body.get("errors", ())} == codes

        with subtests.test(name):
            assert not await collect_cycles(ask)


@pytest.mark.parametrize("extra", [{"GATEWAY_CALL_TIMEOUT": "0.5"}])
async def test_failing_or_slow_platform_leaves_no_cycles(gateway, sandbox, subtests, monkeypatch):
    """A slow answer is watched for its deadline, and for a client that leaves."""
    monkeypatch.setattr("gateway.ops.calls.MIN_CALLS", 1000)
    query = '{ repairs(communityCode: "10002", first: 2) { totalCount } }'
    assert (await gateway.ask(query)).data
    for kind in ("RESET", "HTTP_500", "GARBAGE", "HANG", "LATENCY"):
        with subtests.test(kind):
            sandbox.faults.set("WJDH", "repair/list", Fault(FaultKind[kind], seconds=0.06))
            assert not await collect_cycles(lambda: gateway.ask(query))


@pytest.mark.parametrize("extra", [{"GATEWAY_WJDH_URL": "http://127.0.0.1:9"}])
async def test_unreachable_platform_leaves_no_cycles(gateway):
    assert not await collect_cycles(lambda: gateway.ask(ORDERS))


async def test_websocket_operations_leave_no_cycles(connect, sandbox):
    """One that is complete, and a subscription that the client completes."""
    query = 'subscription { shenheEvents(communityCode: "10002") { kind shenhe { platformId } } }'

    async def ask() -> None:
        async with connect() as socket:
            await socket.subscribe("1", ORDERS)
            assert [(await socket.receive("1"))["type"] for _ in range(2)] == ["next", "complete"]
            await socket.subscribe("1", query)
            await polled(sandbox, 2)
            apply(sandbox, next(NUMBERS))
            assert (await socket.receive("1"))["type"] == "next"
            await socket.send("complete", id="1")
            await socket.settle()

    assert not await collect_cycles(ask)
