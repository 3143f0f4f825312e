"""Metrics of data issues, platform calls, cached reads and payments."""

import json

import pytest

from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import Fault, FaultKind


@pytest.fixture
def dialect():
    return Dialect.EXAMPLES


async def metrics(gateway) -> str:
    response = await gateway.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    return response.text


async def test_data_issue_is_counted_once_per_value(gateway):
    await gateway.ask('{ shenhes(communityCode: "10002", first: 20) { totalCount } }')

    lines = [line for line in (await metrics(gateway)).splitlines() if line.startswith("gateway_data_issues_total{")]
    assert any('endpoint="shenheList"' in line and 'problem="LEGACY_CODE"' in line for line in lines)
    assert all('platform="WJDH"' in line for line in lines)
    calls = 'gateway_upstream_call_seconds_count{endpoint="shenheList",outcome="OK",platform="WJDH"} 1.0'
    assert calls in map(sorted_labels, (await metrics(gateway)).splitlines())


async def test_unreadable_module_state_is_counted(gateway, sandbox):
    data = {"10002": {"绑定房屋": "维护中", "生活缴费": None, "投诉建议": "1"}, "00001": None}
    body = json.dumps({"code": 0, "data": data}).encode()
    sandbox.faults.set("SECURITY", "modules-sync", Fault(FaultKind.BODY, body=body))
    await gateway.ask("{ communities { code } }")

    lines = [line for line in (await metrics(gateway)).splitlines() if line.startswith("gateway_data_issues_total{")]
    labels = 'endpoint="modules-sync",field="enabled",platform="SECURITY",problem='
    assert sorted(map(sorted_labels, lines)) == [
        f'gateway_data_issues_total{{{labels}"{problem}"}} 1.0' for problem in ("MALFORMED", "MISSING")
    ]


def sorted_labels(line: str) -> str:
    name, _, rest = line.partition("{")
    labels, _, value = rest.partition("}")
    return f"{name}{{{','.join(sorted(labels.split(',')))}}}{value}"


async def test_reads_that_cost_no_call_are_counted(environ, serve):
    async with serve(environ | {"GATEWAY_CACHE": "all=0,modules=30"}) as gateway:
        for _ in range(3):
            await gateway.ask('{ modules(communityCode: "10002") { name } }')

        assert 'gateway_shared_reads_total{by="kept",endpoint="modules"} 2.0' in await metrics(gateway)
