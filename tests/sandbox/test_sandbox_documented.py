"""`docs/sandbox.md` agrees with the sandbox."""

import json
import os
import re
from asyncio import to_thread
from itertools import pairwise

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
