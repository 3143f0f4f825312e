"""What subscribers receive, and what they may see of it."""

import pytest
from broken_journal import broken
from platform_answers import update_repair
from test_events import CODE, PAYMENTS, REPAIRS, apply, follow, next_event, told, unpaid

from gateway.repairs import RepairStatus
from gateway.sandbox.faults import Fault, FaultKind


async def received_until(socket, number: str) -> list[str]:
    """The order numbers of the payments that were received, up to this one."""
    numbers: list[str] = []
    while number not in numbers:
        event = await next_event(socket)
        if event["kind"] == "RECEIVED":
            numbers.append(event["payment"]["orderNumber"])
    return numbers


async def test_repeated_payment_is_received_once(connect, gateway, sandbox):
    repeated, unclear, other = unpaid(sandbox)[:3]
    async with connect() as socket:
        await socket.subscribe("1", PAYMENTS)
        await socket.settle()
        for number in (repeated, repeated):
            await sandbox.pay(number, gateway.url)
        with broken(gateway.parts.journal.payments, "receive", after=True):
            assert (await sandbox.pay(unclear, gateway.url)).payment_answer == {"code": 2}
        for number in (unclear, other):
            assert (await sandbox.pay(number, gateway.url)).payment_answer == {"code": 0}

        assert await received_until(socket, other) == [repeated, unclear, other]


async def test_event_of_a_resolved_repair_costs_one_read(connect, gateway, sandbox):
    number = next(repair.id for repair in sandbox.world.repairs_of[CODE] if not repair.is_resolved)
    async with connect() as socket:
        await follow(socket, sandbox, REPAIRS, endpoint="repair/list")
        sandbox.reset_calls()

        await update_repair(gateway.parts.platforms.wjdh, number, RepairStatus.RESOLVED, reply="修好了")

        assert told(await next_event(socket)) == ("RESOLVED", number, False)
        assert sandbox.count("WJDH", "repair") == 2  # one by the watch, to see that it is resolved


@pytest.mark.parametrize("extra", [{"GATEWAY_WATCH_INTERVAL": "3600", "GATEWAY_CACHE": "all=0,repairs=60"}])
async def test_query_after_subscribing_sees_earlier_changes(connect, gateway, sandbox):
    async def status(number):
        listed = await gateway.ask('{ repairs(communityCode: "10002", first: 50) { nodes { platformId status } } }')
        return {row["platformId"]: row["status"] for row in listed.data["repairs"]["nodes"]}[number]

    number = next(repair.id for repair in sandbox.world.repairs_of[CODE] if not repair.is_resolved)
    assert await status(number) == "OPEN"
    await update_repair(gateway.parts.platforms.wjdh, number, RepairStatus.RESOLVED, reply="修好了")
    assert await status(number) == "OPEN"  # which is cached
    async with connect() as socket:
        await socket.subscribe("1", REPAIRS, code=CODE)
        await socket.settle()

        assert await status(number) == "RESOLVED"


async def test_fragment_without_scope_starts_nothing(connect, gateway, sandbox, mint):
    inline = PAYMENTS.replace("{", "{ ... on Subscription {", 1) + "}"
    named = PAYMENTS.replace("{", "{ ...Event } fragment Event on Subscription {", 1)
    async with connect(token=mint("module:read")) as socket:
        for document in (inline, named):
            await socket.subscribe("1", document)
            [error] = (await socket.receive("1"))["payload"]
            extensions = error["extensions"]
            assert (extensions["code"], extensions["missingScope"]) == ("FORBIDDEN", "payment:read")
    assert sandbox.counts() == {}


async def test_unreadable_record_is_the_error_of_its_event(connect, sandbox):
    async with connect() as socket:
        await follow(socket, sandbox)
        sandbox.faults.set("WJDH", "shenhe", Fault(FaultKind.WRONG_SHAPE))
        apply(sandbox, 900)
        payload = (await socket.receive("1"))["payload"]
        sandbox.faults.clear()
        apply(sandbox, 901)

        assert told(await next_event(socket)) == ("APPEARED", 901, False)
    assert (payload["data"]["shenheEvents"]["kind"], payload["data"]["shenheEvents"]["shenhe"]) == ("APPEARED", None)
    [error] = payload["errors"]
    assert error["path"] == ["shenheEvents", "shenhe"]
    assert (error["extensions"]["code"], error["extensions"]["endpoint"]) == ("UPSTREAM_PROTOCOL", "shenhe")
