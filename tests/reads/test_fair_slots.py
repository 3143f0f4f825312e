"""Slots of a platform shared by callers, at the HTTP edge."""

import asyncio

import pytest
from waiting import until

from gateway.ops.slots import Slots, background
from gateway.sandbox.faults import Fault, FaultKind

PERSON = 'query ($phone: String!) { people(name: "王芳", phone: $phone) { name } }'
OPEN_REPAIRS = '{ repairs(communityCode: "10002", filter: { status: OPEN }, first: 2) { nodes { id } } }'
REPLY = """
mutation Reply($ids: [ID!]!) { updateRepairs(input: { ids: $ids, status: RESOLVED, reply: "好" }) {
  results { outcome }
} }
"""
SLOTS = 16
HELD = 15
"""What one caller may hold of them."""


pytestmark = pytest.mark.settings(SECURITY_CONCURRENCY=str(SLOTS), PEOPLE_LOOKUP_LIMIT="1000")


def look_up(gateway, token, *numbers):
    """A look-up of as many persons, each by a request."""
    return [asyncio.create_task(gateway.ask(PERSON, {"phone": f"1991{number:07d}"}, token=token)) for number in numbers]


@pytest.fixture
async def busy(gateway, sandbox, mint):
    """The look-ups of caller a, who holds every slot that one may, and waits for more."""
    await gateway.ask(PERSON, {"phone": "19900000000"})  # there is a token
    sandbox.faults.set("SECURITY", "people", Fault(FaultKind.HANG), times=HELD)
    busy = look_up(gateway, mint(subject="a"), *range(1, 40))
    await until(lambda: gateway.parts.platforms.security.slots.waiting == 39 - HELD)
    return busy


async def test_look_up_passes_a_caller_who_holds_every_slot(gateway, sandbox, mint, busy):
    """And so does the login that it needs."""
    slots = gateway.parts.platforms.security.slots
    gateway.parts.platforms.security.session._renew_at = 0.0
    [other] = look_up(gateway, mint(subject="b"), 100)
    assert (await other).data == {"people": None}
    assert slots.waiting == 39 - HELD
    sandbox.faults.clear()
    for answer in await asyncio.gather(*busy):
        assert answer.data == {"people": None}
    assert slots.taken == 0


async def test_read_joined_by_another_caller_leaves_the_queue(gateway, sandbox, mint, busy):
    calls = sandbox.count("SECURITY", "people")
    [other] = look_up(gateway, mint(subject="b"), 39)  # the last that the first caller waits for
    assert (await other).data == {"people": None}
    assert sandbox.count("SECURITY", "people") == calls + 1
    sandbox.faults.clear()
    await asyncio.gather(*busy)
    assert sandbox.count("SECURITY", "people") == 1 + 39


async def test_bulk_writes_wait_as_background(gateway, mint, monkeypatch):
    callers, enter = [], Slots.enter

    def noted(slots, call, caller):
        callers.append(caller)
        enter(slots, call, caller)

    monkeypatch.setattr(Slots, "enter", noted)
    ids = [node["id"] for node in (await gateway.ask(OPEN_REPAIRS)).data["repairs"]["nodes"]]
    answer = await gateway.ask(REPLY, {"ids": ids}, token=mint(subject="a"))
    assert [result["outcome"] for result in answer.data["updateRepairs"]["results"]] == ["CONFIRMED"] * 2
    assert background("a") in callers
    assert answer.body["extensions"]["cost"]["actual"] >= 2
