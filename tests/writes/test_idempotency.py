"""One idempotency key, one write: repeats, simultaneous requests, restarts, crashes."""

import asyncio
import json

import httpx
import pytest
from broken_journal import broken
from waiting import until
from write_cases import BY_NAME, CASES

from gateway.actions import writer
from gateway.journal.listing import OperationQuery
from gateway.sandbox.faults import Fault, FaultKind

ORDER = BY_NAME["createOrder for a house"]
OPERATIONS = "{ operations { nodes { outcome } } }"


async def operations(gateway):
    return [operation["outcome"] for operation in (await gateway.read(OPERATIONS))["nodes"]]


async def test_replay_returns_the_same_result_after_restart(environ, serve, sandbox):
    written = []
    async with serve(environ) as gateway:
        for number, case in enumerate(CASES):
            prepared = await case.prepare(gateway, number) | {"idempotencyKey": f"key-{number}"}
            first = await case.write(gateway, prepared)
            sandbox.effects.clear()
            sandbox.reset_calls()
            assert first["outcome"] == "CONFIRMED", case.name
            assert await case.write(gateway, prepared) == first, case.name
            assert sandbox.effects.all() == []
            assert sandbox.count("WJDH", case.endpoint) == 0
            written.append((case, prepared, first))
    async with serve(environ) as gateway:
        for case, prepared, first in written:
            assert await case.write(gateway, prepared) == first, case.name
    assert sandbox.effects.all() == []


CAR = BY_NAME["createOrder for a car"]
MISMATCHES = [
    *((ORDER, ORDER, change) for change in ({"amount": "12.31"}, {"title": "水费"}, {"details": []})),
    (ORDER, ORDER, {"communityCode": "00001"}),
    (CAR, BY_NAME["createOrder for a parking space"], {"payer": {"parkingNumber": CAR.input["payer"]["carNumber"]}}),
    (ORDER, BY_NAME["createAnnouncement"], {}),
]


async def test_other_write_under_a_key_is_a_mismatch(gateway, sandbox):
    for number, (first, second, change) in enumerate(MISMATCHES):
        key = {"idempotencyKey": f"key-{number}"}
        sandbox.effects.clear()
        await first.write(gateway, await first.prepare(gateway) | key)
        payload = await second.write(gateway, await second.prepare(gateway) | change | key)

        [error] = payload["userErrors"]
        assert (payload["outcome"], error["code"]) == ("REFUSED", "IDEMPOTENCY_MISMATCH"), change
        assert error["field"] == ["idempotencyKey"]
        assert payload.get("orderNumber") is None
        assert len(sandbox.effects.all()) == 1


async def test_fifty_simultaneous_repeats_are_one_call(gateway, sandbox, mint):
    """Of a caller: the key of another one is its own."""
    prepared = await ORDER.prepare(gateway)
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.LATENCY, seconds=0.3))
    other = prepared | {"amount": "1"}
    *payloads, wrong, foreign = await asyncio.gather(
        *(ORDER.write(gateway, given) for given in [prepared] * 50 + [other]),
        ORDER.write(gateway, prepared, token=mint(subject="two")),
    )

    assert payloads[0]["outcome"] == "CONFIRMED"
    assert all(payload == payloads[0] for payload in payloads)
    assert [error["code"] for error in wrong["userErrors"]] == ["IDEMPOTENCY_MISMATCH"]
    assert foreign["orderNumber"] not in (None, payloads[0]["orderNumber"])
    assert sandbox.count("WJDH", "order/new") == len(await operations(gateway)) == 2


@pytest.mark.postgres
async def test_repeats_at_two_gateways_are_one_call(environ, serve, sandbox, database_url, tmp_path):
    shared = environ | {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_ID_KEY": "k" * 32}
    async with serve(shared) as one, serve(shared | {"GATEWAY_DATA_DIR": str(tmp_path / "two")}) as two:
        prepared = await ORDER.prepare(one)
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.LATENCY, seconds=0.5))
        payloads = await asyncio.gather(*(ORDER.write(gateway, prepared) for gateway in (one, two) for _ in range(5)))
        codes = {error["code"] for payload in payloads for error in payload["userErrors"]}
        again = [await ORDER.write(gateway, prepared) for gateway in (one, two)]

    assert codes == {"IDEMPOTENCY_IN_PROGRESS"}
    assert again[0] == again[1] == next(payload for payload in payloads if payload["outcome"] == "CONFIRMED")
    assert sandbox.effects.count("order/new") == 1


async def test_write_completes_when_its_client_leaves(gateway, sandbox):
    prepared = await ORDER.prepare(gateway)
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.LATENCY, seconds=0.4))
    body = {"query": ORDER.document, "variables": {"input": prepared}}
    with pytest.raises(httpx.ReadTimeout):
        await gateway.client.post("/graphql", json=body, timeout=0.15)

    async def ended():
        [outcome] = await operations(gateway)
        return outcome

    assert await until(ended) == "CONFIRMED"
    assert (await ORDER.write(gateway, prepared))["outcome"] == "CONFIRMED"
    assert sandbox.effects.count("order/new") == 1


async def test_shutdown_completes_an_abandoned_write(environ, sandbox, serve):
    async with serve(environ, request_timeout=0.3) as gateway:
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.LATENCY, seconds=1), times=1)
        answer = await gateway.ask(ORDER.document, {"input": dict(ORDER.input)})
    async with serve(environ) as gateway:
        assert await operations(gateway) == ["CONFIRMED"]

    assert answer.code == "UPSTREAM_TIMEOUT"
    assert sandbox.effects.count("order/new") == 1


async def test_write_of_a_killed_gateway_is_completed(environ, sandbox, process, serve, clock):
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.APPLIED_THEN_HANG))
    body = {"query": ORDER.document, "variables": {"input": dict(ORDER.input)}}
    async with process.client() as client:
        answer = asyncio.create_task(client.post("/graphql", json=body))
        await until(lambda: sandbox.count("WJDH", "order/new"))
        await process.kill()
        with pytest.raises(httpx.TransportError):
            await answer
    clock.advance(minutes=5)
    async with serve(environ, clock) as gateway:

        async def ended():
            """The next one begins with it as soon as it runs."""
            payload = await ORDER.write(gateway, ORDER.input)
            return payload if payload["outcome"] != "UNKNOWN" else None

        payload = await until(ended)

    [effect] = sandbox.effects.of("order/new")
    assert (payload["outcome"], payload["orderNumber"]) == ("CONFIRMED", effect.result)


async def test_write_in_progress_is_not_taken_over_as_crashed(gateway, sandbox, clock):
    """The machine stood still for ten minutes while the platform was at work on it."""
    module = BY_NAME["setModule"]
    prepared = await module.prepare(gateway)
    sandbox.faults.set("WJDH", "module", Fault(FaultKind.LATENCY, seconds=0.5), times=1)
    writing = asyncio.create_task(module.write(gateway, prepared))
    await until(lambda: sandbox.count("WJDH", "module"))
    clock.advance(minutes=10)
    assert await gateway.parts.reconciler.reconcile_due() == 0

    payload = await writing
    assert (payload["outcome"], payload["operation"]["outcome"]) == ("CONFIRMED", "CONFIRMED")


@pytest.mark.parametrize(
    ("part", "method", "failures", "is_kept"),
    [("operations", "finish", 2, True), ("announcements", "add", 2, True), ("announcements", "add", 3, False)],
)
async def test_unreadable_write_is_confirmed_and_recorded_if_possible(
    gateway, sandbox, monkeypatch, part, method, failures, is_kept
):
    """The journal is back in time, or it is not."""
    announcement = BY_NAME["createAnnouncement"]
    monkeypatch.setattr(writer, "RECORD_PAUSES", (0, 0))
    prepared = await announcement.prepare(gateway)
    with broken(getattr(gateway.parts.journal, part), method, times=failures):
        payload = await announcement.write(gateway, prepared)

    assert (payload["outcome"], payload["announcement"] is not None) == ("CONFIRMED", is_kept)
    assert await announcement.write(gateway, prepared) == payload
    assert sandbox.effects.count("announcement/new") == 1


async def test_operation_stores_nothing_personal(gateway, environ):
    prepared = await ORDER.prepare(gateway) | {"payer": {"phone": {"phone": "19900000002", "name": "王芳"}}}
    await ORDER.write(gateway, prepared)
    await ORDER.write(gateway, ORDER.input | {"title": "王芳 19900000002", "idempotencyKey": "key-2"})
    repair = BY_NAME["updateRepair"]
    await repair.write(gateway, await repair.prepare(gateway) | {"reply": "王芳 19900000002"})

    for operation in (await gateway.parts.journal.operations.list(OperationQuery(), 10)).items:
        kept = json.dumps([operation.expected, operation.answer, operation.fingerprint], ensure_ascii=False)
        assert "19900000002" not in kept
        assert "王芳" not in kept
