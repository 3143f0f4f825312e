"""Answers that have expired are used while they are read again (stale-while-revalidate)."""

import asyncio

import pytest
from standing_clock import Clock

from gateway.sandbox.faults import Fault, FaultKind

LIFETIME, STALE = 30, 20
PEOPLE = '{ people(name: "王芳", phone: "19900000002") { name } }'
MODULES = '{ modules(communityCode: "10002") { name enabled } }'
SWITCH = 'mutation { setModule(input: {communityCode: "10002", name: REPAIRS, enabled: false}) { outcome } }'
FRESH = {"cache-control": "no-cache"}


@pytest.fixture
def clock():
    return Clock(5000.0)


@pytest.fixture
def environ(environ):
    return environ | {
        "GATEWAY_CACHE_PEOPLE": str(LIFETIME),
        "GATEWAY_CACHE_MODULES": str(LIFETIME),
        "GATEWAY_CACHE_STALE": str(STALE),
    }


@pytest.fixture
async def gateway(gateway, clock):
    gateway.parts.reads.clock = clock
    await gateway.ask(PEOPLE)
    await gateway.ask(MODULES)
    return gateway


async def until(condition):
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 # what is watched is beyond a socket
            await asyncio.sleep(0.001)


def refreshing(gateway):
    """How many answers are being read again."""
    return sum(
        read.refreshing is not None
        for reads in gateway.parts.reads._endpoints.values()
        for read in reads._reads.values()
    )


def people(sandbox):
    return sandbox.count("SECURITY", "people")


async def test_expired_answer_is_used_while_it_is_read_again(gateway, sandbox, clock):
    clock.now += LIFETIME + 5
    sandbox.faults.set("SECURITY", "people", Fault(FaultKind.HANG))
    answers = [await gateway.ask(PEOPLE) for _ in range(3)]
    await until(lambda: people(sandbox) == 2)

    assert [answer.data["people"]["name"] for answer in answers] == ["王芳"] * 3
    assert {answer.response.headers["age"] for answer in answers} == {str(LIFETIME + 5)}
    sandbox.faults.clear()
    await until(lambda: not refreshing(gateway))
    answer = await gateway.ask(PEOPLE)
    assert answer.response.headers["age"] == "0"
    assert people(sandbox) == 2


async def test_answer_that_is_too_old_is_not_used(gateway, sandbox, clock):
    clock.now += LIFETIME + STALE

    answer = await gateway.ask(PEOPLE)

    assert "age" not in answer.response.headers
    assert people(sandbox) == 2


async def test_caller_who_wants_a_fresh_answer_waits_for_it(gateway, sandbox, clock):
    clock.now += LIFETIME + 5

    answer = await gateway.stranger.post(
        "/graphql", json={"query": PEOPLE}, headers={"authorization": f"Bearer {gateway.token}", **FRESH}
    )

    assert "age" not in answer.headers
    assert people(sandbox) == 2


async def test_failed_refresh_leaves_the_answer(gateway, sandbox, clock):
    clock.now += LIFETIME + 5
    sandbox.faults.set("SECURITY", "people", Fault(FaultKind.HTTP_500), times=1)
    assert (await gateway.ask(PEOPLE)).data["people"]["name"] == "王芳"
    await until(lambda: people(sandbox) == 2 and not refreshing(gateway))

    again = await gateway.ask(PEOPLE)

    assert again.data["people"]["name"] == "王芳"
    assert again.response.headers["age"] == str(LIFETIME + 5)
    await until(lambda: people(sandbox) == 3 and not refreshing(gateway))
    assert (await gateway.ask(PEOPLE)).response.headers["age"] == "0"


async def test_write_drops_an_answer_that_is_being_read_again(gateway, sandbox, clock):
    clock.now += LIFETIME + 5
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HANG), times=1)
    stale = (await gateway.ask(MODULES)).data["modules"]
    await until(lambda: sandbox.count("WJDH", "modules") == 2)
    assert (await gateway.ask(SWITCH)).data["setModule"]["outcome"] == "CONFIRMED"

    written = (await gateway.ask(MODULES)).data["modules"]
    sandbox.faults.clear()
    await until(lambda: gateway.parts.platforms.wjdh.slots.taken == 0)
    kept = (await gateway.ask(MODULES)).data["modules"]

    assert {"name": "REPAIRS", "enabled": False} in written
    assert {"name": "REPAIRS", "enabled": False} not in stale
    assert kept == written


async def test_trace_tells_a_stale_answer(gateway, clock):
    clock.now += LIFETIME + 5

    answer = await gateway.stranger.post(
        "/graphql",
        json={"query": PEOPLE},
        headers={"authorization": f"Bearer {gateway.token}", "x-trace": "1"},
    )

    [call] = answer.json()["extensions"]["trace"]["calls"]
    assert (call["source"], call["stale"], call["ageMs"]) == ("kept", True, (LIFETIME + 5) * 1000)
    assert answer.json()["extensions"]["cost"]["actual"] == 1


async def test_stale_answer_is_of_one_view(gateway, sandbox, clock, mint):
    clock.now += LIFETIME + 5

    answer = await gateway.ask(PEOPLE, token=mint("people:read"))

    assert "age" not in answer.response.headers
    assert people(sandbox) == 2
