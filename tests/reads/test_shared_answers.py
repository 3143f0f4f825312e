"""No caller receives data of another one through caches, shared reads, loaders or plans.

Callers of any rights ask one gateway that keeps whatever can be kept, at once and one after the other. Each answer must
be the one that the same caller gets from a gateway that keeps nothing and that nobody else asks meanwhile.
"""

import asyncio
from contextlib import AsyncExitStack
from random import Random
from typing import Any, NamedTuple

import pytest

from gateway.auth.issuer import DevelopmentIssuer
from gateway.auth.principal import Scope
from gateway.entities import lifetimes
from gateway.events import ReadsDropped
from gateway.settings import load_settings

CONVERSATIONS = 60
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


def make_conversation(rng: Random) -> list[list[Question]]:
    """Rounds of questions; those of a round are asked at once. Few callers and few subjects, so that they collide."""
    seen = [("*",), *((code,) for code in COMMUNITIES), COMMUNITIES]
    callers = [
        Caller(frozenset({Scope.ANNOUNCEMENT_READ, *rng.sample(SCOPES, rng.randint(0, len(SCOPES)))}), rng.choice(seen))
        for _ in range(rng.randint(2, 3))
    ]
    scopes = callers[0].scopes
    callers += [callers[0]._replace(scopes=its) for its in (scopes | {Scope.PII_READ}, scopes - {Scope.PII_READ})]
    subjects = rng.sample([*QUERIES], rng.randint(1, 2))
    return [
        [Question(rng.choice(callers), rng.choice(subjects), rng.choice(COMMUNITIES)) for _ in range(rng.randint(1, 5))]
        for _ in range(rng.randint(1, 3))
    ]


@pytest.fixture
async def gateways(environ, serve, tmp_path):
    """One `alone` and one `shared`, and what asks them. Their ids are the same."""
    async with AsyncExitStack() as stack:
        found = {}
        for name, seconds in (("alone", "0"), ("shared", "3600")):
            settings = environ | {
                "GATEWAY_CACHE": f"all={seconds}",
                "GATEWAY_DATA_DIR": str(tmp_path / name),
                "GATEWAY_ID_KEY": "the same for both, as behind one load balancer",
                **dict.fromkeys(("GATEWAY_RATE_LIMIT", "GATEWAY_PEOPLE_LOOKUP_LIMIT"), "1000000"),
            }
            issuer = DevelopmentIssuer.open(load_settings(settings))
            found[name] = await stack.enter_async_context(serve(settings)), issuer, {}
        yield found


async def ask(gateways: Any, name: str, question: Question) -> Any:
    """The data, and where what failed why."""
    gateway, issuer, tokens = gateways[name]
    if (token := tokens.get(question.caller)) is None:
        scopes, communities = question.caller
        token = tokens[question.caller] = issuer.mint(sorted(scopes), communities, "lin", 3600)
    answer = await gateway.ask(QUERIES[question.query], {"code": question.community}, token=token)
    errors = [(error["path"], error["extensions"]["code"]) for error in answer.body.get("errors", [])]
    return answer.body["data"], sorted(errors, key=repr)


async def test_every_caller_gets_its_own_answer(gateways):
    alone: dict[Question, Any] = {}
    events, dropped = gateways["shared"][0].parts.events, ReadsDropped(None, tuple(lifetimes(load_settings({}))))
    for seed in range(CONVERSATIONS):
        events.publish(dropped)  # so that each conversation begins anew
        for questions in make_conversation(Random(seed)):
            answers = await asyncio.gather(*(ask(gateways, "shared", question) for question in questions))
            for question, answer in zip(questions, answers, strict=True):
                if question not in alone:
                    alone[question] = await ask(gateways, "alone", question)
                assert answer == alone[question], (seed, question)
    # or all this would prove nothing
    seen, masked = (Caller(frozenset(scopes), ("*",)) for scopes in (SCOPES, set(SCOPES) - {Scope.PII_READ}))
    for query in ("people", "owner", "reviews", "repairs"):
        (data, errors), (hidden, _) = [
            await ask(gateways, "alone", Question(caller, query, "10002")) for caller in (seen, masked)
        ]
        assert errors == []
        assert data != hidden
        assert "19900000" in repr(data) or "999" in repr(data)
        assert "19900000" not in repr(hidden)
