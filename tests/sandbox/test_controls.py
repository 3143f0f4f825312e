"""The sandbox's controls over HTTP."""

import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

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
