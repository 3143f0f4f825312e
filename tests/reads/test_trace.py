"""The trace of an operation, compared with what the platforms' own log says."""

import asyncio
import json
import re
from collections import Counter

import pytest
from exposed import read, value
from platform_answers import calls, send
from test_upstream_calls import ORDERS_WITH_OWNERS
from waiting import until

from gateway.auth.principal import Scope
from gateway.sandbox.faults import Fault, FaultKind

TRACED = {"x-trace": "1"}


either_way = pytest.mark.usefixtures("execution")


async def ask(served, query, variables=None, *, headers=TRACED, token=None):
    """The whole body of the answer."""
    return (await served.ask(query, variables, headers=headers, token=token)).body


async def trace_of(served, query, variables=None, **options):
    body = await ask(served, query, variables, **options)
    return body["extensions"]["trace"]


def own(trace):
    """The endpoints of the calls that the operation made itself, logins apart."""
    return Counter(call["endpoint"] for call in trace["calls"] if call["source"] == "own" and call["kind"] != "login")


@either_way
async def test_trace_equals_the_log_of_the_platforms(gateway, sandbox):
    for _ in range(3):
        sandbox.reset_calls()
        body = await ask(gateway, ORDERS_WITH_OWNERS)
        trace = body["extensions"]["trace"]
        assert own(trace) == calls(sandbox) == {"order/list": 2, "owner": 10}
        assert body["extensions"]["cost"]["actual"] == 12
    assert {(call["endpoint"], call["level"]) for call in trace["calls"]} == {("order/list", 1), ("owner", 2)}
    [page, *_] = [call for call in trace["calls"] if call["endpoint"] == "order/list"]
    assert page["paths"] == [["orders"]]
    owners = sorted(path for call in trace["calls"] if call["endpoint"] == "owner" for path in call["paths"])
    assert owners == [["orders", "nodes", index, "house", "owner"] for index in range(20)]


@either_way
async def test_trace_names_the_review_that_each_look_up_is_for(gateway):
    query = (
        'query Checked { shenhes(communityCode: "10002", first: 10) { nodes { verification { findings { code } } } } }'
    )
    looked_up = [call for call in (await trace_of(gateway, query))["calls"] if call["level"] == 2]
    owners = [call["paths"] for call in looked_up if call["endpoint"] == "owner"]
    reviews = {path[2] for paths in owners for path in paths}
    assert len(owners) > 1
    assert len(reviews) >= len(owners)
    assert all(path == ["shenhes", "nodes", path[2], "verification", "findings"] for paths in owners for path in paths)


@either_way
async def test_trace_says_how_the_operation_was_executed(gateway):
    query = "query Platforms { platforms { name } }"
    first = await trace_of(gateway, query)
    again = await trace_of(gateway, query)
    assert {"parse", "validate"} <= {phase["name"] for phase in first["phases"]}
    assert [phase["name"] for phase in again["phases"]] == ["authenticate", "read", "execute", "serialise"]
    assert again["execution"] == "graphql-core"
    assert (again["operationName"], again["operationType"]) == ("Platforms", "query")
    for phase in again["phases"]:
        assert phase["startMs"] + phase["durationMs"] <= again["durationMs"] + 0.01


@either_way
@pytest.mark.settings(CACHE="all=0,owners=60")
async def test_own_joined_and_kept_reads_of_sixteen_callers(gateway, sandbox):
    await ask(gateway, ORDERS_WITH_OWNERS)
    sandbox.reset_calls()

    traces = await asyncio.gather(*(trace_of(gateway, ORDERS_WITH_OWNERS) for _ in range(16)))

    made = sum((own(trace) for trace in traces), Counter())
    assert made == calls(sandbox)
    assert "owner" not in made
    for trace in traces:
        owners = [call for call in trace["calls"] if call["endpoint"] == "owner"]
        assert {call["source"] for call in owners} == {"kept"}
        assert all(call["ageMs"] > 0 for call in owners)
        pages = [call for call in trace["calls"] if call["endpoint"] == "order/list"]
        assert len(pages) in (2, 3)  # a page that was joined is older than its own, and read again
        assert {call["source"] for call in pages} <= {"own", "joined"}


async def test_joined_read_ends_with_the_call_it_joined(gateway, sandbox):
    await ask(gateway, ORDERS_WITH_OWNERS)
    sandbox.faults.set("WJDH", "order/list", Fault(FaultKind.HANG), times=1)
    query = '{ orders(communityCode: "10002", first: 1) { totalCount } }'
    labels = {"endpoint": "order/list", "by": "joined"}
    asked = [asyncio.ensure_future(trace_of(gateway, query)) for _ in range(2)]
    await until(lambda: value(read(gateway.parts.metrics), "gateway_shared_reads_total", **labels) is not None)
    sandbox.faults.clear()

    [first, second] = [trace["calls"][0] for trace in await asyncio.gather(*asked)]

    assert sorted([first["source"], second["source"]]) == ["joined", "own"]
    assert first["outcome"] == second["outcome"] == "OK"
    assert first["rows"] == second["rows"]


async def test_failed_call_has_its_code_and_batches_their_keys(gateway, sandbox):
    query = ORDERS_WITH_OWNERS.replace("number title", "notification { id }")
    await ask(gateway, query)
    sandbox.faults.set("SECURITY", "owner", Fault(FaultKind.HTTP_500), times=1)
    trace = await trace_of(gateway, query)
    [batch] = trace["batches"]
    assert (batch["loader"], batch["keys"]) == ("notification", 20)
    assert len(trace["calls"]) == 12
    [failed] = [call for call in trace["calls"] if call["outcome"] != "OK"]
    assert failed["outcome"].startswith("UPSTREAM_")
    assert (failed["retryable"] is not None, failed["rows"]) == (True, None)


async def test_write_is_traced_with_its_read_back(gateway, sandbox):
    given = 'communityCode: "10002", name: REPAIRS, enabled: true, idempotencyKey: "trace-write"'
    body = await ask(gateway, f"mutation {{ setModule(input: {{{given}}}) {{ outcome }} }}")
    trace = body["extensions"]["trace"]
    assert own(trace) == calls(sandbox)
    assert "write" in {call["kind"] for call in trace["calls"]}
    assert trace["operationType"] == "mutation"
    assert body["extensions"]["cost"]["actual"] == calls(sandbox).total()


@either_way
async def test_masked_fields_and_reveals_are_named(gateway, mint):
    query = '{ orders(communityCode: "10002", first: 5) { nodes { house { owner { phone } } } } }'
    clerk = mint("order:read", "people:read")
    seen, masked = await trace_of(gateway, query), await trace_of(gateway, query, token=clerk)
    assert "phone" in {field for reveal in seen["reveals"] for field in reveal["fields"]}
    assert seen["masked"] == []
    assert masked["reveals"] == []
    assert ["orders", "nodes", 0, "house", "owner", "phone"] in masked["masked"]


PERSON = """query ($name: String!, $phone: String!) { people(name: $name, phone: $phone) { id name phone idCard } }"""
WANG = {"name": "王芳", "phone": "19900000002"}


async def exchanges_of(served, query=PERSON, variables=WANG, **options):
    """Those of the calls that are no logins, by endpoint; False stands for a call that says nothing of one."""
    trace = await trace_of(served, query, variables, **options)
    return {call["endpoint"]: call.get("exchange", False) for call in trace["calls"] if call["kind"] != "login"}


async def received(gateway, sandbox, answer):
    """What is shown of this answer of the platform."""
    send(sandbox, "SECURITY", "people", answer, times=1)
    return (await exchanges_of(gateway))["people"]["received"]


async def test_request_and_answer_are_shown_verbatim(gateway, sandbox):
    exchange = (await exchanges_of(gateway))["people"]
    path = f"/{sandbox.options.security_paths.people.lstrip('/')}"
    assert exchange["sent"] == {"method": "POST", "path": path, "form": WANG}
    answer = exchange["received"]
    assert (answer["status"], answer["truncated"]) == (200, False)
    assert answer["bytes"] == len(answer["body"].encode())
    assert json.loads(answer["body"])["data"]["people_phone"] == WANG["phone"]
    assert (await received(gateway, sandbox, b"<html>no"))["body"] == "<html>no"
    sandbox.faults.set("SECURITY", "people", Fault(FaultKind.RESET))
    exchange = (await exchanges_of(gateway))["people"]
    assert (exchange["sent"]["form"], exchange["received"]) == (WANG, None)


async def test_no_credential_is_shown(gateway, sandbox):
    trace = await trace_of(gateway, PERSON, WANG)
    [login] = [call for call in trace["calls"] if call["kind"] == "login"]
    assert login["exchange"] is None
    assert "token" not in json.dumps(trace["calls"][0]["exchange"])
    [credential] = gateway.parts.platforms.security.session.current().secrets
    echo = await received(gateway, sandbox, {"code": 1, "msg": credential})
    assert echo["body"] == '{"code": 1, "msg": "***"}'
    body = b"<" + b"x" * (64 * 1024 - 9) + credential.encode() * 2
    cut = await received(gateway, sandbox, body)
    assert cut["body"].endswith("xxx******")
    assert (cut["bytes"], cut["truncated"]) == (len(body), False)


async def test_long_answers_are_cut(gateway, sandbox):
    body = json.dumps({"code": 1, "msg": "长" * 30_000}, ensure_ascii=False).encode()
    answer = await received(gateway, sandbox, body)
    assert (answer["bytes"], answer["truncated"]) == (len(body), True)
    assert 60_000 < len(answer["body"].encode()) <= 64 * 1024 + 3


@pytest.mark.settings(CACHE="all=60")
async def test_cached_answer_has_no_exchange(gateway):
    assert (await exchanges_of(gateway))["people"]
    assert await exchanges_of(gateway) == {"people": None}


async def test_only_who_may_read_everything_is_shown_exchanges(gateway, mint):
    for scope in (scope for scope in Scope if scope.endswith(":read")):
        shown = await exchanges_of(gateway, token=mint(without=[scope]))
        assert set(shown.values()) <= {False}
    assert await exchanges_of(gateway, token=mint(communities=["10002"])) == {"people": False}
    assert (await exchanges_of(gateway, token=mint()))["people"]


async def test_audit_trail_has_what_exchanges_show(gateway, mint):
    auditor = mint("audit:read")
    orders = '{ orders(communityCode: "10002", first: 5) { nodes { id } } }'
    asked = (await ask(gateway, PERSON, WANG, token=auditor, headers={}))["data"]
    assert asked == {"people": None}
    person = (await ask(gateway, PERSON, WANG, headers={}))["data"]["people"]["id"]
    listed = (await ask(gateway, orders))["data"]["orders"]["nodes"]
    await ask(gateway, PERSON, WANG)
    for id_ in (person, listed[0]["id"]):
        query = "query ($id: ID) { reveals(recordId: $id) { nodes { subject fields } } }"
        shown = (await ask(gateway, query, {"id": id_}, token=auditor, headers={}))["data"]["reveals"]["nodes"]
        assert ["exchange"] in [reveal["fields"] for reveal in shown]


async def test_trace_has_no_personal_data(gateway, mint):
    query = """query ($name: String!, $phone: String!) { people(name: $name, phone: $phone) { name phone idCard
               residencies { house { address owner { phone } } } } }"""
    trace = await trace_of(gateway, query, WANG, token=mint("people:read", "pii:read"))
    text = json.dumps(trace, ensure_ascii=False)
    assert "王芳" not in text
    assert "199000" not in text
    assert re.search(r"(?<![0-9a-f])999\d{4}", text) is None  # an ID number; times have fewer digits
    [person, *_] = [call for call in trace["calls"] if call["endpoint"] == "people"]
    assert person["arguments"] == [{"name": "name", "kind": "text"}, {"name": "phone", "kind": "number"}]


async def test_production_gives_traces_by_scope_and_no_exchange(production, issuer):
    without = issuer.mint(" ".join(set(Scope) - {Scope.TRACE_READ}))
    assert await exchanges_of(production) == {"people": False}
    assert "trace" not in (await ask(production, PERSON, WANG, token=without))["extensions"]


async def test_trace_goes_on_with_the_trace_of_the_caller(gateway):
    body = await ask(gateway, "{ platforms { name } }", headers={})
    assert body["extensions"] == {"cost": {"requested": 0, "limit": 2000, "actual": 0}}
    parent = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
    trace = await trace_of(gateway, "{ platforms { name } }", headers=TRACED | parent)
    assert trace["traceId"] == "4bf92f3577b34da6a3ce929d0e0e4736"
