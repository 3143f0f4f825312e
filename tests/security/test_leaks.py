"""No ID number, phone or name reaches callers without `pii:read`, logs or metrics.

The sandbox knows who there is. What is documented, what is written from the schema and what goes wrong is asked for, in
every dialect and over every protocol, and every byte of the answers is searched. The same search finds everybody in the
answers to a caller with `pii:read`.
"""

import io
import json
import logging
import re
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
import structlog
from otlp_receiver import otlp_receiver
from pages import PAGES, blocks
from schema_routes import WholeSchema
from served_site import Site, open_site
from wire import over_event_stream, over_websocket

from gateway.auth.principal import Scope
from gateway.commands.demo import QUERY as DEMO
from gateway.execution.limits import Limits
from gateway.http.explorer import read_examples
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMUNITIES = ("10002", "00001", "00002", "10003")
MASKED = set(Scope) - {Scope.PII_READ}

WRITES = """
mutation Writes($number: String!, $review: ID!, $repair: ID!, $code: ID!) {
  createOrder(input: { communityCode: $code, title: "物业费 999302199211302226", amount: "1", idempotencyKey: "o"
    remark: "电话 19900000002", payer: { phone: { phone: "19900000002", name: "王芳" } } }) {
    outcome userErrors { message upstreamMessage } operation { id } order { title remark } }
  rejectShenhe(input: { id: $review, reason: "号码 19900000002 与 999302199211302226 不符" }) {
    outcome userErrors { message upstreamMessage } operation { id reason } shenhe { rejectionReason } }
  updateRepair(input: { id: $repair, status: OPEN, reply: "请致电 199-0000-0002" }) {
    outcome userErrors { message upstreamMessage } repair { reply reporter { name phone } } }
  payCallback(input: { orderNumber: $number, shopNumber: $number, weixinNumber: $number }) {
    outcome payment { shopNumber weixinNumber } }
  createAnnouncement(input: { communityCode: $code, title: "停水", content: "联系 19900000002", idempotencyKey: "a" }) {
    outcome announcement { content } }
}
"""
PENDING = """query ($code: ID!) {
  shenhes(communityCode: $code, filter: { status: PENDING }, first: 100) { nodes { id } }
  repairs(communityCode: $code, first: 1) { nodes { id } } }"""


class Secrets(NamedTuple):
    """What the sandbox's world holds of people."""

    numbers: frozenset[str]
    names: frozenset[str]

    def found_in(self, text: str) -> set[str]:
        return {value for value in self.numbers | self.names if value in text}

    @classmethod
    def collect(cls, world: Any) -> "Secrets":
        """Of the communities that the gateway's account may see."""
        houses = [house for code in COMMUNITIES for house in world.houses[code]]
        people = [member.person for house in houses for member in house.members]
        people += [house.owner for house in houses if house.owner]
        people += [review.applicant for code in COMMUNITIES for review in world.shenhes_of[code]]
        everyone = [*people, *world.repairs.values()]
        numbers = {each.phone for each in everyone} | {person.id_card for person in people}
        return cls(frozenset(numbers), frozenset(each.name for each in everyone))


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """However it is."""
    lines, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(lines)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.JSONRenderer(ensure_ascii=False)],
        logger_factory=structlog.WriteLoggerFactory(lines),
    )
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lines
    structlog.reset_defaults()
    root.removeHandler(handler)
    root.setLevel(logging.WARNING)


class LeakSite(NamedTuple):
    """A site, what is secret there, what it logs, and a token of all scopes but `pii:read`."""

    site: Site
    secrets: Secrets
    logged: io.StringIO
    masked: str


OTHERS = [pytest.param(each, marks=pytest.mark.slow) for each in Dialect if each != Dialect.MIXED]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[Dialect.MIXED, *OTHERS])
async def leak_site(request: Any, serve: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LeakSite]:
    settings = {"GATEWAY_MAX_DEPTH": "25"}
    with everything_logged() as logged, otlp_receiver() as collector, pytest.MonkeyPatch.context() as environ:
        environ.setattr("gateway.app.Limits", partial(Limits, aliases=100))
        environ.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        directory = tmp_path_factory.mktemp("leaks")
        async with open_site(serve, directory, request.param, **settings) as site:
            for code in COMMUNITIES:
                await write(site, code)
            secrets, masked = Secrets.collect(site.sandbox.world), site.mint(MASKED, COMMUNITIES)
            yield LeakSite(site, secrets, logged, masked)
        assert len(collector.spans) > 1000
        for sent in collector.raw:
            assert secrets.found_in(sent.decode("utf-8", "replace")) == set()


async def write(site: Site, code: str) -> None:
    """So that there are operations, payments and announcements, with what people write into them."""
    listed = (await site.ask(PENDING, {"code": code})).data
    variables = {
        "code": code,
        "number": site.sandbox.world.orders_of[code][-1].number,
        "review": listed["shenhes"]["nodes"][0]["id"],
        "repair": listed["repairs"]["nodes"][0]["id"],
    }
    await site.ask(WRITES.replace('"o"', f'"o{code}"').replace('"a"', f'"a{code}"'), variables)


WHOLE_SCHEMA = tuple(WholeSchema().queries.values())


def all_records(code: str) -> str:
    return f"""query AllRecords {{ community(code: "{code}") {{
        shenhes(first: 100) {{ nodes {{
          content {{ raw people {{ name phone idCard registeredAddress dataIssues {{ raw }} }}
                     house {{ dataIssues {{ raw }} }} }}
          houseIntroduction actionIntroduction rejectionReason dataIssues {{ raw }}
          verification {{ registered {{ name phone idCard dataIssues {{ raw }} }} owner {{ phone dataIssues {{ raw }} }}
                         findings {{ code submitted registered }} }} }} }}
        orders(first: 100) {{ nodes {{ title remark details {{ value }} address dataIssues {{ raw }}
          house {{ owner {{ phone dataIssues {{ raw }} }} }} }} }}
        repairs(first: 100) {{ nodes {{
          location description reply dataIssues {{ raw }} reporter {{ name phone }} }} }} }} }}
    """


EVERYONE = """people(name: $n%, phone: $p%) { id name phone idCard birthDate registeredAddress photo
    residencies { members { id name phone idCard dataIssues { raw } } } dataIssues { raw } maskedFields }"""


def people_queries(world: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """Each resident looked up by name and phone, ten at a time."""
    people = [resident.person for resident in world.residents.values()]
    for start in range(0, len(people), 10):
        some = [*enumerate(people[start : start + 10])]
        fields = " ".join(f"r{n}: {EVERYONE.replace('%', str(n))}" for n, _ in some)
        declared = ", ".join(f"$n{n}: String!, $p{n}: String!" for n, _ in some)
        names, phones = {f"n{n}": person.name for n, person in some}, {f"p{n}": person.phone for n, person in some}
        yield f"query Everyone({declared}) {{ {fields} }}", names | phones


def all_bytes(answer: Any) -> str:
    """The body, the headers, what escapes stand for, and what ids can be read as."""
    text = answer.response.text
    ids = re.findall(r'"id":"([\w-]+)"', text)
    decoded = [urlsafe_b64decode(each + "=" * (-len(each) % 4)).decode("latin-1") for each in ids]
    return "\n".join([text, str(answer.response.headers), json.dumps(answer.body, ensure_ascii=False), *decoded])


async def leaked(leak_site: LeakSite, query: str, variables: dict[str, Any], token: str) -> set[str]:
    return leak_site.secrets.found_in(all_bytes(await leak_site.site.ask(query, variables, token)))


async def searches(leak_site: LeakSite) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Every query and its variables."""
    listed = (await leak_site.site.ask('{ orders(communityCode: "10002", first: 1) { nodes { id } } }')).data
    pages = (block for page in PAGES for block in blocks(page, "graphql"))
    for query in (DEMO, *(example.query for example in read_examples()), *pages):
        declared = set(re.findall(r"\$(\w+):", query))
        for code in COMMUNITIES if "community" in declared else COMMUNITIES[:1]:
            given = {"community": code, "id": listed["orders"]["nodes"][0]["id"]}
            yield query, {name: value for name, value in given.items() if name in declared}
    for query in (*WHOLE_SCHEMA, *map(all_records, COMMUNITIES)):
        yield query, {}
    for query, variables in people_queries(leak_site.site.sandbox.world):
        yield query, variables


async def test_masked_answers_and_all_traces_hide_everyone(leak_site):
    """Those of callers who see everything have them all. A trace may go where the answer does not; what platforms sent
    is in it for these callers alone, and in production for none.
    """
    site, secrets = leak_site.site, leak_site.secrets
    found, sent, calls = set[str](), set[str](), 0
    async for query, variables in searches(leak_site):
        for _ in range(1 if variables else 2):  # the second time by a plan; others are asked with other variables
            assert await leaked(leak_site, query, variables, leak_site.masked) == set(), query
        for token in (site.everything, leak_site.masked):
            answer = (await site.gateway.ask(query, variables, token=token, headers={"x-trace": "1"})).body
            trace = answer.get("extensions", {}).pop("trace", {"calls": []})
            calls += len(trace["calls"])
            exchanges = [call.pop("exchange") for call in trace["calls"] if "exchange" in call]
            assert not exchanges or token == site.everything
            sent |= secrets.found_in(json.dumps(exchanges, ensure_ascii=False))
            found |= secrets.found_in(json.dumps(answer, ensure_ascii=False))
            assert secrets.found_in(json.dumps(trace, ensure_ascii=False)) == set(), query
    assert (secrets.numbers | secrets.names) - found == set()
    assert sent
    assert calls > 1000


async def test_websocket_answers_hide_everyone(leak_site):
    for query in WHOLE_SCHEMA:
        shown = await over_websocket(leak_site.site.gateway.url, leak_site.masked, query, {})
        assert shown
        assert leak_site.secrets.found_in("\n".join(shown)) == set(), query


REVIEWS = """subscription { shenheEvents(communityCode: "10002") { shenhe { status rejectionReason houseIntroduction
    actionIntroduction content { raw people { name phone idCard } } verification { registered { name phone idCard }
    owner { phone } findings { submitted registered } } dataIssues { raw } } } }"""
REPAIRS = """subscription { repairEvents(communityCode: "10002") { repair { reply description location
    reporter { name phone people { name phone idCard } } dataIssues { raw } } } }"""


@pytest.mark.parametrize("carried", [over_websocket, over_event_stream], ids=["WebSocket", "event stream"])
@pytest.mark.parametrize("subscription", [REVIEWS, REPAIRS])
async def test_events_hide_everyone(leak_site, carried, subscription):
    async def happen() -> None:
        listed = (await leak_site.site.ask(PENDING, {"code": "10002"})).data
        review, repair = listed["shenhes"]["nodes"][0]["id"], listed["repairs"]["nodes"][0]["id"]
        query = """mutation ($review: ID!, $repair: ID!, $reply: String!) {
            rejectShenhe(input: { id: $review, reason: "19900000002" }) { outcome }
            updateRepair(input: { id: $repair, status: OPEN, reply: $reply }) { outcome } }"""
        reply = f"19900000002, {carried.__name__}"
        await leak_site.site.ask(query, {"review": review, "repair": repair, "reply": reply})

    for token, hides in ((leak_site.masked, True), (leak_site.site.everything, False)):
        [event] = await carried(leak_site.site.gateway.url, token, subscription, {}, happen)

        assert "errors" not in event
        found = leak_site.secrets.found_in(event)
        assert not (hides and found)
        assert hides or found or subscription is REVIEWS  # of which one dialect returns no content by id


LEAKY = [
    *({"code": 1, "msg": "%", "message": "%"}, {"code": 0, "msg": "%", "data": "%"}, {"code": "%", "msg": "%"}, "%"),
    {"code": 0, "data": {"data": ["%"], "total": "%", "current_page": "%"}},
]
ORDER = """{ communityCode: "10002", title: "a", amount: "1", idempotencyKey: "o %"
    payer: { phone: { phone: "19900000002" } } }"""
MODULE = '{ communityCode: "10002", name: CLOUD_PARKING, enabled: false }'
NOTICE = '{ communityCode: "10002", title: "a", content: "b", idempotencyKey: "a %" }'
PERSONAL = "王芳 19900000002 999302199211302226"


@pytest.mark.parametrize("number", range(len(LEAKY)))
async def test_platform_errors_hide_everyone(leak_site, number):
    body = json.dumps(LEAKY[number], ensure_ascii=False).replace("%", PERSONAL).encode()
    payload = "outcome userErrors { message upstreamMessage } operation { userErrors { upstreamMessage } }"
    writes = (("createOrder", ORDER), ("setModule", MODULE), ("createAnnouncement", NOTICE))
    for platform in ("WJDH", "SECURITY"):
        leak_site.site.sandbox.faults.set(platform, None, Fault(FaultKind.BODY, body=body))
    mutations = (
        f"mutation {{ {name}(input: {its.replace('%', str(number))}) {{ {payload} }} }}" for name, its in writes
    )
    try:
        for query in (*WHOLE_SCHEMA, *mutations):
            assert await leaked(leak_site, query, {}, leak_site.masked) & leak_site.secrets.numbers == set(), query
    finally:
        leak_site.site.sandbox.faults.clear()


PHONE, CARD = "19900000002", "999302199211302226"
ORDERS = 'query ($v: %s) { orders(communityCode: "10002", %s: $v) { totalCount } }'
WRONG: list[tuple[str, object]] = [
    ("query ($v: String!) { people(name: $v, phone: $v) { name } }", int(PHONE)),
    ('query ($v: OrderStatus) { orders(communityCode: "10002", filter: { status: $v }) { totalCount } }', PHONE),
    (ORDERS % ("Int", "page"), int(CARD)),
    *((ORDERS % ("OrderFilter", "filter"), value) for value in (CARD, {f"p{PHONE}": 1})),
    ("query ($v: ID!) { community(code: $v) { id orders { totalCount } } }", f"p{PHONE}"),
    ("query ($v: ID!) { node(id: $v) { id } shenhe(id: $v) { id } }", CARD),
    ('mutation ($v: Date) { approveShenhe(input: {id: "1", content: {people: {birthDate: $v}}}) { outcome } }', PHONE),
    (
        """mutation ($v: Decimal!) { createOrder(input: { communityCode: "10002", title: "a", amount: $v,
        idempotencyKey: "z", payer: { idCard: "1" } }) { outcome userErrors { message } } }""",
        f"{PHONE}.111",
    ),
    (f'{{ people(name: {PHONE}, phone: "1") {{ name }} }}', None),
    *((f"{{ p{PHONE} }}", None), (f"{{ {PHONE} {CARD} }}", None), (f"query p{PHONE} {{ __typename }}", None)),
    (f"query a {{ __typename }} query p{PHONE} {{ __typename }}", None),
]


async def test_caller_errors_do_not_repeat_personal_data(leak_site):
    for query, value in WRONG:
        answer = await leak_site.site.ask(query, {} if value is None else {"v": value}, leak_site.masked)

        assert leak_site.secrets.found_in(all_bytes(answer)) == set(), query


async def test_logs_and_metrics_hide_everyone(leak_site):
    """Covers all requests and failures of the tests above."""
    metrics = (await leak_site.site.gateway.client.get("/metrics")).text
    logs = leak_site.logged.getvalue()
    assert "gateway_" in metrics
    assert len(logs) > 1000
    assert leak_site.secrets.found_in(metrics + logs) == set()
