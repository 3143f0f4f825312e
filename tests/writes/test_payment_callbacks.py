"""The intake of payment notifications over plain HTTP, in the protocol of the document's chapters 1.1.1 and 2.2."""

import asyncio
import resource
from itertools import product

import httpx
import pytest
from processes import GatewayProcess
from resident import NOT_SAVED, ORDER, SAVED, TOKEN_INVALID, Resident
from structlog.testing import capture_logs
from waiting import until

from gateway.http import payment_callback
from gateway.journal.listing import PaymentQuery

PAYMENTS = "{ payments { nodes { orderNumber state attempts lastError } } }"
ORDERS = '{ orders(communityCode: "10002", first: 1) { nodes { number } } }'
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def resident(gateway, environ):
    return Resident(gateway.client, environ)


class TestWithAnyToken:
    """With one of the gateway's own, and with the security platform's."""

    @pytest.fixture(params=["gateway", "platform"])
    def environ(self, environ, request):
        return environ | {"GATEWAY_CALLBACK_ACCEPTS": request.param}

    @pytest.fixture
    async def resident(self, resident, environ):
        if environ["GATEWAY_CALLBACK_ACCEPTS"] == "platform":
            await resident.sign_in()
        return resident

    @pytest.fixture
    def delivered(self, gateway):
        """The payments, once none is waiting any more."""

        async def payments():
            nodes = (await gateway.read(PAYMENTS))["nodes"]
            return nodes if nodes and all(node["state"] != "QUEUED" for node in nodes) else None

        return lambda: until(payments)

    async def test_notification_is_delivered_exactly_and_once(self, sandbox, resident, delivered):
        """With all of its digits, beyond 64 bits."""
        numbers = {"order": "9" * 20, "shop": "8" * 32, "weixin": "4" * 28}
        own = await resident.own_token()
        answers = await asyncio.gather(*(resident.pay(**numbers, token=token) for token in (None, own) * 6))
        assert await delivered() == [
            {"orderNumber": numbers["order"], "state": "DELIVERED", "attempts": 1, "lastError": None}
        ]
        answers.append(await resident.pay(**numbers))

        assert answers == [SAVED] * 13
        assert len(await delivered()) == 1
        sent = {f"{name}_number": number for name, number in numbers.items()}
        assert sandbox.effects.count("callback", **sent) == 1

    @pytest.mark.parametrize("other", [{"shop": "1901"}, {"weixin": "4201"}, {"order": "20201213104757994399"}])
    async def test_conflicting_notification_is_refused_and_recorded(self, gateway, sandbox, resident, delivered, other):
        assert await resident.pay() == SAVED
        if resident.platform_token:
            await resident.sign_in()
        with capture_logs() as logs:
            assert await resident.pay(**other) == NOT_SAVED

        assert [payment["orderNumber"] for payment in await delivered()] == [ORDER]
        assert {(it.form["order_number"], it.form["shop_number"]) for it in sandbox.effects.of("callback")} == {
            (ORDER, "1900")
        }
        known = (await gateway.parts.journal.payments.by_order_number([ORDER]))[ORDER]
        [[conflict]] = await gateway.parts.journal.payments.conflicts([known.id])
        assert conflict.subject == "payment callback"
        conflicts = [(log["log_level"], log["payment"]) for log in logs if log["event"] == "notification conflicts"]
        assert conflicts == [("error", known.id)], "somebody has to look into it"

    async def test_malformed_number_is_answered_2_and_logged_without_it(self, gateway, sandbox, resident):
        wrong = ("", " ", "1 2", "1" * 65, "１２", "1\n", "%00", "'; --")
        for which, value in product(("order", "shop", "weixin"), wrong):
            assert await resident.pay(**{which: value}) == NOT_SAVED, (which, value)
        with capture_logs() as logs:
            assert await resident.pay(weixin="4200 6225") == NOT_SAVED

        levels = [] if resident.platform_token else [("error", "weixin_number")]  # strangers are logged once a minute
        assert [(it["log_level"], it["field"]) for it in logs if "malformed" in it["event"]] == levels
        assert "6225" not in str(logs)
        assert (await gateway.ask(PAYMENTS)).data["payments"]["nodes"] == []
        assert sandbox.count("SECURITY", "callback") == 0

    async def test_invalid_token_is_answered_1(self, gateway, resident):
        """As is one of which only the expiry was altered."""
        issued = await resident.own_token()
        altered = str(int(issued[:10]) + 1) + issued[10:]
        for token in ("", "x", "1.2.3", "9999999999.00.00", "签", "\x00", "a b", "t" * 2000, altered):
            assert await resident.pay(token=token) == TOKEN_INVALID, token
        assert (await gateway.ask(PAYMENTS)).data["payments"]["nodes"] == []
        assert await resident.pay(token=issued) == SAVED


async def test_wrong_or_missing_credentials_get_no_token(environ, resident, serve, tmp_path):
    none = {"key_k": "", "key_d": ""}
    for wrong in ({"key_k": "x"}, {"key_d": "x"}, none, {"key_d": "密"}):
        answer = await resident.token(**wrong)
        assert (answer["code"], "token" in answer) == (1, False), wrong
    closed = {name: value for name, value in environ.items() if "CALLBACK_KEY" not in name}
    async with serve(closed | {"GATEWAY_DATA_DIR": str(tmp_path / "closed")}) as gateway:
        assert (await gateway.client.post("/callbacks/token", data=none)).json()["code"] == 1


NO_NOTIFICATIONS = [
    (b"order_number=" + b"1" * 9000, FORM, 413),
    (b"a=1&" * 100, FORM, 400),
    (b"\xff\xfe", FORM, 400),
    (b'{"order_number": "1"}', {"content-type": "application/json"}, 415),
    (b"order_number=1", {}, 415),
    (b"--x--", {"content-type": "multipart/form-data; boundary=x"}, 415),
]


@pytest.mark.parametrize("path", ["/callbacks/token", "/callbacks/payment"])
async def test_malformed_notification_is_refused_by_status(gateway, path):
    for body, headers, status in NO_NOTIFICATIONS:
        answer = await gateway.client.post(path, content=body, headers=headers)
        assert answer.status_code == status, body[:20]


async def test_callbacks_accept_only_post(gateway):
    for method in ("GET", "PUT", "DELETE"):
        assert (await gateway.client.request(method, "/callbacks/payment")).status_code == 405


async def begin(gateway, length: int, body: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a notification that is announced as `length` bytes long, and no more than `body` of it."""
    url = httpx.URL(gateway.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        b"POST /callbacks/payment HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    )
    writer.write(b"content-length: %d\r\n\r\n" % length + body)
    await writer.drain()
    return reader, writer


@pytest.mark.parametrize(("length", "body", "status"), [(100_000_000, b"", b"413"), (100, b"order_number=1", b"408")])
async def test_body_too_large_or_too_slow_is_refused_unread(gateway, monkeypatch, length, body, status):
    monkeypatch.setattr(payment_callback, "BODY_TIMEOUT", 0.1)
    reader, writer = await begin(gateway, length, body)

    assert (await reader.readline()).split()[1] == status
    writer.close()


async def test_sender_leaving_mid_body_leaves_nothing(gateway, resident, caplog):
    _, writer = await begin(gateway, 100, b"order_number=1")
    writer.transport.abort()

    assert await resident.pay() == SAVED
    assert await gateway.parts.journal.payments.count(PaymentQuery()) == 1
    assert [record.message for record in caplog.records] == []


async def test_full_disk_is_answered_2_while_reads_go_on(environ, sandbox, tmp_path):
    process = GatewayProcess(environ, tmp_path / "log")
    await process.start()

    async def ask(query: str):
        return (await client.post("/graphql", json={"query": query})).json()["data"]

    async def is_delivered(order: str) -> bool:
        nodes = (await ask(PAYMENTS))["payments"]["nodes"]
        return any(node["orderNumber"] == order and node["state"] == "DELIVERED" for node in nodes)

    async def is_ready(status: int) -> bool:
        """Or becomes this: a result of a moment ago is reported again."""
        return (await client.get("/readyz")).status_code == status

    try:
        async with process.client() as client:
            resident = Resident(client, environ)
            assert await resident.pay("1", "1", "1") == SAVED
            await until(lambda: is_delivered("1"))
            largest = max(path.stat().st_size for path in (tmp_path / "data").iterdir())
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (min(largest, 4096), hard))

            assert [await resident.pay() for _ in range(3)] == [NOT_SAVED] * 3
            await until(lambda: is_ready(503))
            assert (await ask(ORDERS))["orders"]["nodes"]
            assert (await ask(PAYMENTS))["payments"]["nodes"]

            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
            assert await resident.pay() == SAVED
            await until(lambda: is_ready(200))
            await until(lambda: is_delivered(ORDER))
    finally:
        await process.kill()
    assert [effect.form["order_number"] for effect in sandbox.effects.of("callback")] == ["1", ORDER]
