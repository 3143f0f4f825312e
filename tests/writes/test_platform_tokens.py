"""Notifications with the security platform's own token: `GATEWAY_CALLBACK_ACCEPTS=platform`, over plain HTTP."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest
import time_machine
from broken_journal import broken
from resident import NOT_SAVED, ORDER, SAVED, TOKEN_INVALID, Resident
from sqlalchemy import create_engine, text
from structlog.testing import capture_logs
from waiting import until

from gateway.http.payment_callback import TOKEN_SECONDS
from gateway.journal.payments import Payments
from gateway.payments import writes
from gateway.sandbox.faults import Fault, FaultKind

OTHER_ORDER = "20201213104757994399"
PAYMENTS = "{ payments { nodes { orderNumber state attempts lastError conflicts { shopNumber } } } }"
DELIVERED = {"orderNumber": ORDER, "state": "DELIVERED", "attempts": 1, "lastError": None, "conflicts": []}


@pytest.fixture
def environ(environ, engine):
    """Of either engine."""
    return environ | engine | {"GATEWAY_CALLBACK_ACCEPTS": "platform"}


@pytest.fixture
async def resident(gateway, environ):
    resident = Resident(gateway.client, environ)
    await resident.sign_in()
    return resident


async def payments(gateway):
    return (await gateway.read(PAYMENTS))["nodes"]


async def states(gateway):
    return [payment["state"] for payment in await payments(gateway)]


async def until_delivered(gateway, amount=1):
    async def delivered():
        return await states(gateway) == ["DELIVERED"] * amount

    await until(delivered)


def rows(environ, table: str) -> list[tuple[object, ...]]:
    """Of a stopped gateway's journal."""
    url = environ.get("GATEWAY_DATABASE_URL")
    if url is not None:
        pytest.skip("read from SQLite's file")
    engine = create_engine(f"sqlite:///{environ['GATEWAY_DATA_DIR']}/journal.sqlite3")
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))]  # noqa: S608 # our name
    engine.dispose()
    return found


def contents(folder: str) -> bytes:
    return b"".join(file.read_bytes() for file in Path(folder).iterdir())


async def test_known_token_is_asked_about_once(gateway, sandbox, resident):
    answers = [await resident.pay() for _ in range(3)]

    assert (answers, await payments(gateway)) == ([SAVED] * 3, [DELIVERED])
    [effect] = sandbox.effects.of("callback", order_number=ORDER)
    assert effect.form["token"] == resident.platform_token
    assert (sandbox.count("SECURITY", "callback"), sandbox.count("SECURITY", "token")) == (1, 1)


async def test_platform_token_is_refused_by_default(environ, sandbox, serve):
    async with serve({name: value for name, value in environ.items() if name != "GATEWAY_CALLBACK_ACCEPTS"}) as gateway:
        resident = Resident(gateway.client, environ)
        assert await resident.pay(token=await resident.sign_in()) == TOKEN_INVALID
    assert sandbox.count("SECURITY", "callback") == 0


async def test_refused_token_leaves_nothing(environ, sandbox, serve):
    async with serve(environ) as gateway:
        resident = Resident(gateway.client, environ)
        for token in ("a b", "x", "1.2.3", "t" * 2000):
            assert await resident.pay(token=token) == TOKEN_INVALID, token
    assert sandbox.effects.count("callback") == 0
    assert sandbox.count("SECURITY", "callback") == 2, "x and 1.2.3: the others are no tokens"
    for table in ("payments", "payment_conflicts", "unverified_notifications", "operations"):
        assert rows(environ, table) == [], table
    assert rows(environ, "events WHERE record_id IS NOT NULL") == []


async def test_expired_token_of_the_gateway_is_not_passed_on(sandbox, resident):
    token = await resident.own_token()
    with time_machine.travel(time.time() + TOKEN_SECONDS + 1):
        assert await resident.pay(token=token) == TOKEN_INVALID
    assert sandbox.count("SECURITY", "callback") == 0


FAILURES = "RESET", "HTTP_500", "TOO_MANY_REQUESTS", "GARBAGE", "REFUSED_BEFORE_COMMIT", "APPLIED_THEN_RESET"


async def test_failed_check_is_answered_2_and_succeeds_when_repeated(gateway, sandbox, resident):
    expected = []
    for number, kind in enumerate(FAILURES):
        await resident.sign_in()  # its token is not known yet
        numbers = (f"{number}", "1900", f"4200{number}")
        sandbox.faults.set("SECURITY", "callback", Fault(FaultKind[kind]))
        assert await resident.pay(*numbers) == NOT_SAVED, kind
        assert await payments(gateway) == expected

        sandbox.faults.clear()
        assert await resident.pay(*numbers) == SAVED
        expected.insert(0, DELIVERED | {"orderNumber": f"{number}"})
        assert await payments(gateway) == expected
        assert sandbox.effects.count("callback", order_number=f"{number}") == 1


async def test_waiting_payment_is_delivered_by_the_sender(gateway, sandbox, resident):
    sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HTTP_500))
    assert await resident.pay(token=await resident.own_token()) == SAVED

    async def attempted():
        [payment] = await payments(gateway)
        return payment["attempts"] == 1

    await until(attempted)
    sandbox.faults.clear()

    assert await resident.pay() == SAVED
    assert await payments(gateway) == [DELIVERED | {"attempts": 2}]


async def test_stranger_learns_no_order_numbers(gateway, sandbox, resident):
    """Known, contradicted and unknown orders: one answer, one call each, and nothing of it stays."""
    assert await resident.pay() == SAVED
    before = sandbox.count("SECURITY", "callback")
    with capture_logs() as logs:
        for number in ({}, {"shop": "1"}, {"weixin": "1"}, {"order": "1", "weixin": "2"}):
            assert await resident.pay(**number, token="guessed") == TOKEN_INVALID, number

    assert sandbox.count("SECURITY", "callback") == before + 4
    assert await payments(gateway) == [DELIVERED]
    assert [log for log in logs if log["log_level"] != "debug" and "notification" in log["event"]] == []


async def test_unknown_tokens_do_not_keep_fresh_ones_out(gateway, sandbox, resident):
    """Four connections at the address of the sender itself, far beyond what one may ask."""
    stop, answers = asyncio.Event(), []

    async def flood(name: str) -> None:
        while not stop.is_set():
            answers.append(await resident.pay(f"{len(answers)}", "1", f"{name}{len(answers)}", token=f"guess{name}"))

    floods = [asyncio.create_task(flood(name)) for name in "abcd"]

    await until(lambda: len(answers) > writes.UNKNOWN_PER_MINUTE + 4)
    for number in range(2):
        await resident.sign_in()
        assert await resident.pay(f"2020{number}", "1900", f"4200{number}") == SAVED
        assert await resident.pay(f"2021{number}", "1900", f"4201{number}") == SAVED, "the token is known"
    stop.set()
    await asyncio.gather(*floods)
    assert {answer["code"] for answer in answers} == {1}
    assert len(answers) < 2 * writes.UNKNOWN_PER_MINUTE


async def test_hanging_strangers_delay_their_address_alone(gateway, environ, sandbox, resident, monkeypatch):
    monkeypatch.setattr(writes, "LONGEST_TURN", 0.2)
    taken = writes.UNKNOWN_AT_ONCE - 1
    sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HANG), times=taken)
    strangers = [asyncio.create_task(resident.pay(str(n), "1", f"w{n}", token="guess")) for n in range(taken)]

    await until(lambda: sandbox.count("SECURITY", "callback") == taken)
    assert await resident.pay("99", "1", "w99", token="guess") == NOT_SAVED, "no place for one more"
    transport = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx.AsyncClient(base_url=gateway.client.base_url, transport=transport) as client:
        other = Resident(client, environ)
        assert await other.pay(token=await other.sign_in()) == SAVED
    sandbox.faults.clear()
    assert await asyncio.gather(*strangers) == [TOKEN_INVALID] * taken


async def test_known_token_has_the_outbox_after_a_restart(environ, sandbox, serve):
    async with serve(environ) as gateway:
        resident = Resident(gateway.client, environ)
        await resident.sign_in()
        assert await resident.pay() == SAVED
    sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.RESET))
    async with serve(environ) as gateway:
        resident.client = gateway.client
        assert await resident.pay(OTHER_ORDER, "1901", "4201") == SAVED
        assert await states(gateway) == ["QUEUED", "DELIVERED"]


async def test_kept_notification_is_sent_once_token_is_known(gateway, sandbox, resident):
    """The platform is down when it comes. Another one with its token shows whose it was; a stranger's stays unseen."""
    sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.RESET))
    assert [await resident.pay(), await resident.pay("1", "1", "w1", token="guess")] == [NOT_SAVED, NOT_SAVED]
    assert await payments(gateway) == []
    sandbox.faults.clear()
    assert await resident.pay(OTHER_ORDER, "1901", "4201") == SAVED

    await until_delivered(gateway, 2)
    assert {effect.form["order_number"] for effect in sandbox.effects.of("callback")} == {ORDER, OTHER_ORDER}


async def test_token_and_what_came_with_it_last_an_hour(gateway, clock, sandbox, resident):
    sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.RESET), times=1)
    assert await resident.pay("1", "1", "w1") == NOT_SAVED
    clock.advance(hours=1, seconds=1)
    assert [await resident.pay(), await resident.pay(OTHER_ORDER, "1901", "4201")] == [SAVED, SAVED]
    await until_delivered(gateway, 2)

    clock.advance(hours=1)
    sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.RESET))
    assert await resident.pay("2", "1", "w2") == NOT_SAVED, "it is to be checked again"


async def test_journal_failure_is_answered_2_or_made_up_for(gateway, sandbox, resident):
    with broken(Payments, "begin_check"):
        assert await resident.pay() == NOT_SAVED
    assert sandbox.count("SECURITY", "callback") == 0
    with broken(Payments, "accept_token", times=1):
        assert await resident.pay() == SAVED
    assert await payments(gateway) == [DELIVERED]


async def test_token_is_neither_stored_nor_logged(environ, sandbox, serve):
    with capture_logs() as logs:
        async with serve(environ) as gateway:
            resident = Resident(gateway.client, environ)
            await resident.sign_in()
            assert await resident.pay() == SAVED
            tokens = [resident.platform_token, await resident.sign_in()]
            sandbox.faults.set("SECURITY", "callback", Fault(FaultKind.HTTP_500))
            assert await resident.pay(OTHER_ORDER, "1901", "4201") == NOT_SAVED

    stored = contents(environ["GATEWAY_DATA_DIR"])
    for token in tokens:
        assert token not in str(logs)
        assert token.encode() not in stored
    assert len(rows(environ, "unverified_notifications")) == len(rows(environ, "accepted_tokens")) == 1
