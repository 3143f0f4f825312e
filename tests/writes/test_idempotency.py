"""One idempotency key, one write: repeats, simultaneous requests, restarts, crashes."""

import asyncio
import json

import httpx
import pytest
from processes import GatewayProcess
from write_cases import CASES

from gateway.actions import writer
from gateway.errors import JournalError
from gateway.journal.listing import Cut, OperationQuery
from gateway.sandbox.faults import Fault, FaultKind
from gateway.wording.faults import FaultWording

BY_NAME = {case.name: case for case in CASES}
ORDER, SYNC = BY_NAME["createOrder for a house"], BY_NAME["syncModules"]

OPERATIONS = "{ operations { nodes { mutation outcome idempotencyKey } } }"
KEY = {"idempotencyKey": "key-1"}


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request):
    return request.param


async def test_replay_returns_the_same_result_after_restart(environ, serve, sandbox, case):
    async with serve(environ) as gateway:
        prepared = await case.prepare(gateway) | KEY
        first = await case.write(gateway, prepared)
        sandbox.effects.clear()
        sandbox.reset_calls()
        again = await case.write(gateway, prepared)
    async with serve(environ) as gateway:
        after_restart = await case.write(gateway, prepared)

    assert first["outcome"] == "CONFIRMED"
    assert first == again == after_restart
    assert sandbox.effects.all() == []
    assert sandbox.count("WJDH", case.endpoint) == 0


async def test_changed_arguments_under_a_key_are_a_mismatch(gateway, sandbox):
    prepared = await ORDER.prepare(gateway)
    await ORDER.write(gateway, prepared)
    for name, value in (("amount", "12.31"), ("title", "水费"), ("details", []), ("communityCode", "00001")):
        payload = await ORDER.write(gateway, prepared | {name: value})
        [error] = payload["userErrors"]
        assert (payload["outcome"], error["code"], error["field"]) == (
            "REFUSED",
            "IDEMPOTENCY_MISMATCH",
            ["idempotencyKey"],
        )
        assert payload["orderNumber"] is None
    assert sandbox.effects.count("order/new") == 1


async def test_car_number_differs_from_parking_space_number(gateway, sandbox):
    car, space = BY_NAME["createOrder for a car"], BY_NAME["createOrder for a parking space"]
    made = await car.write(gateway, car.input)
    payload = await space.write(gateway, space.input | {"payer": {"parkingNumber": car.input["payer"]["carNumber"]}})

    assert made["outcome"] == "CONFIRMED"
    assert [error["code"] for error in payload["userErrors"]] == ["IDEMPOTENCY_MISMATCH"]
    assert payload["orderNumber"] is None


async def test_different_mutation_under_a_key_is_a_mismatch(gateway, sandbox):
    announcement = BY_NAME["createAnnouncement"]
    await ORDER.write(gateway, await ORDER.prepare(gateway) | KEY)
    payload = await announcement.write(gateway, await announcement.prepare(gateway) | KEY)

    assert [error["code"] for error in payload["userErrors"]] == ["IDEMPOTENCY_MISMATCH"]
    assert sandbox.effects.count("announcement/new") == 0


async def test_idempotency_key_is_per_caller(gateway, mint, sandbox):
    prepared = await ORDER.prepare(gateway)
    one, two = [await ORDER.write(gateway, prepared, token=mint(subject=subject)) for subject in ("one", "two")]

    assert one["orderNumber"] != two["orderNumber"]
    assert sandbox.effects.count("order/new") == 2


async def test_fifty_simultaneous_repeats_are_one_call(gateway, sandbox):
    prepared = await ORDER.prepare(gateway)
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.LATENCY, seconds=0.2))
    payloads = await asyncio.gather(*(ORDER.write(gateway, prepared) for _ in range(50)))

    assert payloads[0]["outcome"] == "CONFIRMED"
    assert all(payload == payloads[0] for payload in payloads)
    assert sandbox.count("WJDH", "order/new") == 1
    assert len((await gateway.ask(OPERATIONS)).data["operations"]["nodes"]) == 1


async def test_mismatch_does_not_disturb_a_write_in_progress(gateway, sandbox):
    prepared = await ORDER.prepare(gateway)
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.LATENCY, seconds=0.3))
    inputs = [prepared, prepared | {"amount": "1"}, prepared, prepared | {"amount": "1"}, prepared]
    payloads = await asyncio.gather(*(ORDER.write(gateway, each) for each in inputs))

    right, wrong = payloads[::2], payloads[1::2]
    assert len({payload["orderNumber"] for payload in right}) == 1
    assert {payload["userErrors"][0]["code"] for payload in wrong} == {"IDEMPOTENCY_MISMATCH"}
    assert sandbox.effects.count("order/new") == 1


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


async def test_two_equal_lost_orders_both_stay_unknown(environ, serve, clock, sandbox):
    """Two clerks, equal orders, both answers lost, one order made: its owner is undecidable."""
    async with serve(environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}, clock) as gateway:
        prepared = await ORDER.prepare(gateway)
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.RESET), times=1)
        lost = await ORDER.write(gateway, prepared | {"idempotencyKey": "one"})
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.APPLIED_THEN_HANG), times=1)
        made = await ORDER.write(gateway, prepared | {"idempotencyKey": "two"})
        clock.advance(minutes=10)
        await gateway.parts.reconciler.reconcile_due()
        operations = (await gateway.ask(OPERATIONS)).data["operations"]["nodes"]

    assert [lost["outcome"], made["outcome"]] == ["UNKNOWN", "UNKNOWN"]
    assert "CONFIRMED" not in [operation["outcome"] for operation in operations]
    assert sandbox.effects.count("order/new") == 1


async def test_write_completes_when_its_client_leaves(gateway, sandbox, until):
    prepared = await ORDER.prepare(gateway)
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.LATENCY, seconds=0.4))
    body = {"query": ORDER.document, "variables": {"input": prepared}}
    with pytest.raises(httpx.ReadTimeout):
        await gateway.client.post("/graphql", json=body, timeout=0.15)

    async def ended():
        [operation] = (await gateway.ask(OPERATIONS)).data["operations"]["nodes"]
        return operation["outcome"]

    assert await until(ended) == "CONFIRMED"
    assert (await ORDER.write(gateway, prepared))["outcome"] == "CONFIRMED"
    assert sandbox.effects.count("order/new") == 1


async def test_shutdown_completes_a_write_in_progress(environ, sandbox, tmp_path, serve, until):
    process = GatewayProcess(environ, tmp_path / "log")
    await process.start()
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.LATENCY, seconds=0.5))
    body = {"query": ORDER.document, "variables": {"input": dict(ORDER.input)}}
    async with process.client() as client:
        writing = asyncio.create_task(client.post("/graphql", json=body))
        await until(lambda: _called(sandbox, "order/new"))
        await process.stop()
        answer = (await writing).json()["data"]["createOrder"]
    async with serve(environ) as gateway:
        operations = (await gateway.ask(OPERATIONS)).data["operations"]["nodes"]

    assert answer["outcome"] == "CONFIRMED"
    assert [operation["outcome"] for operation in operations] == ["CONFIRMED"]
    assert sandbox.effects.count("order/new") == 1


async def test_shutdown_completes_an_abandoned_write(environ, sandbox, serve):
    async with serve(environ, request_timeout=0.3) as gateway:
        sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.LATENCY, seconds=1), times=1)
        answer = await gateway.ask(ORDER.document, {"input": dict(ORDER.input)})
    async with serve(environ) as gateway:
        [operation] = (await gateway.ask(OPERATIONS)).data["operations"]["nodes"]

    assert (answer.code, operation["outcome"]) == ("UPSTREAM_TIMEOUT", "CONFIRMED")
    assert sandbox.effects.count("order/new") == 1


async def test_write_of_a_killed_gateway_is_completed(environ, sandbox, tmp_path, serve, until, clock):
    process = GatewayProcess(environ, tmp_path / "log")
    await process.start()
    sandbox.faults.set("WJDH", "order/new", Fault(FaultKind.APPLIED_THEN_HANG))
    body = {"query": ORDER.document, "variables": {"input": dict(ORDER.input)}}
    async with process.client() as client:
        writing = asyncio.create_task(client.post("/graphql", json=body))
        await until(lambda: _called(sandbox, "order/new"))
        await process.kill()
        with pytest.raises(httpx.TransportError):
            await writing
    clock.advance(minutes=5)
    async with serve(environ, clock) as gateway:

        async def ended():
            """The next one begins with it as soon as it runs."""
            payload = await ORDER.write(gateway, ORDER.input)
            return payload if payload["outcome"] != "UNKNOWN" else None

        payload = await until(ended)

    [effect] = sandbox.effects.of("order/new")
    assert (payload["outcome"], payload["orderNumber"]) == ("CONFIRMED", effect.result)


async def test_write_in_progress_is_not_taken_over_as_crashed(environ, sandbox, serve, until, clock):
    """The machine stood still for ten minutes while the platform was at work on it."""
    module = BY_NAME["setModule"]
    async with serve(environ, clock) as gateway:
        prepared = await module.prepare(gateway)
        sandbox.faults.set("WJDH", "module", Fault(FaultKind.LATENCY, seconds=0.5), times=1)
        writing = asyncio.create_task(module.write(gateway, prepared))
        await until(lambda: _called(sandbox, "module"))
        clock.advance(minutes=10)
        assert await gateway.parts.reconciler.reconcile_due() == 0

        payload = await writing

    assert (payload["outcome"], payload["operation"]["outcome"]) == ("CONFIRMED", "CONFIRMED")


async def test_unstored_announcement_is_still_confirmed(gateway, sandbox, monkeypatch):
    async def fail(announcement):
        raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))

    announcement = BY_NAME["createAnnouncement"]
    monkeypatch.setattr(writer, "RECORD_PAUSES", ())
    monkeypatch.setattr(gateway.parts.journal.announcements, "add", fail)
    payload = await announcement.write(gateway, await announcement.prepare(gateway))

    assert (payload["outcome"], payload["announcement"]) == ("CONFIRMED", None)
    assert sandbox.effects.count("announcement/new") == 1


@pytest.mark.parametrize(("part", "method"), [("operations", "finish"), ("announcements", "add")])
async def test_unreadable_write_is_recorded_when_journal_is_back(gateway, monkeypatch, part, method):
    records = getattr(gateway.parts.journal, part)
    fails, record = iter([True, True]), getattr(records, method)

    async def fail_sometimes(*given, **named):
        if next(fails, False):
            raise JournalError(FaultWording.JOURNAL_LOST(code="SQLITE_FULL"))
        return await record(*given, **named)

    announcement = BY_NAME["createAnnouncement"]
    monkeypatch.setattr(writer, "RECORD_PAUSES", (0, 0))
    monkeypatch.setattr(records, method, fail_sometimes)
    prepared = await announcement.prepare(gateway)
    payload = await announcement.write(gateway, prepared)

    assert (payload["outcome"], payload["announcement"] is None) == ("CONFIRMED", False)
    assert await announcement.write(gateway, prepared) == payload


async def test_operation_stores_nothing_personal(gateway, environ):
    prepared = await ORDER.prepare(gateway) | {"payer": {"phone": {"phone": "19900000002", "name": "王芳"}}}
    await ORDER.write(gateway, prepared)
    await ORDER.write(gateway, ORDER.input | {"title": "王芳 19900000002", "idempotencyKey": "key-2"})
    repair = BY_NAME["updateRepair"]
    await repair.write(gateway, await repair.prepare(gateway) | {"reply": "王芳 19900000002"})

    for operation in (await gateway.parts.journal.operations.list(OperationQuery(), Cut(10))).items:
        kept = json.dumps([operation.expected, operation.answer, operation.fingerprint], ensure_ascii=False)
        assert "19900000002" not in kept
        assert "王芳" not in kept


async def test_replayed_sync_returns_its_original_plan(gateway, sandbox):
    prepared = await SYNC.prepare(gateway) | KEY
    sandbox.effects.clear()
    payloads = [await SYNC.write(gateway, prepared) for _ in range(2)]
    changes = [{"name": "COMPLAINTS", "label": "投诉建议", "wjdh": True, "security": False}]

    assert [payload["changes"] for payload in payloads] == [changes, changes]
    assert (await SYNC.write(gateway, prepared | {"idempotencyKey": "key-2"}))["changes"] == []
    assert sandbox.effects.count("module", xiaoqu="00001") == 1


async def test_dry_run_returns_the_plan_without_effects(gateway, sandbox):
    await SYNC.prepare(gateway)
    sandbox.effects.clear()
    before = (await gateway.ask(OPERATIONS)).data
    given = {"communityCode": "00001"}  # dryRun is the default
    payload = (await gateway.ask(SYNC.document, {"input": given})).data["syncModules"]

    assert [change["name"] for change in payload["changes"]] == ["COMPLAINTS"]
    assert (payload["outcome"], payload["operation"]) == ("PLANNED", None)
    assert sandbox.effects.all() == []
    assert (await gateway.ask(OPERATIONS)).data == before


async def _called(sandbox, endpoint) -> bool:
    return sandbox.count("WJDH", endpoint) > 0
