"""`deploy/nginx/gateway.conf` in a real nginx: with this machine's ports and paths, and nothing else changed."""

import asyncio
import os
import shutil
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from processes import free_port

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx" / "gateway.conf"
START_TIMEOUT = 20.0


class Nginx:
    """Before these gateways, by their ports. `certificate` and its key, in PEM, are for localhost. `logs` has its logs,
    `tls` trusts it.
    """

    def __init__(self, folder: Path, gateways: Sequence[int], certificate: bytes, connections: int = 512) -> None:
        self.port = free_port()
        self.url = f"https://localhost:{self.port}"
        self.logs = folder
        self.file = folder / "nginx.conf"
        pem = folder / "tls.pem"
        pem.write_bytes(certificate)
        self.tls = ssl.create_default_context(cafile=str(pem))
        text = CONFIGURATION.read_text(encoding="utf-8")
        servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in gateways)
        for theirs, ours in (
            ("server gateway:8000 max_fails=0;", servers),
            ("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
            ("listen [::]:443 ssl;", ""),
            ("/etc/nginx/tls/tls.crt", str(pem)),
            ("/etc/nginx/tls/tls.key", str(pem)),
            ("/var/log/nginx/access.log", str(folder / "access.log")),
            ("/var/log/nginx/error.log", str(folder / "error.log")),
        ):
            if text.count(theirs) != 1:
                raise ValueError(theirs)
            text = text.replace(theirs, ours)
        (folder / "gateway.conf").write_text(text)
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self.file.write_text(
            f"{'user root;' if os.geteuid() == 0 else ''}\n"
            f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/main.log;\n"
            f"worker_rlimit_nofile {connections};\n"
            f"events {{ worker_connections {connections}; }}\nhttp {{\n{temporary}include {folder}/gateway.conf;\n}}\n"
        )

    @asynccontextmanager
    async def running(self, program: str | None = None) -> AsyncIterator["Nginx"]:
        """Until the block ends. Raises RuntimeError with what nginx says when it does not start."""
        command = (program or shutil.which("nginx") or "/usr/sbin/nginx", "-p", str(self.logs), "-c", str(self.file))
        process = await asyncio.create_subprocess_exec(*command)
        try:
            async with asyncio.timeout(START_TIMEOUT):
                while not await self._accepts():
                    if process.returncode is not None:
                        raise RuntimeError((self.logs / "main.log").read_text())
                    await asyncio.sleep(0.005)
            yield self
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()

    async def _accepts(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True
