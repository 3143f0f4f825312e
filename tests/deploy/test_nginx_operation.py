"""What an operator of nginx needs besides its configuration: its metrics, a new certificate, six months of its log."""

import asyncio
import os
import ssl
from urllib.parse import urlsplit

import httpx
import pytest
from deployed import DEPLOY
from programs import run
from self_signed import self_signed
from waiting import until


@pytest.fixture
def port(gateway) -> int:
    return urlsplit(gateway.url).port or 0


async def test_nginx_shows_its_own_metrics_on_loopback(run_nginx, port):
    async with run_nginx(port) as nginx, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{nginx.metrics_port}/")
    assert answer.text.startswith("Active connections: 1 ")


async def test_renewed_certificate_is_served_after_the_hook(find_tool, run_nginx, port, tmp_path):
    folder = tmp_path / "renewed"
    folder.mkdir()
    (folder / "fullchain.pem").write_bytes(renewed := self_signed("localhost"))
    (folder / "privkey.pem").write_bytes(renewed)
    async with run_nginx(port) as nginx:
        program = folder / "nginx"
        program.write_text(f'#!/bin/sh\nexec {find_tool("nginx")} -p {tmp_path} -c {nginx.file} "$@"\n')
        program.chmod(0o755)
        hook = (DEPLOY / "nginx" / "renewed").read_text().replace("/etc/nginx/tls/", f"{tmp_path}/")
        run("sh", "-c", hook, env={"RENEWED_LINEAGE": str(folder), "PATH": f"{folder}:{os.environ['PATH']}"})
        nginx.tls = ssl.create_default_context(cadata=renewed.decode())
        async with nginx.client() as client:
            await until(lambda: is_trusted(client))


async def is_trusted(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/")).status_code == 404
    except httpx.ConnectError:
        return False


async def test_rotated_access_log_goes_on_in_a_new_file(find_tool, run_nginx, port, tmp_path):
    text = (DEPLOY / "nginx" / "logrotate").read_text()
    for theirs, ours in (
        ("/var/log/nginx/*.log", f"{tmp_path}/access.log"),
        ("/run/nginx.pid", f"{tmp_path}/nginx.pid"),
        (" root adm", ""),
    ):
        assert text.count(theirs) == 1
        text = text.replace(theirs, ours)
    (tmp_path / "logrotate").write_text(text)
    log = tmp_path / "access.log"
    async with run_nginx(port) as nginx, nginx.client() as client:
        await client.get("/before")
        run(find_tool("logrotate"), "--force", "--state", tmp_path / "state", tmp_path / "logrotate")
        async with asyncio.timeout(20):
            while "/after" not in log.read_text():
                await client.get("/after")
        [rotated] = tmp_path.glob("access.log-*")
    assert "/before" in rotated.read_text()
    assert "/before" not in log.read_text()
