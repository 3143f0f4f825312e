"""Every mutation under every fault: the outcome is what happened, and nothing happens twice."""

import pytest
from write_cases import CASES, Case

from gateway.sandbox.faults import Fault, FaultKind

NOBODY_IS_TOLD = (FaultKind.APPLIED_THEN_RESET, FaultKind.APPLIED_THEN_500, FaultKind.APPLIED_THEN_HANG)

OPERATIONS = "{ operations { totalCount } }"
OPERATION = "query ($id: ID!) { operation(id: $id) { outcome userErrors { code } finishedAt } }"


@pytest.fixture
def environ(environ):
    return environ | {"GATEWAY_CALL_TIMEOUT": "0.5"}


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request) -> Case:
    return request.param


@pytest.fixture
async def gateway(environ, serve, clock):
    async with serve(environ, clock) as served:
        yield served


class Trial:
    """One write after another; effects are those of the last."""

    def __init__(self, case, gateway, sandbox):
        self.case = case
        self._gateway = gateway
        self._sandbox = sandbox
        self._turn = 0

    @property
    def effects(self) -> int:
        return self._sandbox.effects.count(self.case.endpoint)

    async def write(self, kind: FaultKind | None = None):
        """Carry the case out under this fault."""
        self._sandbox.faults.clear()
        self._turn += 1
        prepared = await self.case.prepare(self._gateway, self._turn)
        self._sandbox.effects.clear()
        if kind is not None:
            self._sandbox.faults.set("WJDH", self.case.endpoint, Fault(kind), times=1)
        return await self.case.write(self._gateway, prepared)

    async def reconcile(self, payload):
        await self._gateway.parts.reconciler.reconcile_due()
        return (await self._gateway.ask(OPERATION, {"id": payload["operation"]["id"]})).data["operation"]


@pytest.fixture
def trial(case, gateway, sandbox):
    return Trial(case, gateway, sandbox)


async def test_what_the_platform_confirms_is_confirmed_and_done_once(trial):
    for _ in range(2):
        payload = await trial.write()

    assert (payload["outcome"], payload["userErrors"]) == ("CONFIRMED", [])
    assert payload["operation"]["outcome"] == "CONFIRMED"
    assert trial.effects == 1


async def test_what_the_platform_refuses_is_refused_and_not_done(trial):
    payload = await trial.write(FaultKind.REFUSED_BEFORE_COMMIT)

    assert payload["outcome"] == payload["operation"]["outcome"] == "REFUSED"
    assert [error["code"] for error in payload["userErrors"]] == ["UPSTREAM_REFUSED"]
    assert trial.effects == 0


async def test_what_is_done_and_nobody_told_is_read_back_or_unknown_and_never_done_again(trial, clock):
    for kind in NOBODY_IS_TOLD:
        payload = await trial.write(kind)

        assert payload["outcome"] == ("CONFIRMED" if trial.case.readable else "UNKNOWN"), kind
        assert payload["userErrors"] == []
        clock.advance(hours=1)
        assert (await trial.reconcile(payload))["outcome"] == payload["outcome"]
        assert trial.effects == 1, kind


async def test_what_is_lost_on_the_way_is_unknown_until_it_is_read_back(trial, clock):
    for kind in (FaultKind.RESET, FaultKind.HANG):
        payload = await trial.write(kind)

        assert payload["outcome"] == payload["operation"]["outcome"] == "UNKNOWN", kind
        clock.advance(seconds=40)
        assert (await trial.reconcile(payload))["outcome"] == "UNKNOWN"  # the platform may be at work on it still
        clock.advance(minutes=3)
        operation = await trial.reconcile(payload)
        if trial.case.readable_later:
            assert operation["outcome"] == "REFUSED", kind
            assert [error["code"] for error in operation["userErrors"]] == ["UPSTREAM_REFUSED"]
            assert operation["finishedAt"] is not None
        else:
            assert operation["outcome"] == "UNKNOWN", kind
        assert trial.effects == 0, kind


async def test_what_fails_at_the_platform_is_not_called_done(trial):
    payload = await trial.write(FaultKind.HTTP_500)

    assert payload["outcome"] == ("REFUSED" if trial.case.readable else "UNKNOWN")
    assert trial.effects == 0


async def test_what_was_turned_away_unread_leaves_no_operation(trial, gateway, sandbox):
    prepared = await trial.case.prepare(gateway)
    before = (await gateway.ask(OPERATIONS)).data["operations"]["totalCount"]
    sandbox.effects.clear()
    sandbox.faults.set("WJDH", trial.case.endpoint, Fault(FaultKind.TOO_MANY_REQUESTS))

    answer = await gateway.ask(trial.case.document, {"input": prepared})
    if trial.case.mutation == "approveShenhes":
        [error] = trial.case.result(answer.data)["userErrors"]
        assert error["code"] == "UPSTREAM_UNAVAILABLE"
    else:
        assert answer.code == "UPSTREAM_UNAVAILABLE"
    assert (await gateway.ask(OPERATIONS)).data["operations"]["totalCount"] == before
    assert trial.effects == 0

    sandbox.faults.clear()
    assert (await trial.case.write(gateway, prepared))["outcome"] == "CONFIRMED"
    assert trial.effects == 1


async def test_a_token_that_dies_costs_one_call_more_and_no_second_write(trial, gateway, sandbox):
    prepared = await trial.case.prepare(gateway)
    sandbox.reset_calls()
    sandbox.effects.clear()
    sandbox.faults.set("WJDH", trial.case.endpoint, Fault(FaultKind.EXPIRED_TOKEN), times=1)

    assert (await trial.case.write(gateway, prepared))["outcome"] == "CONFIRMED"
    assert trial.effects == 1
    assert sandbox.count("WJDH", trial.case.endpoint) == 2
