"""`deploy/systemd`: the unit as systemd reads it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from deployed import DEPLOY

from gateway.commands.serve import GRACE

TEXT = (DEPLOY / "systemd" / "wanjia-gateway.service").read_text(encoding="utf-8")


@pytest.fixture
def unit(tmp_path):
    """The unit with the gateway of this environment."""
    program = Path(sys.executable).with_name("gateway")
    assert "/opt/wanjia-gateway/.venv/bin/gateway serve" in TEXT
    path = tmp_path / "wanjia-gateway.service"
    path.write_text(TEXT.replace("/opt/wanjia-gateway/.venv/bin/gateway", str(program)))
    return path


def test_unit_is_valid(find_tool, unit):
    command = [find_tool("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", str(unit)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""


def test_unit_is_confined(find_tool, unit):
    """On systemd's scale from 0 to 10; without any confinement a service has 9.6."""
    command = [find_tool("systemd-analyze"), "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert answer.returncode == 0, answer.stdout[-300:] + answer.stderr


def test_gateway_has_time_to_stop():
    [seconds] = re.findall(r"^TimeoutStopSec=(\d+)$", TEXT, re.MULTILINE)
    assert int(seconds) > 2 * GRACE
