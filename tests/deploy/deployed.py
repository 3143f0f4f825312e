"""The files of `deploy/`, and nginx with the one that is for it."""

import asyncio
import os
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from processes import free_port
from self_signed import self_signed
from waiting import until

DEPLOY = Path(__file__).parents[2] / "deploy"


class Nginx:
    """`deploy/nginx/gateway.conf` in a real nginx: with this machine's ports and paths, and nothing else changed."""

    def __init__(self, folder: Path, gateways: list[int], connections: int = 512) -> None:
        self.port, self.metrics_port = free_port(), free_port()
        self.url = f"https://localhost:{self.port}"
        self.logs = folder
        self.file = folder / "nginx.conf"
        certificate = folder / "tls.crt"
        certificate.write_bytes(self_signed("localhost"))
        self.tls = ssl.create_default_context(cafile=str(certificate))

        text = (DEPLOY / "nginx" / "gateway.conf").read_text(encoding="utf-8")
        servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in gateways)
        for theirs, ours in (
            ("server gateway:8000 max_fails=0;", servers),
            ("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
            ("listen [::]:443 ssl;", ""),
            ("listen 127.0.0.1:8081;", f"listen 127.0.0.1:{self.metrics_port};"),
            ("/etc/nginx/tls/tls.crt", str(certificate)),
            ("/etc/nginx/tls/tls.key", str(certificate)),
            ("/var/log/nginx/access.log", str(folder / "access.log")),
            ("/var/log/nginx/error.log", str(folder / "error.log")),
        ):
            assert text.count(theirs) == 1, theirs
            text = text.replace(theirs, ours)
        (folder / "gateway.conf").write_text(text)
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self.file.write_text(
            f"{'user root;' if os.geteuid() == 0 else ''}\n"
            f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/main.log;\n"
            f"worker_rlimit_nofile {2 * connections};\nevents {{ worker_connections {connections}; }}\n"
            f"http {{\n{temporary}include {folder}/gateway.conf;\n}}\n"
        )

    def client(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, verify=self.tls, trust_env=False, timeout=30, **options)

    @asynccontextmanager
    async def running(self, program: Path | str) -> AsyncIterator["Nginx"]:
        """Until the block ends. Raises RuntimeError with what it says when it does not start."""
        process = await asyncio.create_subprocess_exec(program, "-p", str(self.logs), "-c", str(self.file))
        try:
            await until(lambda: process.returncode is not None or self._accepts())
            if process.returncode is not None:
                raise RuntimeError((self.logs / "main.log").read_text())
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


def require_known_metrics(expression: str, exposed: str) -> None:
    """That each metric in this PromQL is one that a gateway exposes, or Prometheus's own."""
    known = {"up", "ALERTS"}
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", exposed, re.MULTILINE):
        known |= {f"{name}_{part}" for part in ("bucket", "count", "sum")} if kind == "histogram" else {name}
    bare = re.sub(r'"[^"]*"|\b(?:by|without|on|ignoring) \([^)]*\)', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", bare)
    named = set(re.findall(r"\b(?:gateway|process)_\w+|\bup\b|\bALERTS\b", bare))
    assert named, expression
    assert named <= known, named - known
