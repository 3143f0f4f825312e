"""`deploy/nginx/gateway.conf` in a real nginx before a real gateway.

And what its operator needs: its metrics, a new certificate, six months of its log, gateways replaced one by one.
"""

import asyncio
import json
import os
import re
import ssl
from asyncio import to_thread
from collections import Counter
from contextlib import AsyncExitStack, suppress

import httpx
import pytest
from deployed import DEPLOY, Nginx
from graphql_socket import connected
from processes import GatewayProcess, free_port
from programs import run
from self_signed import self_signed
from waiting import until

from gateway.http.server.bounds import ServerLimits
from gateway.settings import Settings

ORDERS = "query ($code: ID!) { orders(communityCode: $code, first: 50) { nodes { number title amount { text } } } }"
PAID = "subscription { paymentEvents { payment { orderNumber } } }"


@pytest.fixture
async def nginx(run_nginx, port):
    async with run_nginx(port) as nginx:
        yield nginx


@pytest.fixture
async def client(nginx, gateway):
    async with nginx.client(headers={"authorization": f"Bearer {gateway.token}"}) as client:
        yield client


@pytest.fixture
def unpaid(sandbox) -> str:
    return next(order.number for order in sandbox.world.orders_of["10002"] if not order.is_paid)


async def ask(client, query=ORDERS, **headers):
    body = {"query": query, "variables": {"code": "10002"}}
    return await client.post("/graphql", json=body, headers=headers)


def test_configuration_is_valid(find_tool, tmp_path):
    printed = run(find_tool("nginx"), "-t", "-p", tmp_path, "-c", Nginx(tmp_path, [8000]).file)
    assert "[warn]" not in printed.stderr


async def test_query_passes_through_nginx(client):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    given = {"x-request-id": "from-the-client", "traceparent": f"00-{trace}-00f067aa0ba902b7-01", "x-trace": "1"}
    answer = await ask(client, **given, **{"accept-encoding": "identity"})
    assert answer.status_code == 200
    assert len(answer.json()["data"]["orders"]["nodes"]) == 50
    assert answer.json()["extensions"]["trace"]["traceId"] == trace
    assert answer.headers["x-request-id"] == "from-the-client"
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "content-encoding" not in answer.headers


async def test_answers_are_compressed(client):
    for media_type in ("application/json", "application/graphql-response+json"):
        answer = await ask(client, accept=media_type, **{"accept-encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["content-type"].startswith(media_type)
        assert "accept-encoding" in answer.headers["vary"].lower()
        assert len(answer.json()["data"]["orders"]["nodes"]) == 50
        assert answer.num_bytes_downloaded < len(answer.content) / 2


async def test_http_2_is_spoken(nginx, gateway, find_tool):
    command = [find_tool("curl"), "--silent", "--http2", "--cacert", str(nginx.logs / "tls.crt"), "--write-out"]
    command += ["\n%{http_version}", "--json", json.dumps({"query": "{ viewer { subject } }"}), "--noproxy", "*"]
    command += ["--header", f"authorization: Bearer {gateway.token}", f"{nginx.url}/graphql"]
    body, _, version = (await to_thread(run, *command)).stdout.rpartition("\n")
    assert json.loads(body)["data"]["viewer"]["subject"]
    assert version == "2"


async def test_events_arrive_over_websocket(nginx, gateway, sandbox, unpaid):
    """To a page of the gateway's own origin, port included."""
    async with connected(nginx.url, token=gateway.token, ssl=nginx.tls, origin=nginx.url) as socket:
        await socket.subscribe("1", PAID)
        await subscribed(gateway)
        await sandbox.pay(unpaid, gateway.url)
        assert await socket.data("1") == {"paymentEvents": {"payment": {"orderNumber": unpaid}}}


async def test_events_arrive_unbuffered_over_sse(client, gateway, sandbox, unpaid):
    headers = {"accept": "text/event-stream", "accept-encoding": "gzip"}
    async with (
        asyncio.timeout(60),
        client.stream("POST", "/graphql", json={"query": PAID}, headers=headers) as stream,
    ):
        await subscribed(gateway)
        await sandbox.pay(unpaid, gateway.url)
        data = await anext(line async for line in stream.aiter_lines() if line.startswith("data:"))
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert "content-encoding" not in stream.headers
    assert unpaid in data


async def subscribed(gateway):
    """Until the gateway has one subscriber."""

    async def is_counted():
        return "gateway_open_subscriptions 1.0" in (await gateway.stranger.get("/metrics")).text

    await until(is_counted)


async def test_payment_callback_is_taken_and_acknowledged(nginx, sandbox, unpaid):
    payment = sandbox.pay_unannounced(unpaid)
    key_k, key_d = sandbox.options.callback_credentials
    async with nginx.client() as platform:
        token = (await platform.post("/callbacks/token", data={"key_k": key_k, "key_d": key_d})).json()["token"]
        form = {"order_number": payment.order_number, "shop_number": payment.shop_number, "token": token}
        answer = await platform.post("/callbacks/payment", data={**form, "weixin_number": payment.weixin_number})
        large = await platform.post("/callbacks/payment", data={"token": "x" * 20_000})
    assert answer.json() == {"code": 0}
    assert large.status_code == 413


async def test_large_bodies_are_refused_by_name_then_by_size(client):
    refused = await ask(client, "{ viewer { subject } } #" + "x" * Settings().max_body_bytes)
    assert refused.json()["errors"][0]["extensions"]["limit"] == "bytes"
    refused = await ask(client, "{ viewer { subject } } #" + "x" * 1024 * 1024)
    assert refused.status_code == 413
    assert "nginx" in refused.text


async def test_paths_for_machines_are_not_public(client):
    for path in ("/metrics", "/healthz", "/readyz", "/", "/explorer/token", "/graphql/", "/callbacks"):
        assert (await client.get(path)).status_code == 404, path


async def test_only_reads_are_sent_again(run_nginx):
    """By two gateways that end the connection of each request. Forwarding headers are nginx's own, and no log has the
    query string.
    """
    heads: list[bytes] = []

    async def hang_up(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        if length := re.search(rb"content-length: (\d+)", heads[-1], re.IGNORECASE):
            await reader.readexactly(int(length[1]))
        writer.close()

    servers = [await asyncio.start_server(hang_up, "127.0.0.1", 0) for _ in range(2)]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    forged = {"x-forwarded-for": "10.0.0.1", "x-real-ip": "10.0.0.1"}
    async with run_nginx(*ports) as nginx, nginx.client(headers=forged) as client:
        for method, path, sent in (("POST", "/graphql", 1), ("POST", "/callbacks/payment", 1), ("GET", "/graphql", 2)):
            heads.clear()
            answer = await client.request(method, path, params={"query": "19900012345"})
            assert (answer.status_code, len(heads)) == (502, sent), path
            for head in heads:
                assert b"x-forwarded-for: 127.0.0.1\r\n" in head.lower()
                assert b"10.0.0.1" not in head
        logged = "".join(path.read_text() for path in nginx.logs.glob("*.log"))
    for server in servers:
        server.close()
    assert '"GET /graphql HTTP/1.1"' in logged
    assert "19900012345" not in logged


async def test_dead_gateway_costs_no_write(run_nginx, gateway, port):
    token = {"authorization": f"Bearer {gateway.token}"}
    async with run_nginx(free_port(), port) as nginx, nginx.client(headers=token) as client:
        answers = await asyncio.gather(*(ask(client, "{ viewer { subject } }") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_tls_is_refused(nginx):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", nginx.port, ssl=old)


def test_bounds_are_not_narrower_than_the_settings():
    """A refusal comes from the gateway, with its code; idle connections are closed by nginx."""
    text = (DEPLOY / "nginx" / "gateway.conf").read_text(encoding="utf-8")
    settings = Settings()

    def seconds(name):
        [value] = re.findall(rf"^ *{name} (\d+)s;", text, re.MULTILINE)
        return int(value)

    assert settings.max_body_bytes <= 1024 * 1024
    assert seconds("proxy_read_timeout") > settings.request_timeout
    limits = ServerLimits(keep_alive_timeout=settings.keep_alive_timeout, max_connections=settings.max_connections)
    assert seconds("client_body_timeout") >= limits.body_timeout
    [kept] = re.findall(r"^    keepalive_timeout (\d+)s;  #", text, re.MULTILINE)
    assert int(kept) < settings.keep_alive_timeout


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

            async def is_trusted() -> bool:
                with suppress(httpx.ConnectError):
                    return (await client.get("/")).status_code == 404
                return False

            await until(is_trusted)


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


@pytest.mark.parametrize("workers", [1, 2])
async def test_replacing_gateways_fails_no_request(environ, database_url, run_nginx, tmp_path, workers):
    shared = environ | {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_ID_KEY": "k" * 32}
    gateways = [GatewayProcess(shared, tmp_path / f"log-{number}", workers) for number in range(2)]
    answers = Counter[int]()
    async with AsyncExitStack() as stack:
        for gateway in gateways:
            stack.push_async_callback(gateway.kill)
        await asyncio.gather(*(gateway.start() for gateway in gateways))
        nginx = await stack.enter_async_context(run_nginx(*(gateway.port for gateway in gateways)))
        authorization = {"authorization": gateways[0].client().headers["authorization"]}
        client = await stack.enter_async_context(nginx.client(headers=authorization))
        replaced = asyncio.Event()

        async def call() -> None:
            while not replaced.is_set():
                answers[(await client.post("/graphql", json={"query": "{ viewer { subject } }"})).status_code] += 1
                await asyncio.sleep(0.02)  # the gateways need the processor to start

        calling = [asyncio.create_task(call()) for _ in range(4)]
        for gateway in gateways:
            await gateway.stop()
            await gateway.start()
        replaced.set()
        await asyncio.gather(*calling)
    assert set(answers) == {200}, answers
    assert answers[200] > 100
