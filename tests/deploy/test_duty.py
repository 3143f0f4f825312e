"""The sheet for who is on duty: its commands run on a machine that systemd boots, and it prints on one page."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml
from browser import open_page
from deployed import DEPLOY
from pages import DOCS, ROOT, blocks, read_text
from processes import free_port
from programs import run
from throw_away import on_server
from waiting import until

from gateway.auth.principal import Scope
from gateway.sandbox.faults import Fault, FaultKind

PAGE = DOCS / "zh" / "duty.md"
PYTHON = os.path.realpath(sys.executable)
INSTALL, CHECK, START, SETTLE, RESTORE = blocks(PAGE, "sh")


def test_every_alert_has_a_row() -> None:
    [group] = yaml.safe_load(read_text(DEPLOY / "prometheus" / "alerts.yml"))["groups"]
    rows = re.findall(r"^\| (\**)(Gateway\w+)\**", read_text(PAGE), re.MULTILINE)
    assert [(name, bool(bold)) for bold, name in rows] == [
        (rule["alert"], rule["labels"]["severity"] == "critical") for rule in group["rules"]
    ]


@pytest.mark.browser
async def test_sheet_prints_on_one_page(tmp_path: Path) -> None:
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    shutil.copytree(DOCS, tmp_path / "docs")
    await asyncio.to_thread(run, Path(sys.executable).with_name("zensical"), "build", cwd=tmp_path)
    async with open_page("zh-CN") as page:
        await page.goto((tmp_path / "build" / "site" / "zh" / "duty.html").as_uri())
        pdf = await page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


BOOT = r"""
set -e
mount -t tmpfs tmpfs /run
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
cover() {
    mkdir -p "/run/$1/upper" "/run/$1/work" "$3"
    mount -t overlay overlay -o "lowerdir=$2,upperdir=/run/$1/upper,workdir=/run/$1/work" "$3"
}
cover etc /etc /etc
cover local /usr/local/bin /usr/local/bin
mkdir /run/checkout
mount --bind "$2" /run/checkout
mount -t tmpfs tmpfs /opt
cover project /run/checkout /opt/wanjia-gateway
mount -t tmpfs tmpfs /var/lib
cd "$1"
install -D -m 0644 key.pem /etc/wanjia-gateway/key.pem
mkdir -p /etc/systemd/system/wanjia-gateway.service.d
printf '%s\n' [Unit] DefaultDependencies=no > /etc/systemd/system/wanjia-gateway.service.d/alone.conf
cp gateway.env /opt/wanjia-gateway/
cd /opt/wanjia-gateway
sed -i '1s|.*|#!/opt/wanjia-gateway/.venv/bin/python|' .venv/bin/gateway
echo /opt/wanjia-gateway | tee .venv/lib/python*/site-packages/*wanjia_gateway.pth
cat requirements.lock pyproject.toml | sha256sum > .venv/build.sha256
ln -sf /dev/null /etc/systemd/system/tmp.mount
mkdir -p /sys/fs/cgroup/duty
echo $$ > /sys/fs/cgroup/duty/cgroup.procs
exec unshare --cgroup sh -c '
    umount /sys/fs/cgroup
    mount -t cgroup2 none /sys/fs/cgroup
    container=test exec /lib/systemd/systemd --system --unit=systemd-journald.service
'
"""
"""With the files of $1 and the checkout $2, whose packages are installed: a machine that has the project alone. Its
group of processes is its own: another test boots a systemd in that of the tests."""


class Machine:
    """A systemd that has nothing to start, on this machine's network."""

    def __init__(self, folder: Path) -> None:
        spaces = ("--mount", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child", "--mount-proc")
        self._process = subprocess.Popen(("unshare", *spaces, "sh", "-c", BOOT, "sh", str(folder), str(ROOT)))
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        while not (booted := children.read_text()):
            self._process.poll()
        self._enter = ("nsenter", "--target", booted.strip(), "--mount", "--pid")

    async def run(self, commands: str, status: int | None = 0) -> str:
        """What these commands print, run in the project's directory until one fails."""
        shell = (*self._enter, "sh", "-ec", f"cd /opt/wanjia-gateway\n{commands}")
        return (await asyncio.to_thread(run, *shell, status=status)).stdout

    async def is_up(self) -> bool:
        return await self.run("systemctl is-active systemd-journald", None) == "active\n"

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


ANNOUNCE = """mutation { createAnnouncement(
  input: { communityCode: "10002", title: "t", content: "c", idempotencyKey: "k" }) { outcome } }"""


@pytest.mark.slow
async def test_commands_of_the_sheet_do_what_it_says(find_tool, environ, issuer, database_url, sandbox, tmp_path):
    find_tool("systemctl")
    find_tool("pg_restore")
    if os.geteuid() or PYTHON.startswith("/root/"):
        pytest.skip("needs root, and a Python that ProtectHome leaves readable")
    url = f"http://127.0.0.1:{free_port()}"
    settings = environ | issuer.settings() | {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_PORT": url[17:]}
    shutil.copy(settings["GATEWAY_AUTH_KEY_FILE"], tmp_path / "key.pem")
    settings |= {"GATEWAY_AUTH_KEY_FILE": "/etc/wanjia-gateway/key.pem"}
    del settings["GATEWAY_ENV"], settings["GATEWAY_DATA_DIR"]  # those of a deployment are the default
    (tmp_path / "gateway.env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    number = next(order.number for order in sandbox.world.orders_of["10002"] if not order.is_paid)
    machine = Machine(tmp_path)
    try:
        await until(machine.is_up)
        await machine.run(INSTALL)
        assert "PROBLEM" not in await machine.run(CHECK)
        logged = await machine.run(START.replace("http://127.0.0.1:8000", url))
        assert logged.count(' serves"') >= 2  # the restart may come before what the reload starts

        sandbox.faults.set("WJDH", "announcement/new", Fault(FaultKind.APPLIED_THEN_RESET))
        sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HTTP_500))
        headers = {"authorization": f"Bearer {issuer.mint(' '.join(Scope))}"}
        async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as client:
            written = (await client.post(f"{url}/graphql", json={"query": ANNOUNCE})).json()
        assert written["data"]["createAnnouncement"]["outcome"] == "UNKNOWN", written
        unclear = json.loads(await machine.run("gateway operations --json"))
        await sandbox.pay(number, url)
        await until(lambda: listed(machine, "QUEUED", '"attempts":1'))
        sandbox.faults.clear()
        await on_server("UPDATE payments SET state = 'DEAD', next_attempt_at = NULL", database_url)
        await machine.run(SETTLE.replace(" ID ", f" {unclear['id']} "))
        assert await machine.run("gateway operations --json") == ""
        await until(lambda: listed(machine, "DELIVERED", number))

        dump, stop, *restore = RESTORE.replace("postgresql://gateway@db.example.org/gateway", database_url).splitlines()
        await machine.run(dump)
        await on_server("DROP TABLE payments CASCADE", database_url)
        await machine.run("\n".join([stop, *restore]))
        assert await listed(machine, "DELIVERED", number)
    finally:
        machine.stop()


async def listed(machine: Machine, state: str, text: str) -> bool:
    return text in await machine.run(f"gateway payments --json --state {state}")
