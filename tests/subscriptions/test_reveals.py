"""Reveals in events are audited like those in answers, and masked while the trail cannot be written."""

from datetime import timedelta

from broken_journal import broken
from test_events import apply, follow

from gateway.actions import audit
from gateway.auth.principal import Scope

CHANGED = 'subscription Changed { repairEvents(communityCode: "10002") { repair { id reporter { phone } } } }'


async def repair_id(gateway):
    found = await gateway.read('{ repairs(communityCode: "10002", filter: {status: OPEN}, first: 1) { nodes { id } } }')
    return found["nodes"][0]["id"]


async def entries(gateway):
    await gateway.parts.trail.flush()
    return [entry async for entry in gateway.parts.journal.audit.entries()]


async def change(gateway, id_, reply):
    given = {"id": id_, "status": "OPEN", "reply": reply}
    assert await gateway.write("updateRepair", given) == {"outcome": "CONFIRMED"}


async def test_event_is_masked_or_audited_per_subscriber(gateway, connect, mint, sandbox):
    id_ = await repair_id(gateway)
    async with connect(token=mint(without=[Scope.PII_READ])) as masked, connect() as unmasked:
        for socket in (masked, unmasked):
            await follow(socket, sandbox, CHANGED, endpoint="repair/list")
        await change(gateway, id_, "明日上门")
        events = [(await socket.data("1"))["repairEvents"]["repair"] for socket in (masked, unmasked)]
        [entry] = await entries(gateway)  # at once: the subscriptions go on

    phones = [event["reporter"]["phone"] for event in events]
    assert phones[1].isdigit()
    assert (phones[0], events[0]["id"]) == (f"{phones[1][:3]}****{phones[1][-4:]}", id_)
    assert (entry.subject, entry.operation_name, entry.fields) == ("developer", "Changed", ("reporter.phone",))
    assert entry.records.type == "Repair"


async def test_subscription_is_masked_while_trail_is_unwritable(gateway, connect, monkeypatch, sandbox):
    id_ = await repair_id(gateway)
    phones = []
    async with connect() as socket:
        await follow(socket, sandbox, CHANGED, endpoint="repair/list")

        async def next_phone(reply):
            await change(gateway, id_, reply)
            phones.append((await socket.data("1"))["repairEvents"]["repair"]["reporter"]["phone"])

        with monkeypatch.context() as patch, broken(gateway.parts.journal.audit, "add"):
            patch.setattr(audit, "LONGEST_WAIT", timedelta(0))
            await next_phone("一")  # from now on something waits
            await next_phone("二")
        await gateway.parts.trail.flush()
        await next_phone("三")

    assert ["****" in phone for phone in phones] == [False, True, False]


async def test_denied_subscription_is_audited(gateway, connect, mint):
    async with connect(token=mint("order:read")) as socket:
        await socket.subscribe("1", CHANGED)
        assert await socket.error_code("1") == "FORBIDDEN"

    [entry] = await entries(gateway)
    assert (entry.fields, entry.missing_scope, entry.subject) == (("repairEvents",), "repair:read", "lin")


async def test_field_without_its_scope_is_null_in_events_and_audited(gateway, connect, mint, sandbox):
    query = """subscription { shenheEvents(communityCode: "10002") {
        shenhe { platformId verification { owner { phone } } } } }"""
    async with connect(token=mint("shenhe:read")) as socket:
        await follow(socket, sandbox, query)
        apply(sandbox, 900)
        payload = (await socket.receive("1"))["payload"]
    assert payload["data"] == {"shenheEvents": {"shenhe": {"platformId": 900, "verification": None}}}
    assert [error["extensions"]["missingScope"] for error in payload["errors"]] == ["people:read"]

    denied = [(entry.fields, entry.missing_scope) for entry in await entries(gateway) if entry.missing_scope]
    assert denied == [(("verification",), "people:read")]
