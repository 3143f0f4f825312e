"""The read cache at the HTTP edge: which queries cost a platform call."""

from collections import Counter

import pytest
from standing_clock import Clock, FrozenClock
from waiting import until

from gateway.modules import set_module
from gateway.sandbox.faults import Fault, FaultKind

PEOPLE = '{ people(name: "王芳", phone: "19900000002") { name phone } }'
HOUSE = 'house(address: {communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101})'
OWNER = f"{{ {HOUSE} {{ owner {{ phone }} use }} }}"
MODULES = '{ modules(communityCode: "10002") { name enabled } }'
DRIFT = '{ community(code: "10002") { moduleDrift { name } } }'
REPAIRS = '{ repairs(communityCode: "10002", filter: {status: OPEN}) { nodes { id status reply } } }'
REPAIR = "query Repair($id: ID!) { repair(id: $id) { status reply reportedAt } }"
REVIEWS = '{ shenhes(communityCode: "10002", filter: {status: PENDING}) { nodes { id status } } }'
ORDERS = '{ orders(communityCode: "10002", first: 5) { nodes { number paymentStatus } } }'
SWITCH = """mutation Switch($enabled: Boolean!, $code: ID! = "10002") {
  setModule(input: {communityCode: $code, name: REPAIRS, enabled: $enabled}) { outcome module { enabled } } }"""
ANSWER = 'mutation Answer($id: ID!) { updateRepair(input: {id: $id, status: RESOLVED, reply: "好了"}) { outcome } }'

pytestmark = pytest.mark.settings(CACHE="")


@pytest.fixture
def clock(gateway):
    gateway.parts.reads.clock = clock = Clock(5000.0)
    return clock


@pytest.fixture
async def gateway(gateway, sandbox):
    """With the defaults, and tokens at hand."""
    await gateway.ask('{ people(name: "无", phone: "0") { name } orders(communityCode: "0") { totalCount } }')
    sandbox.reset_calls()
    return gateway


@pytest.fixture
def cost(gateway, sandbox):
    """`await cost(query)`: the calls it costs, by endpoint."""

    async def cost(query):
        sandbox.reset_calls()
        assert (await gateway.ask(query)).data
        return Counter({endpoint: count for (_platform, endpoint), count in sandbox.counts().items()})

    return cost


async def states(gateway):
    return {module["name"]: module["enabled"] for module in (await gateway.ask(MODULES)).data["modules"]}


async def test_cached_answer_costs_no_call_until_it_expires(cost, clock):
    for query, calls, seconds in (
        (PEOPLE, {"people": 1}, 30),
        (OWNER, {"owner": 1}, 60),
        (MODULES, {"modules": 1}, 30),
        (DRIFT, {"modules": 1, "modules-sync": 1}, 30),
        (REPAIRS, {"repair/list": 1}, 5),
        (REVIEWS, {"shenheList": 1}, 0),
        (ORDERS, {"order/list": 1}, 0),
    ):
        clock.now += 100
        assert await cost(query) == calls
        if seconds:
            clock.now += seconds - 0.5
            assert await cost(query) == {}
            clock.now += 1
        assert await cost(query) == calls


async def test_age_is_that_of_the_oldest_part(gateway, clock):
    uncached = (await gateway.ask(PEOPLE)).response.headers
    assert "age" not in uncached
    clock.now += 10.6
    await gateway.ask(MODULES)
    clock.now += 5
    for query, age in ((PEOPLE, "15"), (MODULES, "5"), (PEOPLE[:-1] + MODULES[1:], "15")):
        headers = (await gateway.ask(query)).response.headers
        assert (headers["age"], headers["cache-control"]) == (age, uncached["cache-control"]) == (age, "no-store")
    assert "age" not in (await gateway.ask(SWITCH, {"enabled": False})).response.headers


async def test_no_cache_request_refreshes_the_cache(gateway, cost, clock):
    """RFC 9111, 5.2.1.4; with no-store it may use the cache."""
    await gateway.ask(MODULES)
    clock.now += 10
    for directive, age in (("no-store", "10"), ("no-cache", None)):
        answer = await gateway.ask(MODULES, headers={"cache-control": directive})
        assert answer.data
        assert answer.response.headers.get("age") == age
    clock.now += 25
    assert await cost(MODULES) == {}
    assert (await gateway.ask(MODULES)).response.headers["age"] == "25"


async def test_switched_module_is_visible_at_once(gateway, sandbox, cost):
    before = await states(gateway)
    await gateway.ask(DRIFT)
    enabled = not before["REPAIRS"]
    assert (await gateway.ask(SWITCH, {"enabled": enabled, "code": "00001"})).data
    assert await cost(MODULES) == {}
    switched = await gateway.read(SWITCH, {"enabled": enabled})
    assert switched == {"outcome": "CONFIRMED", "module": {"enabled": enabled}}
    assert sandbox.count("WJDH", "modules") == 2  # before it is sent, and for the answer: not from the cache
    assert await states(gateway) == before | {"REPAIRS": enabled}
    assert await cost(DRIFT) == {"modules-sync": 1}
    sandbox.faults.set("WJDH", "module", Fault(FaultKind.APPLIED_THEN_RESET))
    await gateway.ask(SWITCH, {"enabled": not enabled})
    sandbox.faults.clear()
    assert (await states(gateway))["REPAIRS"] is not enabled


async def test_answered_repair_is_visible_at_once(gateway):
    first = (await gateway.ask(REPAIRS)).data["repairs"]["nodes"][0]["id"]
    await gateway.ask(REPAIR, {"id": first})
    await gateway.ask(ANSWER, {"id": first})
    assert first not in [repair["id"] for repair in (await gateway.ask(REPAIRS)).data["repairs"]["nodes"]]
    repair = (await gateway.ask(REPAIR, {"id": first})).data["repair"]
    assert (repair["status"], repair["reply"]) == ("RESOLVED", "好了")


async def test_approval_drops_people_and_owners_of_where_it_leads(gateway, cost):
    for code, content in (("10002", ""), ("00001", ', content: {house: {communityCode: "00001"}}')):
        review, there = (await gateway.read(REVIEWS))["nodes"][0]["id"], OWNER.replace("10002", code)
        await gateway.ask(PEOPLE)
        await gateway.ask(there)
        approve = f"mutation ($id: ID!) {{ approveShenhe(input: {{id: $id{content}}}) {{ outcome }} }}"
        assert (await gateway.ask(approve, {"id": review})).data == {"approveShenhe": {"outcome": "CONFIRMED"}}
        assert await cost(PEOPLE) == {"people": 1}
        assert await cost(there) == {"owner": 1}


async def test_lost_write_found_applied_drops_the_cache(environ, serve, sandbox):
    hours = FrozenClock()
    async with serve(environ, hours) as gateway:
        sandbox.faults.set("WJDH", "module", Fault(FaultKind.RESET), times=1)
        lost = (await gateway.ask(SWITCH, {"enabled": False})).data["setModule"]
        assert (lost["outcome"], (await states(gateway))["REPAIRS"]) == ("UNKNOWN", True)
        await set_module(gateway.parts.platforms.wjdh, "10002", "物业报修", False)  # late, as it may happen
        assert (await states(gateway))["REPAIRS"] is True
        hours.advance(minutes=3)
        await gateway.parts.reconciler.reconcile_due()
        assert (await states(gateway))["REPAIRS"] is False


async def test_write_drops_the_cache_of_another_gateway(environ, serve, database_url, sandbox):
    """Two gateways of one PostgreSQL database."""
    shared = environ | {"GATEWAY_DATABASE_URL": database_url}
    async with serve(shared) as one, serve(shared) as other:
        before = await states(other)
        await one.ask(SWITCH, {"enabled": not before["REPAIRS"]})
        await until(lambda: not len(other.parts.reads))
        assert (await states(other))["REPAIRS"] != before["REPAIRS"]
