"""No caller receives data of another one through caches, shared reads, loaders or plans.

Callers of any rights ask one gateway that keeps whatever can be kept, at once and one after the other. Each answer must
be the one that the same caller gets from a gateway that keeps nothing and that nobody else asks meanwhile.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.auth.issuer import DevelopmentIssuer
from gateway.auth.principal import Scope
from gateway.entities import lifetimes
from gateway.events import ReadsDropped
from gateway.sandbox.server import Sandbox
from gateway.settings import load_settings

COMMUNITIES = ("10002", "00001")
SCOPES = (
    *(Scope.PEOPLE_READ, Scope.SHENHE_READ, Scope.SHENHE_REVIEW, Scope.ORDER_READ, Scope.REPAIR_READ),
    *(Scope.MODULE_READ, Scope.PII_READ),
)

QUERIES = {
    "people": """query People($code: ID!) {
      people(name: "王芳", phone: "19900000002") {
        id name phone idCard birthDate isPetitioner maskedFields
        residencies { role members { id name phone } house { id address owner { phone maskedFields } } }
        orders(communityCode: $code) { totalCount } } }""",
    "owner": """query Owner($code: ID!) {
      house(address: {communityCode: $code, building: 1, unit: 1, floor: 1, room: 101}) {
        id use status owner { phone role maskedFields } } }""",
    "orders": """query Orders($code: ID!) {
      orders(communityCode: $code, first: 4) {
        totalCount nodes { id number remark house { address owner { phone } } } } }""",
    "reviews": """query Reviews($code: ID!) {
      shenhes(communityCode: $code, first: 3) { nodes {
        id canReview houseIntroduction content { raw people { name phone idCard } maskedFields }
        verification { registered { name phone } findings { code submitted registered masked } } } } }""",
    "repairs": """query Repairs($code: ID!) {
      repairs(communityCode: $code, first: 3) { nodes {
        id description reportedAt reporter { name phone people { name idCard } maskedFields } } } }""",
    "community": """query Community($code: ID!) {
      community(code: $code) {
        modules { name enabled } moduleDrift { name } summary { pendingShenhes unpaidOrders openRepairs } } }""",
}


class Caller(NamedTuple):
    scopes: frozenset[str]
    communities: tuple[str, ...]


class Question(NamedTuple):
    caller: Caller
    query: str
    community: str


callers = st.builds(
    Caller,
    st.frozensets(st.sampled_from(SCOPES)).map(lambda scopes: scopes | {Scope.ANNOUNCEMENT_READ}),
    st.sampled_from([("*",), *((code,) for code in COMMUNITIES), COMMUNITIES]),
)


@st.composite
def conversations(draw: st.DrawFn) -> list[list[Question]]:
    """Rounds of questions; those of a round are asked at once. Few callers and few subjects, so that they collide."""
    some = draw(st.lists(callers, min_size=2, max_size=3, unique=True))
    seer = some[0]
    both = [seer._replace(scopes=seer.scopes | {Scope.PII_READ}), seer._replace(scopes=seer.scopes - {Scope.PII_READ})]
    subjects = draw(st.lists(st.sampled_from([*QUERIES]), min_size=1, max_size=2))
    question = st.builds(
        Question, st.sampled_from([*some, *both]), st.sampled_from(subjects), st.sampled_from(COMMUNITIES)
    )
    return draw(st.lists(st.lists(question, min_size=1, max_size=5), min_size=1, max_size=3))


class Stage:
    """Both gateways, over one sandbox, in an event loop of their own. Their ids are the same."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._tokens: dict[tuple[str, Caller], str] = {}
        self._alone: dict[Question, Any] = {}

    def ask_alone(self, question: Question) -> Any:
        if question not in self._alone:
            self._alone[question] = self._runner.run(self._ask("alone", question))
        return self._alone[question]

    def ask_at_once(self, questions: list[Question]) -> list[Any]:
        async def ask() -> list[Any]:
            return list(await asyncio.gather(*(self._ask("shared", question) for question in questions)))

        return self._runner.run(ask())

    def forget(self) -> None:
        """Drop the cached answers, so that each conversation begins anew."""
        parts = self._gateways["shared"].parts
        parts.events.publish(ReadsDropped(None, tuple(lifetimes(load_settings({})))))

    async def open(self, stack: AsyncExitStack, serve: Any, directory: Any) -> None:
        sandbox = await stack.enter_async_context(Sandbox())
        self._gateways = {}
        self._issuers = {}
        for name, seconds in (("alone", "0"), ("shared", "3600")):
            environ = {
                **sandbox.settings(),
                "GATEWAY_CACHE": f"all={seconds}",
                "GATEWAY_DATA_DIR": str(directory / name),
                "GATEWAY_ID_KEY": "the same for both, as behind one load balancer",
                **dict.fromkeys(("GATEWAY_RATE_LIMIT", "GATEWAY_PEOPLE_LOOKUP_LIMIT"), "1000000"),
            }
            self._gateways[name] = await stack.enter_async_context(serve(environ))
            self._issuers[name] = DevelopmentIssuer.open(load_settings(environ))

    async def _ask(self, name: str, question: Question) -> Any:
        """The data, and where what failed why."""
        key = (name, question.caller)
        if key not in self._tokens:
            scopes, communities = question.caller
            self._tokens[key] = self._issuers[name].mint(sorted(scopes), communities, "lin", 3600)
        answer = await self._gateways[name].ask(
            QUERIES[question.query], {"code": question.community}, token=self._tokens[key]
        )
        errors = [(error["path"], error["extensions"]["code"]) for error in answer.body.get("errors", [])]
        return answer.body["data"], sorted(errors, key=repr)


@pytest.fixture(scope="module")
def stage(serve, tmp_path_factory):
    with asyncio.Runner() as runner:
        stage, stack = Stage(runner), AsyncExitStack()
        runner.run(stage.open(stack, serve, tmp_path_factory.mktemp("stage")))
        yield stage
        runner.run(stack.aclose())


@given(rounds=conversations())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
def test_every_caller_gets_its_own_answer(stage, rounds):
    stage.forget()
    for questions in rounds:
        answers = stage.ask_at_once(questions)
        for question, answer in zip(questions, answers, strict=True):
            assert answer == stage.ask_alone(question), question


def test_answers_with_and_without_pii_read_differ(stage):
    """Otherwise the test above would prove nothing."""
    seen, masked = (Caller(frozenset(scopes), ("*",)) for scopes in (SCOPES, set(SCOPES) - {Scope.PII_READ}))
    for query in ("people", "owner", "reviews", "repairs"):
        (data, errors), (hidden, _) = (stage.ask_alone(Question(caller, query, "10002")) for caller in (seen, masked))
        assert errors == []
        assert data != hidden
        assert "19900000" in repr(data) or "999" in repr(data)
        assert "19900000" not in repr(hidden)
