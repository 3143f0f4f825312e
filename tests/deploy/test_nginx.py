"""`deploy/nginx/gateway.conf` in a real nginx before a real gateway."""

import asyncio
import gzip
import json
import re
import ssl
from asyncio import to_thread
from urllib.parse import urlsplit

import pytest
from deployed import DEPLOY, Nginx
from graphql_socket import connected
from processes import free_port
from programs import run
from waiting import until

from gateway.http.server.bounds import ServerLimits
from gateway.settings import Settings

ORDERS = (
    "query Orders($code: ID!) { orders(communityCode: $code, first: 50) { nodes { number title amount { text } } } }"
)
PAID = "subscription { paymentEvents { payment { orderNumber } } }"
PATIENCE = 10


@pytest.fixture
def port(gateway) -> int:
    return urlsplit(gateway.url).port or 0


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
        body = {"query": ORDERS, "variables": {"code": "10002"}}
        headers = {"accept": media_type, "accept-encoding": "gzip"}
        async with client.stream("POST", "/graphql", json=body, headers=headers) as answer:
            sent = b"".join([chunk async for chunk in answer.aiter_raw()])
        whole = gzip.decompress(sent)
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["content-type"].startswith(media_type)
        assert "accept-encoding" in answer.headers["vary"].lower()
        assert len(json.loads(whole)["data"]["orders"]["nodes"]) == 50
        assert len(sent) < len(whole) / 2


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
        asyncio.timeout(PATIENCE),
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


SECRET = "19900012345"


def logged(nginx) -> str:
    return "".join(path.read_text() for path in nginx.logs.glob("*.log"))


async def test_logs_hold_no_query_string(client, nginx):
    params = {"query": "query($p: String) { __typename }", "variables": json.dumps({"p": SECRET})}
    await client.get("/graphql", params=params)
    assert '"GET /graphql HTTP/1.1"' in logged(nginx)
    assert SECRET not in logged(nginx)


class Silent:
    """A gateway that reads each request and ends the connection instead of answering."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if length := re.search(rb"content-length: (\d+)", head, re.IGNORECASE):
            await reader.readexactly(int(length[1]))
        self.requests.append(head)
        writer.close()


@pytest.fixture
async def silent():
    """Two of them: their ports, and all requests of both."""
    both = Silent()
    servers = [await asyncio.start_server(both.answer, "127.0.0.1", 0) for _ in range(2)]
    yield [server.sockets[0].getsockname()[1] for server in servers], both.requests
    for server in servers:
        server.close()


async def test_only_reads_are_sent_again(run_nginx, silent):
    ports, requests = silent
    async with run_nginx(*ports) as nginx, nginx.client() as client:
        for method, path, sent in (("POST", "/graphql", 1), ("POST", "/callbacks/payment", 1), ("GET", "/graphql", 2)):
            requests.clear()
            answer = await client.request(method, path, params={"query": SECRET})
            assert (answer.status_code, len(requests)) == (502, sent), path
        assert SECRET not in logged(nginx)


async def test_dead_gateway_costs_no_write(run_nginx, gateway, port):
    token = {"authorization": f"Bearer {gateway.token}"}
    async with run_nginx(free_port(), port) as nginx, nginx.client(headers=token) as client:
        answers = await asyncio.gather(*(ask(client, "{ viewer { subject } }") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}


async def test_forged_forwarding_headers_are_replaced(run_nginx, silent):
    ports, requests = silent
    async with run_nginx(*ports) as nginx, nginx.client() as client:
        await client.post("/graphql", headers={"x-forwarded-for": "10.0.0.1", "x-real-ip": "10.0.0.1"})
    head = requests[0].lower()
    assert b"x-forwarded-for: 127.0.0.1\r\n" in head
    assert b"10.0.0.1" not in head


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
