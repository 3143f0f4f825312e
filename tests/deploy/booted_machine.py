"""A machine that has the project alone: a systemd, booted in namespaces of its own."""

import asyncio
import os
import re
import subprocess
from pathlib import Path

from pages import DOCS, ROOT, blocks
from programs import run

PAGE = DOCS / "zh" / "duty.md"
INSTALL, CHECK, START, SETTLE, RESTORE = blocks(PAGE, "sh")

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
mkdir -p "/sys/fs/cgroup/duty-$3"
echo $$ > "/sys/fs/cgroup/duty-$3/cgroup.procs"
exec unshare --cgroup sh -c '
    umount /sys/fs/cgroup
    mount -t cgroup2 none /sys/fs/cgroup
    container=test exec /lib/systemd/systemd --system --unit=systemd-journald.service
'
"""
"""With the files of $1 and the checkout $2, whose packages are installed. $3 names its group of processes, as several
machines may be booted at once.
"""


class Machine:
    """A systemd that has nothing to start, on this machine's network."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        spaces = ("--mount", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child", "--mount-proc")
        boot = ("sh", "-c", BOOT, "sh", str(folder), str(ROOT), str(os.getpid()))
        self._process = subprocess.Popen(("unshare", *spaces, *boot), stdout=subprocess.DEVNULL)
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        while not (booted := children.read_text()):
            self._process.poll()
        self._enter = ("nsenter", "--target", booted.strip(), "--mount", "--pid")

    async def run(self, commands: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
        """What these commands print, run in the project's directory until one fails."""
        shell = (*self._enter, "sh", "-ec", f"cd /opt/wanjia-gateway\n{commands}")
        return await asyncio.to_thread(run, *shell, status=status)

    async def is_up(self) -> bool:
        return (await self.run("systemctl is-active systemd-journald", None)).stdout == "active\n"

    async def starts(self) -> int:
        """How many gateways have logged that they serve."""
        logged = await self.run("journalctl --unit=wanjia-gateway --no-pager")
        return len(re.findall(' serves"', logged.stdout))

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
