"""The read cache at the HTTP edge: which queries cost a platform call."""

from collections import Counter

import pytest
from standing_clock import Clock, FrozenClock
from waiting import until

from gateway.sandbox.faults import Fault, FaultKind

SECONDS = {"PEOPLE": 30, "OWNERS": 60, "MODULES": 30, "REPAIRS": 5}
"""The defaults."""

PEOPLE = '{ people(name: "王芳", phone: "19900000002") { name phone } }'
OWNER = """
{ house(address: {communityCode: "10002", building: 1, unit: 1, floor: 1, room: 101}) { owner { phone } use } }
"""
MODULES = '{ modules(communityCode: "10002") { name enabled } }'
DRIFT = '{ community(code: "10002") { moduleDrift { name } } }'
REPAIRS = '{ repairs(communityCode: "10002", filter: {status: OPEN}) { nodes { id status reply } } }'
REPAIR = "query Repair($id: ID!) { repair(id: $id) { status reply reportedAt } }"
REVIEWS = '{ shenhes(communityCode: "10002", filter: {status: PENDING}) { nodes { id status } } }'
ORDERS = '{ orders(communityCode: "10002", first: 5) { nodes { number paymentStatus } } }'

SWITCH = """
mutation Switch($enabled: Boolean!) {
  setModule(input: {communityCode: "10002", name: REPAIRS, enabled: $enabled}) { outcome module { enabled } } }
"""
ANSWER = """
mutation Answer($id: ID!) { updateRepair(input: {id: $id, status: RESOLVED, reply: "好了"}) { outcome } }
"""
APPROVE = "mutation Approve($id: ID!) { approveShenhe(input: {id: $id}) { outcome } }"


@pytest.fixture
def clock():
    return Clock(5000.0)


@pytest.fixture
def environ(environ):
    return {name: value for name, value in environ.items() if name != "GATEWAY_CACHE"}


@pytest.fixture
async def gateway(gateway, clock, sandbox):
    """With the defaults, and tokens at hand."""
    gateway.parts.reads.clock = clock
    await gateway.ask('{ people(name: "无", phone: "0") { name } orders(communityCode: "0") { totalCount } }')
    sandbox.reset_calls()
    return gateway


@pytest.fixture
def cost(gateway, sandbox):
    """`await cost(query)`: the calls it costs, by endpoint."""

    async def cost(query, variables=None, **options):
        sandbox.reset_calls()
        assert (await gateway.ask(query, variables, **options)).data
        return Counter({endpoint: count for (_platform, endpoint), count in sandbox.counts().items()})

    return cost


@pytest.mark.parametrize(
    ("query", "calls", "seconds"),
    [
        (PEOPLE, {"people": 1}, SECONDS["PEOPLE"]),
        (OWNER, {"owner": 1}, SECONDS["OWNERS"]),
        (MODULES, {"modules": 1}, SECONDS["MODULES"]),
        (DRIFT, {"modules": 1, "modules-sync": 1}, SECONDS["MODULES"]),
        (REPAIRS, {"repair/list": 1}, SECONDS["REPAIRS"]),
    ],
    ids=["people", "owners", "modules", "module states", "repairs"],
)
async def test_cached_answer_costs_no_call_until_it_expires(cost, clock, query, calls, seconds):
    assert await cost(query) == calls
    clock.now += seconds - 0.5
    assert await cost(query) == {}
    clock.now += 1
    assert await cost(query) == calls


@pytest.mark.parametrize(("query", "endpoint"), [(REVIEWS, "shenheList"), (ORDERS, "order/list")])
async def test_reviews_and_orders_are_not_cached(cost, query, endpoint):
    assert await cost(query) == await cost(query) == {endpoint: 1}


class TestAge:
    async def test_uncached_answer_has_no_age(self, gateway):
        headers = (await gateway.ask(MODULES)).response.headers

        assert "age" not in headers
        assert headers["cache-control"] == "no-store"

    async def test_age_is_that_of_the_oldest_part(self, gateway, clock):
        await gateway.ask(PEOPLE)
        clock.now += 10.6
        await gateway.ask(MODULES)
        clock.now += 5
        ages = {}
        for name, query in {"people": PEOPLE, "modules": MODULES, "both": PEOPLE[:-1] + MODULES[1:]}.items():
            headers = (await gateway.ask(query)).response.headers
            ages[name] = headers["age"]
            assert headers["cache-control"] == "no-store"

        assert ages == {"people": "15", "modules": "5", "both": "15"}

    async def test_write_answer_has_no_age(self, gateway, clock):
        await gateway.ask(MODULES)
        clock.now += 5

        assert "age" not in (await gateway.ask(SWITCH, {"enabled": False})).response.headers


class TestFreshness:
    """`Cache-Control: no-cache` of a request (RFC 9111, 5.2.1.4)."""

    async def test_no_cache_request_refreshes_the_cache(self, gateway, cost, clock):
        await gateway.ask(MODULES)
        clock.now += 10

        fresh = await gateway.client.post("/graphql", json={"query": MODULES}, headers={"cache-control": "no-cache"})

        assert fresh.json()["data"]
        assert "age" not in fresh.headers
        clock.now += 25
        assert await cost(MODULES) == {}
        assert (await gateway.ask(MODULES)).response.headers["age"] == "25"

    async def test_no_store_request_may_use_the_cache(self, gateway):
        await gateway.ask(MODULES)

        answer = await gateway.client.post("/graphql", json={"query": MODULES}, headers={"cache-control": "no-store"})

        assert answer.headers["age"] == "0"


class TestWrites:
    async def test_switched_module_is_visible_at_once(self, gateway, cost):
        before = {module["name"]: module["enabled"] for module in (await gateway.ask(MODULES)).data["modules"]}
        await gateway.ask(DRIFT)
        enabled = not before["REPAIRS"]

        switched = (await gateway.ask(SWITCH, {"enabled": enabled})).data["setModule"]
        assert switched == {"outcome": "CONFIRMED", "module": {"enabled": enabled}}

        after = {module["name"]: module["enabled"] for module in (await gateway.ask(MODULES)).data["modules"]}
        assert after == before | {"REPAIRS": enabled}
        assert await cost(DRIFT) == {"modules-sync": 1}

    async def test_write_check_bypasses_the_cache(self, gateway, sandbox):
        await gateway.ask(MODULES)
        sandbox.reset_calls()

        await gateway.ask(SWITCH, {"enabled": False})

        assert sandbox.count("WJDH", "modules") == 2  # before it is sent, and for the answer

    async def test_answered_repair_is_visible_at_once(self, gateway):
        first = (await gateway.ask(REPAIRS)).data["repairs"]["nodes"][0]["id"]
        await gateway.ask(REPAIR, {"id": first})

        await gateway.ask(ANSWER, {"id": first})

        assert first not in [repair["id"] for repair in (await gateway.ask(REPAIRS)).data["repairs"]["nodes"]]
        repair = (await gateway.ask(REPAIR, {"id": first})).data["repair"]
        assert (repair["status"], repair["reply"]) == ("RESOLVED", "好了")

    async def test_approval_drops_people_and_owners(self, gateway, cost):
        review = (await gateway.ask(REVIEWS)).data["shenhes"]["nodes"][0]["id"]
        await gateway.ask(PEOPLE)
        await gateway.ask(OWNER)

        await gateway.ask(APPROVE, {"id": review})

        assert await cost(PEOPLE) == {"people": 1}
        assert await cost(OWNER) == {"owner": 1}

    async def test_approval_to_another_community_drops_its_owners(self, gateway, cost):
        review = (await gateway.ask(REVIEWS)).data["shenhes"]["nodes"][0]["id"]
        there = OWNER.replace("10002", "00001")
        await gateway.ask(there)

        moved = await gateway.ask(
            """mutation($id: ID!) {
                approveShenhe(input: {id: $id, content: {house: {communityCode: "00001"}}}) { outcome } }""",
            {"id": review},
        )

        assert moved.data == {"approveShenhe": {"outcome": "CONFIRMED"}}
        assert await cost(there) == {"owner": 1}

    async def test_write_to_another_community_drops_nothing(self, gateway, cost):
        await gateway.ask(MODULES)
        await gateway.ask(
            'mutation { setModule(input: {communityCode: "00001", name: REPAIRS, enabled: false}) { outcome } }'
        )

        assert await cost(MODULES) == {}

    async def test_write_with_lost_answer_drops_the_cache(self, gateway, sandbox, cost):
        await gateway.ask(MODULES)
        sandbox.faults.set("WJDH", "module", Fault(FaultKind.APPLIED_THEN_RESET))
        await gateway.ask(SWITCH, {"enabled": False})
        sandbox.faults.clear()
        await gateway.ask(MODULES)

        names = {module["name"]: module["enabled"] for module in (await gateway.ask(MODULES)).data["modules"]}
        assert names["REPAIRS"] is False


async def test_lost_write_found_applied_drops_the_cache(environ, serve, sandbox):
    hours = FrozenClock()
    async with serve(environ, hours) as gateway:
        sandbox.faults.set("WJDH", "module", Fault(FaultKind.RESET), times=1)
        lost = (await gateway.ask(SWITCH, {"enabled": False})).data["setModule"]
        assert (lost["outcome"], (await states(gateway))["REPAIRS"]) == ("UNKNOWN", True)
        await gateway.parts.platforms.wjdh.set_module("10002", "物业报修", False)  # late, as it may happen
        assert (await states(gateway))["REPAIRS"] is True

        hours.advance(minutes=3)
        await gateway.parts.reconciler.reconcile_due()

        assert (await states(gateway))["REPAIRS"] is False


class TestReplicas:
    """Two gateways of one PostgreSQL database."""

    @pytest.fixture
    async def gateways(self, environ, serve, database_url, tmp_path):
        shared = environ | {"GATEWAY_DATABASE_URL": database_url}
        async with serve(shared) as one, serve(shared) as other:
            yield one, other

    async def test_write_drops_the_cache_of_another_gateway(self, gateways, sandbox):
        one, other = gateways
        before = await states(other)
        await one.ask(SWITCH, {"enabled": not before["REPAIRS"]})

        await until(lambda: not len(other.parts.reads))
        assert (await states(other))["REPAIRS"] != before["REPAIRS"]

        sandbox.reset_calls()
        await states(other)
        assert sandbox.counts() == {}


async def states(gateway):
    return {module["name"]: module["enabled"] for module in (await gateway.ask(MODULES)).data["modules"]}
