"""The sandbox in a process of its own: its command line and its controls over HTTP."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

pytestmark = pytest.mark.slow

CAR = {"type": "car_number", "identifier": '{"number":"GK12001"}'}
ORDER = CAR | {"xiaoqu": "10002", "title": "临时停车费", "amount": "5"}


class Remote:
    """A sandbox in another process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        lines = [process.stdout.readline().strip().partition("=") for _ in range(13)]
        self.settings = {name: value for name, _, value in lines}
        self.http = httpx.Client(headers={"x-sandbox": "1"}, trust_env=False)

    def wjdh(self, method: str, path: str, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
        return self.http.request(method, self.settings["GATEWAY_WJDH_URL"] + path, data=form, headers=headers)


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    command = [sys.executable, "-m", "gateway.sandbox", "--wjdh-port", "0", "--security-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Remote(process)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("form", [{}, {"kind": "earthquake"}, {"kind": "reset", "endpoint": "orders/list"}])
def test_wrong_control_request_is_400(remote, form):
    assert remote.wjdh("POST", "/__sandbox__/faults", **form).status_code == 400
    assert remote.wjdh("POST", "/__sandbox__/nothing").status_code == 400


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://attacker.example"}, {"origin": "null"}, {"host": "rebound.example"}, {"x-sandbox": None}],
    ids=str,
)
def test_controls_take_no_request_of_a_page(remote, headers):
    url = f"{remote.settings['GATEWAY_WJDH_URL']}/__sandbox__/faults"
    sent = {name: value for name, value in {"x-sandbox": "1", **headers}.items() if value}
    assert httpx.post(url, headers=sent, trust_env=False).status_code == 403


def test_calls_and_effects_are_read_and_reset_over_http(remote):
    remote.wjdh("DELETE", "/__sandbox__/calls")
    settings = {f"secret_{name}": remote.settings[f"GATEWAY_WJDH_SECRET_{name.upper()}"] for name in ("id", "key")}
    token = remote.wjdh("POST", "/api/v1/wjdh/secret", **settings).json()["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    number = str(remote.wjdh("POST", "/api/v1/order/new", headers, **ORDER).json()["data"])
    calls = remote.wjdh("GET", "/__sandbox__/calls").json()
    effects = remote.wjdh("GET", "/__sandbox__/effects").json()["effects"]
    assert calls["counts"] == {"secret": 1, "order/new": 1}
    assert calls["calls"][1]["form"] == ORDER
    assert [(effect["endpoint"], effect["result"]) for effect in effects] == [("order/new", number)]
    assert remote.wjdh("POST", "/__sandbox__/tokens/expire").json() == {}
    assert remote.wjdh("POST", "/api/v1/wjdh/modules", headers, xiaoqu="10002").json()["code"] == "9"
    remote.wjdh("POST", "/__sandbox__/reset")
    assert remote.wjdh("GET", "/__sandbox__/effects").json() == {"effects": []}
