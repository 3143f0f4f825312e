"""What subscribers receive, and what they may see of it."""

import pytest
from broken_journal import broken
from platform_answers import update_repair
from test_events import CODE, PAYMENTS, REPAIRS, REVIEWS, apply, approve, follow, next_event, pending, told, unpaid

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
    first, second = unpaid(sandbox)[:2]
    async with connect() as socket:
        await socket.subscribe("1", PAYMENTS)
        await socket.settle()
        for number in (first, first, second):
            await sandbox.pay(number, gateway.url)

        assert await received_until(socket, second) == [first, second]


async def test_uncertain_payment_is_received_once(connect, gateway, sandbox):
    unclear, other = unpaid(sandbox)[:2]
    async with connect() as socket:
        await socket.subscribe("1", PAYMENTS)
        await socket.settle()
        with broken(gateway.parts.journal.payments, "receive", after=True):
            assert (await sandbox.pay(unclear, gateway.url)).payment_answer == {"code": 2}
        for number in (unclear, other):
            assert (await sandbox.pay(number, gateway.url)).payment_answer == {"code": 0}

        assert await received_until(socket, other) == [unclear, other]


PEOPLE = 'subscription { shenheEvents(communityCode: "10002") { shenhe { content { people { name phone } } } } }'


async def test_event_is_masked_per_subscriber(connect, gateway, sandbox, mint):
    number = pending(sandbox)[0]
    applicant = sandbox.world.shenhes[number].applicant
    async with connect(token=mint("shenhe:read")) as masked, connect() as open_:
        for socket in (masked, open_):
            await follow(socket, sandbox, PEOPLE)

        await approve(gateway, CODE, number)

        seen = [(await next_event(socket))["shenhe"]["content"]["people"] for socket in (masked, open_)]
    assert seen[0]["name"] != applicant.name
    assert applicant.phone not in str(seen[0])
    assert seen[1] == {"name": applicant.name, "phone": applicant.phone}


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


async def test_missing_entity_scope_starts_no_subscription(connect, gateway, sandbox, mint, subtests):
    async with connect(token=mint("module:read")) as socket:
        for query, scope in ((PAYMENTS, "payment:read"), (REVIEWS, "shenhe:read"), (REPAIRS, "repair:read")):
            inline = query.replace("{", "{ ... on Subscription {", 1) + "}"
            named = query.replace("{", "{ ...Event } fragment Event on Subscription {", 1)
            for document in (query, inline, named):
                with subtests.test(scope, query=document):
                    await socket.subscribe("1", document, code=CODE)
                    [error] = (await socket.receive("1"))["payload"]

                    extensions = error["extensions"]
                    assert (extensions["code"], extensions["missingScope"]) == ("FORBIDDEN", scope)
    assert len(gateway.parts.watches) == 0
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
