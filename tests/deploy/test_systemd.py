"""`deploy/systemd`: the unit as systemd reads it, and run by a systemd of its own."""

import os
import re
import sys
from pathlib import Path

import pytest
from deployed import DEPLOY
from programs import run
from waiting import until

from gateway.commands.serve import GRACE

TEXT = (DEPLOY / "systemd" / "wanjia-gateway.service").read_text(encoding="utf-8")


def test_unit_is_valid_and_confined(find_tool, tmp_path):
    """With the gateway of this environment. Of 100 a service without any confinement has 96."""
    assert "/opt/wanjia-gateway/.venv/bin/gateway serve" in TEXT
    unit, program = tmp_path / "wanjia-gateway.service", Path(sys.executable).with_name("gateway")
    unit.write_text(TEXT.replace("/opt/wanjia-gateway/.venv/bin/gateway", str(program)))
    analyze = find_tool("systemd-analyze")
    verified = run(analyze, "verify", "--man=no", "--recursive-errors=no", unit)
    assert verified.stdout + verified.stderr == ""
    run(analyze, "security", "--offline=true", "--threshold=20", "--no-pager", unit)


def test_gateway_has_time_to_stop():
    [seconds] = re.findall(r"^TimeoutStopSec=(\d+)$", TEXT, re.MULTILINE)
    assert int(seconds) > 2 * GRACE


@pytest.mark.parametrize("workers", [1, 2])
async def test_unit_starts_reloads_and_stops(machine, workers):
    unit = "/etc/systemd/system/wanjia-gateway.service"
    await machine.run(f"sed -i 's/gateway serve$/& --workers {workers}/' {unit}\nsystemctl start wanjia-gateway")
    ready = f"curl -fsS {machine.url}/readyz"
    await machine.run(ready)  # no waiting: that is what "started" says
    assert "process_cpu_seconds_total{" in (await machine.run(f"curl -fsS {machine.url}/metrics")).stdout
    show = "systemctl show wanjia-gateway --property"
    started = (await machine.run(f"{show}=MainPID,NRestarts")).stdout

    async def have_started(processes: int) -> bool:
        return bool(await machine.starts() >= processes)

    await until(lambda: have_started(workers))
    await machine.run("systemctl reload wanjia-gateway")
    await until(lambda: have_started(2 * workers))
    await machine.run(ready)
    assert (await machine.run(f"{show}=MainPID,NRestarts")).stdout == started
    await machine.run("systemctl stop wanjia-gateway")
    assert (await machine.run(f"{show}=Result")).stdout == "Result=success\n"


async def test_shell_of_the_machine_has_the_settings_of_the_unit(machine):
    await machine.run("systemctl start wanjia-gateway")
    as_user = "runuser --user {} -- env --ignore-environment HOME=/var/lib/wanjia-gateway .venv/bin/gateway {}"
    checked = await machine.run(as_user.format("wanjia-gateway", "check"))
    printed = (await machine.run(as_user.format("wanjia-gateway", "settings"))).stdout
    refused = await machine.run(as_user.format("nobody", "audit"), status=2)

    file = "/etc/wanjia-gateway/gateway.env"
    assert checked.stderr == f"gateway: with the settings of {file}\n"
    assert re.search(r"^journal +PostgreSQL +yes +- +ready ", checked.stdout, re.MULTILINE)
    for name, source, value in (
        ("PORT", file, machine.url[17:]),
        ("ENV", "default", "production"),
        ("DATA_DIR", "default", "/var/lib/wanjia-gateway"),
    ):
        assert re.search(rf"^GATEWAY_{name} +{source} +{value}$", printed, re.MULTILINE), name
    assert refused.stderr == f"gateway: GATEWAY_ENV_FILE: {file} cannot be read: Permission denied\n"


JOURNALD = """
mount -t tmpfs tmpfs /run && mkdir /run/etc /run/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/work /etc
install -D -m 0644 -t /etc/systemd/journald.conf.d "$1"
SYSTEMD_LOG_TARGET=console timeout --preserve-status 2 /lib/systemd/systemd-journald
"""


def test_journald_takes_its_limits():
    if os.geteuid():
        pytest.skip("needs root")
    spaces = ("unshare", "--mount", "--pid", "--fork", "--mount-proc")
    [file] = (DEPLOY / "systemd" / "journald.conf.d").iterdir()
    started = run(*spaces, "sh", "-ec", JOURNALD, "sh", file, status=None)  # of which its exit status says nothing
    assert "Received SIGTERM" in started.stderr
    assert "ignoring" not in started.stderr
