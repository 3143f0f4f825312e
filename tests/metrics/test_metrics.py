"""GraphQL requests, refusals and clients, counted at the HTTP edge, with labels that stay bounded; gauges of slots,
connections, the event loop, the process and the journal; the formats of `/metrics`.
"""

import asyncio
import json
import time
from collections import Counter
from functools import partial

import httpx
import pytest
from broken_journal import broken
from exposed import by_labels, labels_of, scrape, value

from gateway.http.request import NONE, OTHER
from gateway.http.telemetry import MOST_CLIENTS, MOST_OF_CALLER, MOST_OPERATIONS
from gateway.journal.records import NewOperation
from gateway.normalise.vocabulary import Outcome
from gateway.sandbox.faults import Fault, FaultKind

MODULES = 'query Listed { modules(communityCode: "10002") { name } }'
OK = ("Listed", "query", "ok")
COUNTED = "gateway_client_requests_total"
QUERY = {"query": "{ __typename }"}

pytestmark = pytest.mark.settings(METRICS_OPERATIONS="Listed, OrdersPage")


async def requests(gateway):
    """How many there were, by operation, type and outcome."""
    return by_labels(await scrape(gateway), "gateway_request_seconds_count", "operation", "type", "outcome")


async def refusals(gateway):
    return by_labels(await scrape(gateway), "gateway_refused_requests_total", "code", "limit")


async def test_requests_are_counted_by_operation_and_type(gateway):
    for name in ("query Listed", "query Listed", "query Unlisted", ""):
        await gateway.ask(f"{name} {{ __typename }}")
    await gateway.ask('mutation OrdersPage { approveShenhe(input: { id: "nonsense" }) { userErrors { message } } }')
    counted = await requests(gateway)
    [mutation] = [key for key in counted if key[1] == "mutation"]
    assert mutation[0] == "OrdersPage"
    assert counted == {OK: 2, ("other", "query", "ok"): 2, mutation: 1}


async def test_duration_falls_into_its_bucket(gateway, sandbox):
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.LATENCY, seconds=0.06))
    await gateway.ask(MODULES)
    series, labels = await scrape(gateway), {"operation": "Listed", "type": "query", "outcome": "ok"}
    assert (value(series, "gateway_request_seconds_sum", **labels) or 0) >= 0.06
    assert value(series, "gateway_request_seconds_bucket", **labels, le="0.05") == 0
    assert value(series, "gateway_request_seconds_bucket", **labels, le="10.0") == 1


@pytest.mark.settings(CALL_TIMEOUT="0.2")
async def test_outcome_is_partial_or_the_code_of_the_error(gateway, sandbox):
    for count, kind in enumerate((FaultKind.GARBAGE, FaultKind.HANG), 1):
        sandbox.faults.set("WJDH", "modules", Fault(kind))
        partial = await gateway.ask(MODULES.replace("{", "{ __typename", 1))
        assert partial.partial is not None
        assert await requests(gateway) == {("Listed", "query", "partial"): count}
        assert value(await scrape(gateway), "gateway_errors_total", code=partial.code) == 1
    assert await refusals(gateway) == {}


async def test_refused_request_keeps_its_listed_name(gateway):
    for name in ("Listed", "199000 00001"):
        await gateway.client.post("/graphql", json={"query": "query Listed { nothing }", "operationName": name})
    failed = "GRAPHQL_VALIDATION_FAILED"
    assert await requests(gateway) == {("Listed", "unknown", failed): 1, ("other", "unknown", failed): 1}


async def test_request_whose_client_leaves_is_cancelled(gateway, sandbox):
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HANG))
    with pytest.raises(httpx.ReadTimeout):
        await gateway.client.post("/graphql", json={"query": MODULES}, timeout=0.2)
    while await requests(gateway) != {("Listed", "query", "cancelled"): 1}:
        pass


async def test_trusted_documents_name_operations(environ, serve, tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"1": "query Trusted { __typename }", "2": "query Broken { nothing }"}))
    own = environ | {"GATEWAY_TRUSTED_DOCUMENTS": str(path)}
    async with serve(own | {"GATEWAY_TRUSTED_DOCUMENTS_MODE": "report"}) as gateway:
        for name in ("Trusted", "Listed", "Broken", "Unlisted"):
            await gateway.ask(f"query {name} {{ __typename }}")
        assert await requests(gateway) == {("Trusted", "query", "ok"): 1, OK: 1, ("other", "query", "ok"): 2}
    async with serve(own) as gateway:
        await gateway.ask("{ __typename }")
        assert await refusals(gateway) == {("QUERY_NOT_IN_SAFELIST", ""): 1}


REFUSED = {
    "tokens": {"query": "{" + "__typename " * 2100 + "}"},
    "characters": {"query": "{ __typename }" + " " * 65_000},
    "depth": {"query": '{ community(code: "1") { orders { nodes { house { address } } } } }'},
    "aliases": {"query": "{" + "".join(f"a{n}: __typename " for n in range(31)) + "}"},
    "rootFields": {"query": "{" + "__typename " * 21 + "}"},
    "directives": {"query": "{ __typename " + "@skip(if: false) " * 51 + "}"},
    "cost": {"query": '{ orders(communityCode: "10002", first: 100) { totalCount } }'},
    "bytes": {"query": "{ __typename }" + "," * 270_000},
    "variables": {"query": "{ __typename }", "variables": {"a": "b" * 70_000}},
    "nesting": {"query": "{ __typename }", "variables": {"a": json.loads("[" * 40 + "]" * 40)}},
    "answer": {"query": '{ modules(communityCode: "10002") { name } }'},
}


@pytest.mark.settings(MAX_DEPTH="3", COST_LIMIT="3")
async def test_refusal_is_counted_by_its_limit(serve, environ, monkeypatch):
    monkeypatch.setattr("gateway.app.LARGEST_ANSWER", 100)
    async with serve(environ) as gateway:
        for limit, body in REFUSED.items():
            [error] = (await gateway.client.post("/graphql", json=body)).json()["errors"]
            assert (error["extensions"]["code"], error["extensions"]["limit"]) == ("QUERY_TOO_COMPLEX", limit)
        counted, outcomes = await refusals(gateway), {key[2] for key in await requests(gateway)}
    assert counted == {("QUERY_TOO_COMPLEX", limit): 1 for limit in REFUSED}
    assert outcomes == {"QUERY_TOO_COMPLEX"}


@pytest.mark.settings(RATE_LIMIT="2")
async def test_rate_limit_is_counted(gateway):
    for _ in range(5):
        await gateway.client.post("/graphql", json=QUERY)
    assert await refusals(gateway) == {("RATE_LIMITED", "rate"): 3}


async def test_refusal_is_counted_by_its_code(gateway):
    post, get = partial(gateway.client.post, "/graphql"), gateway.client.get
    refused = [
        (("GRAPHQL_PARSE_FAILED", ""), post(json={"query": "{"})),
        (("GRAPHQL_VALIDATION_FAILED", ""), post(json={"query": "{ nothing }"})),
        (("BAD_USER_INPUT", ""), post(json={"query": "query ($id: ID!) { node(id: $id) { id } }"})),
        (("BAD_USER_INPUT", ""), post(json={"query": 1})),
        (("BAD_USER_INPUT", ""), get("/graphql", headers={"host": "evil.example"})),
        (("PERSISTED_QUERY_NOT_FOUND", ""), post(json={"documentId": "sha256:" + "0" * 64})),
        (("UNAUTHENTICATED", ""), gateway.stranger.post("/graphql", json=QUERY)),
        (("METHOD_NOT_ALLOWED", ""), gateway.client.put("/graphql", json=QUERY)),
        (("QUERY_TOO_COMPLEX", "bytes"), get("/graphql?query=" + "a" * 20_000)),
        (("QUERY_TOO_COMPLEX", "headers"), get("/graphql", headers={"x-long": "a" * 40_000})),
    ]
    for _, request in refused:
        await request
    assert await refusals(gateway) == Counter(counted for counted, _ in refused)
    outcomes = {code for (code, limit), _ in refused if not limit}  # others never reach the application
    assert {outcome for _, _, outcome in await requests(gateway)} == outcomes


async def test_requests_are_counted_by_client(gateway):
    await gateway.stranger.post("/graphql", json=QUERY, headers={"graphql-client-name": "flood"})
    [labels] = labels_of(await scrape(gateway), COUNTED)
    assert labels["client_name"] == OTHER
    unknown = {(OTHER, labels["client_version"]): 1}
    for headers in (
        {"apollographql-client-name": "console", "apollographql-client-version": "1.4.0"},
        {"graphql-client-name": "@acme/app", "graphql-client-version": "v2-beta"},
        {},
    ):
        await gateway.client.post("/graphql", json=QUERY, headers=headers)
    personal = ("someone@example.org", "王小明", "app 19900000001", "app 99901199003077012X")
    unfit = [("name", text) for text in ("19900000001", "a" * 49, *personal)]
    unfit += [("version", text) for text in ("19900000001", "1" * 33, "1.0 beta", "ä")]
    for kind, text in unfit:
        await gateway.client.post("/graphql", json=QUERY, headers={f"graphql-client-{kind}": text.encode()})
    counted = by_labels(await scrape(gateway), COUNTED, "client_name", "client_version")
    fit = {("console", "1.4.0"): 1, ("@acme/app", "v2-beta"): 1, (NONE, NONE): 1}
    assert counted == fit | unknown | {(OTHER, NONE): 6, (NONE, OTHER): 4}


async def test_many_names_stay_bounded(gateway):
    many = MOST_OF_CALLER + 20
    for number in range(many):
        gateway.parts.admission.buckets.cache_clear()
        named = {"graphql-client-name": f"client-{number}", "graphql-client-version": f"1.{number}"}
        body = {"query": f"query Name{number} {{ __typename }}"}
        assert (await gateway.client.post("/graphql", json=body, headers=named)).json()["data"]
    series = await scrape(gateway)
    assert await requests(gateway) == {("other", "query", "ok"): many}
    assert len(labels_of(series, COUNTED)) == MOST_OF_CALLER + 1
    assert value(series, COUNTED, client_name=OTHER, client_version=OTHER) == 20


async def test_one_caller_leaves_names_to_others(gateway, mint):
    names = [("flood", f"made-up-{number}") for number in range(MOST_CLIENTS)]
    for subject, name in (*names, ("clerk", "app")):
        own = {"authorization": f"Bearer {mint(subject=subject)}", "graphql-client-name": name}
        await gateway.stranger.post("/graphql", json=QUERY, headers=own)
    series = await scrape(gateway)
    assert value(series, COUNTED, client_name="app", client_version=NONE) == 1
    assert len(labels_of(series, COUNTED)) == MOST_OF_CALLER + 2


NAMES = [f"Name{number}" for number in range(MOST_OPERATIONS + 5)]


@pytest.mark.settings(METRICS_OPERATIONS=" ".join(NAMES))
async def test_listed_operations_are_bounded(gateway):
    known = [NAMES[0], NAMES[MOST_OPERATIONS - 1]]
    for name in (*known, NAMES[MOST_OPERATIONS], NAMES[-1]):
        await gateway.ask(f"query {name} {{ __typename }}")
    counted = {name: count for (name, *_), count in (await requests(gateway)).items()}
    assert counted == dict.fromkeys(known, 1) | {"other": 2}


@pytest.mark.settings(WJDH_CONCURRENCY="1")
async def test_slots_and_waiting_calls_are_exposed(gateway, sandbox):
    await gateway.ask('{ modules(communityCode: "00001") { name } }')
    sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HANG))
    queries = [f'{{ modules(communityCode: "1000{number}") {{ name }} }}' for number in (2, 3, 4)]
    asking = [asyncio.create_task(gateway.ask(query)) for query in queries]

    async def figures():
        series = await scrape(gateway)
        names = ("slots", "slots_taken", "calls_waiting")
        return tuple(value(series, f"gateway_upstream_{name}", platform="WJDH") for name in names)

    for expected in ((1, 1, 2), (1, 0, 0)):
        async with asyncio.timeout(60):
            while await figures() != expected:  # noqa: ASYNC110 # there is no event
                await asyncio.sleep(0.01)
        for task in asking:
            task.cancel()


async def test_process_connections_and_journal_are_exposed(gateway):
    series = await scrape(gateway)
    assert (value(series, "gateway_journal_bytes", table="journal") or 0) > 100_000
    for name in ("cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "start_time_seconds"):
        assert (value(series, f"process_{name}", worker="1") or 0) > 0, name
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as other:
        await other.get("/healthz")
        before = value(series, "gateway_open_connections") or 0
        assert value(await scrape(gateway), "gateway_open_connections") == before + 1


async def test_blocked_event_loop_is_exposed(gateway):
    await asyncio.sleep(0.25)
    time.sleep(0.4)  # noqa: ASYNC251 # the gateway runs in this event loop
    await asyncio.sleep(0.25)
    series = await scrape(gateway)
    assert (value(series, "gateway_event_loop_lag_max_seconds") or 0) >= 0.25
    late = value(series, "gateway_event_loop_lag_seconds_bucket", le="0.25")
    assert (value(series, "gateway_event_loop_lag_seconds_count") or 0) > (late or 0)


@pytest.mark.settings(SECURITY_CALLBACK_PATH="")
async def test_what_waits_in_the_journal_is_counted(gateway, monkeypatch):
    """An undelivered payment, an unclear operation; and when the journal worked last."""
    monkeypatch.setattr("gateway.http.probes.FRESH", 0)
    journal = gateway.parts.journal
    new = NewOperation(
        idempotency_key=None, subject="test", mutation="approveShenhe", fingerprint="", community_code="10002"
    )
    operation, _ = await journal.operations.reserve(new)
    await journal.operations.mark_sent(operation)
    series = await scrape(gateway)
    assert value(series, "gateway_undelivered_payment_age_seconds") == 0
    assert value(series, "gateway_unclear_operations") == 0
    await journal.operations.finish(operation.id, Outcome.UNKNOWN)
    await journal.payments.receive("1", "2", "3", subject="test")

    series = await scrape(gateway)
    assert 0 < (value(series, "gateway_undelivered_payment_age_seconds") or 0) < 60
    assert value(series, "gateway_payments", state="QUEUED") == 1
    assert value(series, "gateway_unclear_operations") == 1
    await gateway.client.get("/readyz")
    with broken(journal.database, "read"):
        series = await scrape(gateway)
    assert value(series, "gateway_payments", state="QUEUED") == 1
    assert abs((value(series, "gateway_journal_last_success_timestamp_seconds") or 0) - time.time()) < 60


async def test_format_is_negotiated(gateway):
    accept = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3"
    plain = await gateway.client.get("/metrics")
    open_metrics = await gateway.client.get("/metrics", headers={"accept": accept})
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert open_metrics.text.endswith("# EOF\n")
