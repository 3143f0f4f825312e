"""`deploy/systemd`: the unit as systemd reads it, and booted by a systemd in namespaces of its own."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import httpx
import pytest
from deployed import DEPLOY
from processes import free_port
from programs import run

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
    verified = run(find_tool("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", unit)
    assert verified.stdout + verified.stderr == ""


def test_unit_is_confined(find_tool, unit):
    """On systemd's scale from 0 to 10; without any confinement a service has 9.6."""
    run(find_tool("systemd-analyze"), "security", "--offline=true", "--threshold=20", "--no-pager", unit)


def test_gateway_has_time_to_stop():
    [seconds] = re.findall(r"^TimeoutStopSec=(\d+)$", TEXT, re.MULTILINE)
    assert int(seconds) > 2 * GRACE


BOOT = r"""
set -e
cd "$1"
mount -t tmpfs tmpfs /run
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mkdir /run/etc /run/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/work /etc
useradd --system --user-group -M --home-dir /var/lib/wanjia-gateway --shell /usr/sbin/nologin wanjia-gateway
install -d -m 0750 -g wanjia-gateway /etc/wanjia-gateway
install -d /etc/systemd/system/wanjia-gateway.service.d
install -o root -g wanjia-gateway -m 0640 gateway.env key.pem /etc/wanjia-gateway/
cp wanjia-gateway.service /etc/systemd/system/
cp alone.conf /etc/systemd/system/wanjia-gateway.service.d/
ln -sf /dev/null /etc/systemd/system/tmp.mount
mount --bind "$2" /mnt
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /opt
mkdir /opt/wanjia-gateway
mount --move /mnt /opt/wanjia-gateway
container=test exec /lib/systemd/systemd --system --unit=wanjia-gateway.service
"""
"""With the files of $1 and the checkout $2: what docs/operating.md has one do, on a machine that has nothing else."""

SHELL = ("HOME=/var/lib/wanjia-gateway", "PYTHONPATH=/opt/wanjia-gateway")


class Machine:
    """A systemd that boots this unit alone, on this machine's network."""

    def __init__(self, folder: Path, environ: dict[str, str], workers: int) -> None:
        if os.geteuid() or os.path.realpath(sys.executable).startswith("/root/"):
            pytest.skip("needs root, and a Python that ProtectHome leaves readable")
        self.log = folder / "log"
        self.url = f"http://127.0.0.1:{environ['GATEWAY_PORT']}"
        key = environ | {"GATEWAY_AUTH_KEY_FILE": "/etc/wanjia-gateway/key.pem"}
        del key["GATEWAY_ENV"], key["GATEWAY_DATA_DIR"]  # the defaults of a deployment are other ones
        (folder / "gateway.env").write_text("".join(f"{name}={value}\n" for name, value in key.items()))
        (folder / "key.pem").write_bytes(Path(environ["GATEWAY_AUTH_KEY_FILE"]).read_bytes())
        program = "/opt/wanjia-gateway/.venv/bin/gateway serve"
        python = f"/opt/wanjia-gateway/.venv/bin/python -m gateway serve --workers {workers}"
        (folder / "wanjia-gateway.service").write_text(TEXT.replace(program, python))
        alone = "[Unit]\nDefaultDependencies=no\n[Service]\nEnvironment=PYTHONPATH=/opt/wanjia-gateway\n"
        (folder / "alone.conf").write_text(f"{alone}StandardOutput=append:{self.log}\nStandardError=inherit\n")
        spaces = ("--mount", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child", "--mount-proc")
        command = ("unshare", *spaces, "sh", "-c", BOOT, "sh", str(folder), str(DEPLOY.parent))
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def systemctl(self, *arguments: str) -> str:
        return run(*self._enter(), "systemctl", *arguments, "wanjia-gateway", status=None).stdout.strip()

    def _enter(self) -> tuple[str, ...]:
        started = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()  # or not yet
        return "nsenter", "--target", *started, "--mount", "--pid"

    async def until_active(self, starts: int) -> None:
        """Processes have logged that they serve so many times, and systemd takes the unit for started."""
        async with asyncio.timeout(60):
            while self.starts < starts or await asyncio.to_thread(self.systemctl, "is-active") != "active":
                assert await asyncio.to_thread(self.systemctl, "is-failed") != "failed", self.log.read_text()
                await asyncio.sleep(0.05)

    def gateway(self, user: str, *arguments: str, status: int = 0) -> CompletedProcess[str]:
        """A command that this user runs at a shell of the machine, where no setting is."""
        program = ("/opt/wanjia-gateway/.venv/bin/python", "-m", "gateway")
        shell = (*self._enter(), "runuser", "-u", user, "--", "env", "-i", *SHELL)
        return run(*shell, *program, *arguments, status=status)

    @property
    def starts(self) -> int:
        return self.log.read_text().count(' serves"') if self.log.exists() else 0

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.mark.parametrize("workers", [1, 2])
async def test_unit_boots_reloads_and_stops(find_tool, environ, issuer, database_url, tmp_path, workers):
    find_tool("systemctl")
    port = str(free_port())
    own = {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_PORT": port}
    machine = Machine(tmp_path, environ | issuer.settings() | own, workers)
    try:
        async with httpx.AsyncClient(base_url=machine.url, trust_env=False, timeout=30) as client:
            await machine.until_active(0)
            ready = await client.get("/readyz")  # no waiting: that is what "active" says
            assert ready.status_code == 200, ready.text
            assert "process_cpu_seconds_total{" in (await client.get("/metrics")).text
            started = machine.systemctl("show", "--property=MainPID,NRestarts")
            await machine.until_active(workers)
            before = machine.starts
            machine.systemctl("reload")
            await machine.until_active(before + workers)
            assert (await client.get("/readyz")).status_code == 200
        assert machine.systemctl("show", "--property=MainPID,NRestarts") == started
        machine.systemctl("stop")
        assert machine.systemctl("show", "--property=Result") == "Result=success"
    finally:
        machine.stop()


async def test_shell_of_the_machine_has_the_settings_of_the_unit(find_tool, environ, issuer, database_url, tmp_path):
    find_tool("systemctl")
    own = {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_PORT": str(free_port())}
    machine = Machine(tmp_path, environ | issuer.settings() | own, 1)
    try:
        await machine.until_active(1)
        checked = await asyncio.to_thread(machine.gateway, "wanjia-gateway", "check")
        printed = machine.gateway("wanjia-gateway", "settings").stdout
        refused = machine.gateway("nobody", "audit", status=2)
    finally:
        machine.stop()

    file = "/etc/wanjia-gateway/gateway.env"
    assert checked.stderr == f"gateway: with the settings of {file}\n"
    assert re.search(r"^journal +PostgreSQL +yes +- +ready ", checked.stdout, re.MULTILINE)
    assert re.search(rf"^GATEWAY_PORT +{file} +{own['GATEWAY_PORT']}$", printed, re.MULTILINE)
    assert re.search(r"^GATEWAY_ENV +default +production$", printed, re.MULTILINE)
    assert re.search(r"^GATEWAY_DATA_DIR +default +/var/lib/wanjia-gateway$", printed, re.MULTILINE)
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
