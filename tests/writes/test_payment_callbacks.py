"""The intake of payment notifications over plain HTTP, in the protocol of the document's chapters 1.1.1 and 2.2."""

import asyncio
import resource
from itertools import product

import httpx
import pytest
from processes import GatewayProcess
from structlog.testing import capture_logs
from throw_away import on_server

from gateway.http import payment_callback
from gateway.journal.listing import PaymentQuery
from gateway.sandbox.faults import Fault, FaultKind

ORDER = "20201213104759976889"
PAYMENTS = "{ payments { nodes { orderNumber state attempts lastError } } }"
ORDERS = '{ orders(communityCode: "10002", first: 1) { nodes { number } } }'
FORM = {"content-type": "application/x-www-form-urlencoded"}

KEPT, TOKEN_INVALID, NOT_SAVED = {"code": 0}, {"code": 1}, {"code": 2}


class Resident:
    """The resident platform, by hand: what its own code would never send, too."""

    def __init__(self, client: httpx.AsyncClient, settings: dict[str, str]) -> None:
        self._client = client
        self._credentials = {"key_k": settings["GATEWAY_CALLBACK_KEY_K"], "key_d": settings["GATEWAY_CALLBACK_KEY_D"]}

    async def token(self, **credentials: str) -> dict[str, object]:
        return (await self._client.post("/callbacks/token", data=self._credentials | credentials)).json()

    async def pay(self, order: str = ORDER, shop: str = "1900", weixin: str = "4200", **form: str) -> dict[str, int]:
        payment = {"order_number": order, "shop_number": shop, "weixin_number": weixin}
        token = (await self.token())["token"]
        return (await self._client.post("/callbacks/payment", data={**payment, "token": token, **form})).json()


@pytest.fixture
def resident(gateway, environ):
    return Resident(gateway.client, environ)


@pytest.fixture
def delivered(gateway, until):
    """The payments, once none is waiting any more."""

    async def payments():
        nodes = (await gateway.ask(PAYMENTS)).data["payments"]["nodes"]
        return nodes if nodes and all(node["state"] != "QUEUED" for node in nodes) else None

    return lambda: until(payments)


async def test_payment_is_acknowledged_and_delivered(gateway, sandbox, delivered):
    notification = await sandbox.pay(ORDER, gateway.url)

    assert notification.token_answer["code"] == 0
    assert notification.payment_answer == KEPT
    assert await delivered() == [{"orderNumber": ORDER, "state": "DELIVERED", "attempts": 1, "lastError": None}]
    [effect] = sandbox.effects.of("callback", order_number=ORDER)
    assert (effect.form["shop_number"], effect.form["weixin_number"]) == (
        notification.payment.shop_number,
        notification.payment.weixin_number,
    )


async def test_repeated_notification_is_delivered_once(gateway, sandbox, delivered):
    answers = [(await sandbox.pay(ORDER, gateway.url)).payment_answer for _ in range(2)]
    await delivered()
    answers += [n.payment_answer for n in await asyncio.gather(*(sandbox.pay(ORDER, gateway.url) for _ in range(10)))]

    assert answers == [KEPT] * 12
    assert len(await delivered()) == 1
    assert sandbox.count("SECURITY", "callback") == 1


@pytest.mark.parametrize("other", [{"shop": "1901"}, {"weixin": "4201"}, {"order": "20201213104757994399"}])
async def test_conflicting_notification_is_refused_and_recorded(gateway, sandbox, resident, delivered, other):
    assert await resident.pay() == KEPT
    with capture_logs() as logs:
        assert await resident.pay(**other) == NOT_SAVED

    assert [payment["orderNumber"] for payment in await delivered()] == [ORDER]
    [effect] = sandbox.effects.of("callback")
    assert (effect.form["order_number"], effect.form["shop_number"]) == (ORDER, "1900")
    known = (await gateway.parts.journal.payments.by_order_number([ORDER]))[ORDER]
    [conflict] = (await gateway.parts.journal.payments.conflicts([known.id]))[known.id]
    assert conflict.subject == "payment callback"
    conflicts = [(log["log_level"], log["payment"]) for log in logs if log["event"] == "notification conflicts"]
    assert conflicts == [("error", known.id)], "somebody has to look into it"


async def test_numbers_beyond_64_bits_are_delivered_exactly(sandbox, resident, delivered):
    order, shop, weixin = "9" * 20, "8" * 32, "4" * 28
    assert await resident.pay(order, shop, weixin) == KEPT

    await delivered()
    assert sandbox.effects.count("callback", order_number=order, shop_number=shop, weixin_number=weixin) == 1


async def test_invalid_token_is_answered_1(gateway, resident):
    """As is one of which only the expiry was altered."""
    issued = str((await resident.token())["token"])
    altered = str(int(issued[:10]) + 1) + issued[10:]
    for token in ("", "x", "1.2.3", "9999999999.00.00", "签", "\x00", altered):
        assert await resident.pay(token=token) == TOKEN_INVALID, token
    assert (await gateway.ask(PAYMENTS)).data["payments"]["nodes"] == []
    assert await resident.pay(token=issued) == KEPT


async def test_wrong_credentials_get_no_token(resident):
    for wrong in ({"key_k": "x"}, {"key_d": "x"}, {"key_k": "", "key_d": ""}, {"key_d": "密"}):
        answer = await resident.token(**wrong)
        assert (answer["code"], "token" in answer) == (1, False), wrong


async def test_invalid_payment_number_is_answered_2_and_logged_without_it(gateway, resident):
    for which, value in product(("order", "shop", "weixin"), ("", " ", "1 2", "1" * 65, "１２", "1\n", "%00", "'; --")):
        assert await resident.pay(**{which: value}) == NOT_SAVED, (which, value)
    assert (await gateway.ask(PAYMENTS)).data["payments"]["nodes"] == []
    with capture_logs() as logs:
        assert await resident.pay(weixin="4200 6225") == NOT_SAVED
    [entry] = [log for log in logs if log["event"] == "notification malformed"]
    assert (entry["log_level"], entry["field"]) == ("error", "weixin_number")
    assert "6225" not in str(logs)


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


async def test_oversized_notification_is_refused_before_its_body(gateway):
    reader, writer = await begin(gateway, 100_000_000, b"")

    assert (await reader.readline()).split()[1] == b"413"
    writer.close()


async def test_stalling_sender_times_out(gateway, monkeypatch):
    monkeypatch.setattr(payment_callback, "BODY_TIMEOUT", 0.1)
    reader, writer = await begin(gateway, 100, b"order_number=1")

    assert (await reader.readline()).split()[1] == b"408"
    writer.close()


async def test_sender_leaving_mid_body_leaves_nothing(gateway, resident, caplog):
    _, writer = await begin(gateway, 100, b"order_number=1")
    writer.transport.abort()

    assert await resident.pay() == KEPT
    assert await gateway.parts.journal.payments.count(PaymentQuery()) == 1
    assert [record.message for record in caplog.records] == []


async def test_missing_callback_credentials_give_no_token(environ, tmp_path, serve):
    closed = {name: value for name, value in environ.items() if "CALLBACK_KEY" not in name}
    async with serve(closed) as gateway:
        answer = (await gateway.client.post("/callbacks/token", data={"key_k": "", "key_d": ""})).json()

    assert answer["code"] == 1


async def test_payment_waits_while_security_platform_is_down(gateway, sandbox, until):
    sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HTTP_500))
    assert (await sandbox.pay(ORDER, gateway.url)).payment_answer == KEPT

    async def attempted():
        [payment] = (await gateway.ask(PAYMENTS)).data["payments"]["nodes"]
        return payment if payment["attempts"] else None

    assert await until(attempted) == {
        "orderNumber": ORDER,
        "state": "QUEUED",
        "attempts": 1,
        "lastError": "UPSTREAM_PROTOCOL",
    }
    assert sandbox.effects.count("callback") == 0


async def test_full_disk_is_answered_2_while_reads_go_on(environ, sandbox, tmp_path, until):
    process = GatewayProcess(environ, tmp_path / "log")
    await process.start()
    try:
        async with process.client() as client:
            resident = Resident(client, environ)
            assert await resident.pay("1", "1", "1") == KEPT
            await until(lambda: _is_delivered(client, "1"))
            largest = max(path.stat().st_size for path in (tmp_path / "data").iterdir())
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (min(largest, 4096), hard))

            assert [await resident.pay() for _ in range(3)] == [NOT_SAVED] * 3
            await until(lambda: _readiness_is(client, 503))
            assert (await client.post("/graphql", json={"query": ORDERS})).json()["data"]["orders"]["nodes"]
            assert (await client.post("/graphql", json={"query": PAYMENTS})).json()["data"]["payments"]["nodes"]

            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
            assert await resident.pay() == KEPT
            await until(lambda: _readiness_is(client, 200))
            await until(lambda: _is_delivered(client, ORDER))
    finally:
        await process.kill()
    assert [effect.form["order_number"] for effect in sandbox.effects.of("callback")] == ["1", ORDER]


@pytest.mark.postgres
async def test_unreachable_database_is_answered_2(environ, sandbox, serve, database_url, until):
    name = database_url.rpartition("/")[2]
    async with serve(environ | {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_JOURNAL_TIMEOUT": "1"}) as gateway:
        resident = Resident(gateway.client, environ)
        assert await resident.pay("1", "1", "1") == KEPT
        await on_server(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
        await on_server(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608 # our name

        assert [await resident.pay() for _ in range(3)] == [NOT_SAVED] * 3
        assert (await gateway.ask(ORDERS)).data["orders"]["nodes"]
        failure = (await gateway.ask(PAYMENTS)).error
        assert (failure["extensions"]["code"], failure["extensions"]["retryable"]) == ("INTERNAL", True)
        assert (await gateway.client.get("/readyz")).status_code == 503

        await on_server(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
        assert await resident.pay() == KEPT
        await until(lambda: _is_delivered(gateway.client, ORDER))
    assert sandbox.effects.count("callback", order_number=ORDER) == 1


async def _readiness_is(client: httpx.AsyncClient, status: int) -> bool:
    """Whether readiness becomes this: a result of a moment ago is reported again."""
    return (await client.get("/readyz")).status_code == status


async def _is_delivered(client: httpx.AsyncClient, order: str) -> bool:
    nodes = (await client.post("/graphql", json={"query": PAYMENTS})).json()["data"]["payments"]["nodes"]
    return any(node["orderNumber"] == order and node["state"] == "DELIVERED" for node in nodes)
