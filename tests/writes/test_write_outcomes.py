"""Every mutation under every fault: the outcome is exact, and no effect is repeated."""

import pytest
import pytest_asyncio
from platform_answers import calls
from standing_clock import MovedClock
from write_cases import CASES, OPERATION

from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import Sandbox, SandboxOptions

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOST_ANSWERS = [
    (FaultKind.APPLIED_THEN_RESET,),
    (FaultKind.APPLIED_THEN_500,),
    (FaultKind.APPLIED_THEN_HANG,),
    (FaultKind.BODY, 500, b'{"code": "1", "token_expired": "0"}'),  # which does not make it worth a second call
]
STATUSES = (500, 502, 503, 504, 524)
UNDELIVERED = [(FaultKind.RESET,), (FaultKind.HANG,), *((FaultKind.HTTP_500, status) for status in STATUSES)]
"""A fault, its status and its body."""

OPERATIONS = "{ operations { totalCount } }"


class Trial:
    """One write after another; effects are those of the last."""

    def __init__(self, case, gateway, sandbox, clock):
        self.case = case
        self.gateway = gateway
        self.sandbox = sandbox
        self.clock = clock
        self._turn = 0

    @property
    def effects(self) -> int:
        return self.sandbox.effects.count(self.case.endpoint)

    async def prepare(self):
        """The input of the next write."""
        self.sandbox.faults.clear()
        self._turn += 1
        prepared = await self.case.prepare(self.gateway, self._turn)
        self.sandbox.effects.clear()
        return prepared

    async def write(self, kind: FaultKind | None = None, status: int | None = None, body: bytes = b""):
        """Carry the case out under this fault. It makes no more calls than it was weighed as."""
        prepared = await self.prepare()
        if kind is not None:
            self.sandbox.faults.set("WJDH", self.case.endpoint, Fault(kind, status=status, body=body), times=1)
        self.sandbox.reset_calls()
        answer = await self.gateway.ask(self.case.document, {"input": prepared})
        assert 0 < calls(self.sandbox).total() <= answer.body["extensions"]["cost"]["requested"]
        return self.case.result(answer.data)

    async def reconcile(self, payload):
        await self.gateway.parts.reconciler.reconcile_due()
        return (await self.gateway.ask(OPERATION, {"id": payload["operation"]["id"]})).data["operation"]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=CASES, ids=lambda case: case.name)
async def trial(request, tmp_path_factory, serve):
    """One gateway and sandbox for all trials of a mutation."""
    clock = MovedClock()
    async with Sandbox(SandboxOptions(dialect=Dialect.DOCUMENTED)) as sandbox:
        settings = {"GATEWAY_DATA_DIR": str(tmp_path_factory.mktemp("data")), "GATEWAY_CALL_TIMEOUT": "1"}
        with pytest.MonkeyPatch.context() as patch:  # most calls here fail
            patch.setattr("gateway.ops.calls.MIN_CALLS", 1000)
            async with serve(sandbox.settings() | settings, clock) as gateway:
                yield Trial(request.param, gateway, sandbox, clock)


async def test_confirmed_write_is_done_once(trial):
    for _ in range(2):
        payload = await trial.write()

    assert (payload["outcome"], payload["userErrors"]) == ("CONFIRMED", [])
    assert payload["operation"]["outcome"] == "CONFIRMED"
    assert trial.effects == 1


async def test_refused_write_is_not_done(trial):
    payload = await trial.write(FaultKind.REFUSED_BEFORE_COMMIT)

    assert payload["outcome"] == payload["operation"]["outcome"] == "REFUSED"
    assert [error["code"] for error in payload["userErrors"]] == ["UPSTREAM_REFUSED"]
    assert trial.effects == 0


async def test_unanswered_write_is_read_back_and_not_repeated(trial):
    for fault in LOST_ANSWERS:
        payload = await trial.write(*fault)

        assert payload["outcome"] == ("CONFIRMED" if trial.case.readable else "UNKNOWN"), fault
        assert payload["userErrors"] == []
        trial.clock.advance(hours=1)
        assert (await trial.reconcile(payload))["outcome"] == payload["outcome"]
        assert trial.effects == 1, fault


async def test_undelivered_write_is_unknown_until_read_back(trial):
    for fault in UNDELIVERED:
        payload = await trial.write(*fault)

        assert (payload["outcome"], payload["operation"]["outcome"]) == ("UNKNOWN", "UNKNOWN"), fault
        trial.clock.advance(seconds=40)
        assert (await trial.reconcile(payload))["outcome"] == "UNKNOWN"  # the platform may be at work on it still
        trial.clock.advance(minutes=3)
        operation = await trial.reconcile(payload)
        assert trial.effects == 0, fault
        if not trial.case.readable_later:
            assert operation["outcome"] == "UNKNOWN", fault
            continue
        assert operation["outcome"] == "REFUSED", fault
        [error] = operation["userErrors"]
        assert (error["code"], "with a new key" in error["message"]) == ("UPSTREAM_REFUSED", True)
        assert operation["finishedAt"] is not None


async def test_late_write_is_found_by_a_later_read_back(trial):
    payload = await trial.write(FaultKind.APPLIED_LATE)
    assert payload["outcome"] == payload["operation"]["outcome"] == "UNKNOWN"
    trial.clock.advance(seconds=40)
    assert (await trial.reconcile(payload))["outcome"] == "UNKNOWN"
    assert trial.effects == 0

    trial.sandbox.faults.clear()  # which lets the platform go on
    assert trial.effects == 1
    trial.clock.advance(seconds=70)
    expected = "CONFIRMED" if trial.case.readable_later else "UNKNOWN"
    assert (await trial.reconcile(payload))["outcome"] == expected
    trial.clock.advance(days=2)
    assert (await trial.reconcile(payload))["outcome"] == expected
    assert trial.effects == 1


async def test_write_refused_unread_leaves_no_operation(trial):
    gateway, sandbox = trial.gateway, trial.sandbox
    prepared = await trial.prepare()
    before = (await gateway.ask(OPERATIONS)).data["operations"]["totalCount"]
    sandbox.faults.set("WJDH", trial.case.endpoint, Fault(FaultKind.TOO_MANY_REQUESTS))

    answer = await gateway.ask(trial.case.document, {"input": prepared})
    if trial.case.is_bulk:
        [error] = trial.case.result(answer.data)["userErrors"]
        assert error["code"] == "UPSTREAM_UNAVAILABLE"
    else:
        assert answer.code == "UPSTREAM_UNAVAILABLE"
    assert (await gateway.ask(OPERATIONS)).data["operations"]["totalCount"] == before
    assert trial.effects == 0

    sandbox.faults.clear()
    assert (await trial.case.write(gateway, prepared))["outcome"] == "CONFIRMED"
    assert trial.effects == 1


async def test_expired_token_costs_one_call_and_no_second_write(trial):
    gateway, sandbox = trial.gateway, trial.sandbox
    prepared = await trial.prepare()
    sandbox.reset_calls()
    sandbox.faults.set("WJDH", trial.case.endpoint, Fault(FaultKind.EXPIRED_TOKEN), times=1)

    assert (await trial.case.write(gateway, prepared))["outcome"] == "CONFIRMED"
    assert trial.effects == 1
    assert sandbox.count("WJDH", trial.case.endpoint) == 2
