"""The sandbox's controls over HTTP; `docs/sandbox.md` agrees with them, and with what else there is."""

import json
import os
import re
import subprocess
import sys
from asyncio import to_thread
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import Any

import httpx
import pytest
from pages import DOCS, FENCE, ROOT, read_text
from programs import run

from gateway.sandbox.control import Control
from gateway.sandbox.faults import FaultKind

PAGE = read_text(DOCS / "sandbox.md")


@pytest.mark.demo
async def test_documented_commands_answer_as_documented(gateway, sandbox, find_tool, subtests):
    find_tool("curl")
    environ = os.environ | {"GATEWAY_DATA_DIR": str(gateway.data_dir)}
    addresses = {"8000": gateway.url, "9001": sandbox.wjdh.url, "9002": sandbox.security.url}
    page = re.sub(r"http://127\.0\.0\.1:(\d+)", lambda address: addresses[address[1]], PAGE)
    for (language, command), (_, answer) in pairwise(FENCE.findall(page)):
        if language == "sh":
            with subtests.test(command):
                ran = await to_thread(run, "sh", "-c", command, cwd=ROOT, env=environ)
                assert without_accidents(json.loads(ran.stdout)) == without_accidents(json.loads(answer))


def without_accidents(answer):
    """Without what differs from run to run, and the cost."""
    if isinstance(answer, list):
        return [without_accidents(item) for item in answer]
    if not isinstance(answer, dict):
        return answer
    return {
        name: without_accidents(value)
        for name, value in answer.items()
        if name not in ("requestId", "token") and not (name == "extensions" and "cost" in value)
    }


def test_every_switch_is_documented(sandbox):
    switches = {f"{method} {path}" for method, path in Control(sandbox)._actions} | {"POST pay"}
    assert set(re.findall(r"^\| `([A-Z]+ [\w/]+)` \|", PAGE, re.MULTILINE)) == switches


def test_every_fault_is_documented():
    table = PAGE.partition("| `kind` |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(FaultKind)


def test_every_endpoint_is_documented(sandbox):
    for server, name in ((sandbox.wjdh, "wjdh"), (sandbox.security, "security")):
        [row] = re.findall(rf"^\| {name} \| (.*) \|$", PAGE, re.MULTILINE)
        assert re.findall(r"`([^`]+)`", row) == [endpoint.name for endpoint in server.platform.endpoints]


CAR = {"type": "car_number", "identifier": '{"number":"GK12001"}'}
ORDER = CAR | {"xiaoqu": "10002", "title": "临时停车费", "amount": "5"}

Call = Callable[..., Awaitable[Any]]


@pytest.fixture
async def call(sandbox) -> AsyncIterator[Call]:
    """`await call("GET", "/__sandbox__/calls", headers, **form)`, of wjdh."""
    async with httpx.AsyncClient(base_url=sandbox.wjdh.url, trust_env=False) as client:
        yield lambda method, path, headers=None, **form: client.request(
            method, path, data=form, headers={"x-sandbox": "1"} if headers is None else headers
        )


async def test_wrong_control_request_is_400(call):
    for form in ({}, {"kind": "earthquake"}, {"kind": "reset", "endpoint": "orders/list"}):
        assert (await call("POST", "/__sandbox__/faults", **form)).status_code == 400
    assert (await call("POST", "/__sandbox__/nothing")).status_code == 400


async def test_controls_take_no_request_of_a_page(call):
    page = ({"origin": "http://attacker.example"}, {"origin": "null"}, {"host": "rebound.example"})
    for headers in ({}, *({"x-sandbox": "1"} | of_page for of_page in page)):
        assert (await call("POST", "/__sandbox__/faults", headers)).status_code == 403


async def test_calls_and_effects_are_read_and_reset_over_http(call, sandbox):
    settings = sandbox.settings()
    credentials = {f"secret_{name}": settings[f"GATEWAY_WJDH_SECRET_{name.upper()}"] for name in ("id", "key")}
    token = (await call("POST", "/api/v1/wjdh/secret", **credentials)).json()["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    number = str((await call("POST", "/api/v1/order/new", headers, **ORDER)).json()["data"])
    calls = (await call("GET", "/__sandbox__/calls")).json()
    effects = (await call("GET", "/__sandbox__/effects")).json()["effects"]
    assert calls["counts"] == {"secret": 1, "order/new": 1}
    assert calls["calls"][1]["form"] == ORDER
    assert [(effect["endpoint"], effect["result"]) for effect in effects] == [("order/new", number)]
    await call("DELETE", "/__sandbox__/calls")
    assert (await call("GET", "/__sandbox__/calls")).json() == {"counts": {}, "calls": []}
    assert (await call("POST", "/__sandbox__/tokens/expire")).json() == {}
    assert (await call("POST", "/api/v1/wjdh/modules", headers, xiaoqu="10002")).json()["code"] == 9
    await call("POST", "/__sandbox__/reset")
    assert (await call("GET", "/__sandbox__/effects")).json() == {"effects": []}


@pytest.mark.slow
def test_process_prints_settings_and_ends_at_sigterm():
    command = [sys.executable, "-m", "gateway.sandbox", "--wjdh-port", "0", "--security-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        settings = [process.stdout.readline().partition("=") for _ in range(13)]
        process.terminate()
        assert process.wait(timeout=60) == 0
    assert {name.partition("_")[0] for name, _, value in settings if value.strip()} == {"GATEWAY"}
