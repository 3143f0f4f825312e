"""`docs/sandbox.md` agrees with the sandbox."""

import json
import os
import re
import shutil
import subprocess
from asyncio import to_thread
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.sandbox.control import Control
from gateway.sandbox.dialects.dialect import Dialect
from gateway.sandbox.faults import FaultKind

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def dialect():
    """As `gateway demo` runs its sandbox."""
    return Dialect.MIXED


async def test_documented_commands_answer_as_documented(gateway, sandbox, in_ci, subtests):
    if shutil.which("curl") is None and not in_ci:
        pytest.skip("needs curl")
    environ = os.environ | {"GATEWAY_DATA_DIR": str(gateway.data_dir)}
    addresses = {"8000": gateway.url, "9001": sandbox.wjdh.url, "9002": sandbox.security.url}
    page = re.sub(r"http://127\.0\.0\.1:(\d+)", lambda address: addresses[address[1]], PAGE)
    blocks = FENCE.findall(page)
    for (language, command), (_, answer) in pairwise(blocks):
        if language == "sh":
            with subtests.test(command):
                shell = ["sh", "-c", command]
                ran = await to_thread(subprocess.run, shell, cwd=ROOT, env=environ, capture_output=True, timeout=30)
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
