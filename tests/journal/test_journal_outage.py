"""PostgreSQL down, silent or restarted, simulated by a proxy; and what gateways on one database tell each other: each
message once, and that some were missed.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import msgspec
import pytest
from broken_journal import broken
from journal_fixtures import Ear
from resident import NOT_SAVED, Resident
from sqlalchemy import insert
from structlog.testing import capture_logs
from throw_away import on_server

from gateway import events
from gateway.errors import JournalError
from gateway.events import MISSED, EventBus, ReadsDropped, WakeUp
from gateway.journal import postgres
from gateway.journal.journal import Journal, open_journal
from gateway.journal.listing import PaymentQuery
from gateway.journal.records import ReceiptKind
from gateway.journal.tables import readiness
from gateway.ops import logs as state_log
from gateway.settings import Settings

DUE, PLACED = WakeUp.PAYMENTS_DUE, WakeUp.PAYMENTS_PLACED
DROPPED = ReadsDropped("10002", ("shenheList", "缴费"))

pytestmark = pytest.mark.postgres


class Door:
    """A TCP proxy before the server: open, shut (connections are cut and refused) or silent (nothing passes). Where it
    is opened `anew`, the connections that were silent remain so.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self.open(anew=True)
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.close()
            return
        upstream_reader, upstream_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, upstream_writer}
        passing = self._passing
        await asyncio.gather(self._pass(passing, reader, upstream_writer), self._pass(passing, upstream_reader, writer))

    def shut(self) -> None:
        self._open = False
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def silence(self) -> None:
        self._passing.clear()

    def open(self, *, anew: bool = False) -> None:
        self._open = True
        if anew:
            self._passing = asyncio.Event()
        self._passing.set()

    async def _pass(self, passing: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await passing.wait()
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def door(postgres_settings: Settings) -> AsyncIterator[tuple[Door, Settings]]:
    """The door, and settings that lead through it."""
    url = urlsplit(postgres_settings.database_url)
    door = Door(url.hostname or "127.0.0.1", url.port or 5432)
    server = await asyncio.start_server(door.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    through = urlunsplit(url._replace(netloc=f"{url.netloc.rpartition('@')[0]}@127.0.0.1:{port}"))
    yield door, msgspec.structs.replace(postgres_settings, database_url=through, journal_timeout=0.5)
    door.shut()
    server.close()


async def receive(journal: Journal, number: int = 0) -> ReceiptKind:
    return (await journal.payments.receive(f"order-{number}", "shop", f"weixin-{number}", subject="platform")).kind


async def test_unreachable_database_is_an_error_until_it_is_up(door: tuple[Door, Settings]) -> None:
    """At once, where it has been away for longer than the timeout."""
    gate, settings = door
    async with open_journal(settings) as journal:
        assert await receive(journal) is ReceiptKind.NEW
        gate.shut()
        for pause, longest in ((0, 1.5), (settings.journal_timeout, 0.4), (0, 0.4)):
            await asyncio.sleep(pause)
            async with asyncio.timeout(longest):
                with pytest.raises(JournalError, match=r"\((Connection|57P)") as error:
                    await receive(journal)
        assert "127.0.0.1" not in error.value.message
        with pytest.raises(JournalError):
            await journal.ping()

        gate.open()
        assert await receive(journal) is ReceiptKind.SAME
    gate.shut()
    with pytest.raises(JournalError):
        async with asyncio.timeout(2), open_journal(settings):
            pass


async def test_restarting_database_costs_no_write(door: tuple[Door, Settings]) -> None:
    """Whatever connections the pool has: all of them are gone."""
    gate, settings = door
    async with open_journal(msgspec.structs.replace(settings, journal_timeout=5.0)) as journal:
        await asyncio.gather(*(receive(journal, number) for number in range(10)))
        gate.shut()
        waiting = [asyncio.create_task(receive(journal, number)) for number in range(10, 30)]
        counting = asyncio.create_task(journal.payments.count(PaymentQuery()))
        await asyncio.wait(waiting, timeout=0.5)
        assert not any(task.done() for task in waiting)
        gate.open()
        with capture_logs() as lines:
            assert await asyncio.gather(*waiting) == [ReceiptKind.NEW] * 20
        assert await counting <= 30
        assert await journal.payments.count(PaymentQuery()) == 30
    assert lines == []


async def test_silent_database_is_an_error_in_time(door: tuple[Door, Settings]) -> None:
    gate, settings = door
    async with open_journal(settings) as journal:
        await receive(journal)
        gate.silence()
        async with asyncio.timeout(1.5):
            outcomes = await asyncio.gather(*(receive(journal) for _ in range(20)), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {JournalError}

        gate.open()
        assert await receive(journal) is ReceiptKind.SAME


PERSONAL = '{ orders(communityCode: "10002", first: 20) { nodes { house { owner { phone } } } } }'


async def test_lost_database_is_logged_once_as_error(door, environ, serve, monkeypatch):
    """Background work meets the failure a hundred times as often as in production."""
    gate, settings = door
    for pause in ("actions.audit.INTERVAL", "actions.writer.INTERVAL", "payments.writes.LONGEST_SLEEP"):
        monkeypatch.setattr(f"gateway.{pause}", 0.01)
    monkeypatch.setattr("gateway.payments.reads.RETRY", 0.01)
    monkeypatch.setattr(postgres, "RELISTEN_DELAY", 0.01)
    monkeypatch.setattr(state_log, "SETTLED", 0.2)
    through = {"GATEWAY_DATABASE_URL": settings.database_url, "GATEWAY_JOURNAL_TIMEOUT": "0.5"}
    async with serve(environ | through) as gateway:
        resident = Resident(gateway.stranger, environ)
        token = await resident.own_token()
        with capture_logs() as logs:
            gate.shut()
            for _ in range(5):
                assert (await gateway.stranger.get("/readyz")).status_code == 503
                assert (await gateway.client.get("/metrics")).status_code == 200
                assert (await gateway.ask(PERSONAL)).data
                assert await resident.pay(token=token) == NOT_SAVED
            gate.open()
            async with asyncio.timeout(15):
                while len([line for line in logs if line["log_level"] == "info"]) < 2:
                    await gateway.stranger.get("/readyz")
                    await asyncio.sleep(0.05)

    lines = Counter((line["log_level"], line["event"]) for line in logs)
    assert lines == {
        ("error", "journal unavailable"): 1,
        ("error", "notification not saved"): 1,
        ("warning", "readiness check failed"): 1,
        ("info", "journal available again"): 1,
        ("info", "readiness check passes again"): 1,
    }
    [lost] = [line for line in logs if line["event"] == "journal unavailable"]
    assert lost["reason"].startswith("GATEWAY_DATABASE_URL: Connection")
    [back] = [line for line in logs if line["event"] == "journal available again"]
    assert back["failures"] > 10
    assert back["seconds"] > 0


END_SESSIONS = """SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE application_name = 'wanjia-gateway' AND datname = current_database()"""
"""Ends the journal's connections at the server, and waits until they are gone."""


async def test_serializable_default_isolation_refuses_no_write(fresh_settings: Settings) -> None:
    """Each notification comes four times to each of two gateways, all at once."""
    database = urlsplit(fresh_settings.database_url).path[1:]
    await on_server(f"ALTER DATABASE {database} SET default_transaction_isolation = 'serializable'")
    async with open_journal(fresh_settings) as one, open_journal(fresh_settings) as other:
        kinds = await asyncio.gather(*(receive(journal, n // 4) for n in range(40) for journal in (one, other)))

    assert Counter(kinds) == {ReceiptKind.NEW: 10, ReceiptKind.SAME: 70}


@pytest.mark.parametrize(("ahead", "expected"), [(0, []), (-30, []), (46800, [46800]), (-46800, [-46800])])
async def test_clock_difference_to_database_is_logged(postgres_settings, ahead, expected):
    with capture_logs() as logs:
        async with open_journal(postgres_settings, lambda: datetime.now(UTC) + timedelta(seconds=ahead)):
            pass

    assert [round(entry["ahead_seconds"], -1) for entry in logs if entry["log_level"] == "error"] == expected


@asynccontextmanager
async def bridged(settings: Settings, others: Settings) -> AsyncIterator[tuple[Ear, EventBus]]:
    """What one journal hears, and the bus of another one."""
    async with open_journal(settings) as journal, open_journal(others) as other, journal.bridge(), other.bridge():
        yield Ear(journal.bus), other.bus


async def test_journal_and_listeners_wait_for_writable_server(fresh_settings, monkeypatch):
    monkeypatch.setattr(postgres, "RELISTEN_DELAY", 0.01)
    url = fresh_settings.database_url
    settings = msgspec.structs.replace(fresh_settings, database_url=f"{url}?target_session_attrs=read-write")
    reads_only = f"ALTER DATABASE {urlsplit(url).path[1:]} SET default_transaction_read_only"
    async with open_journal(settings) as journal, bridged(settings, fresh_settings) as (ear, bus), asyncio.timeout(60):
        await on_server(f"{reads_only} = on")
        await on_server(END_SESSIONS, url)
        with pytest.raises(JournalError):
            await receive(journal)
        with pytest.raises(JournalError):
            async with open_journal(settings):
                pass

        await on_server(f"{reads_only} = off")
        assert await receive(journal) is ReceiptKind.NEW
        assert await ear.next(1) == [MISSED]
        bus.publish(DUE)
        assert await ear.next(1) == [DUE]


async def test_ping_of_a_stopped_gateway_blocks_no_other(postgres_settings: Settings) -> None:
    async with (
        open_journal(postgres_settings) as stopped,
        open_journal(postgres_settings) as journal,
        stopped.database._engine.connect() as connection,  # type: ignore[attr-defined] # any transaction
    ):
        await connection.execute(insert(readiness), {"id": "stopped"})
        async with asyncio.timeout(1):
            await asyncio.gather(*(journal.ping() for _ in range(20)))


@pytest.mark.parametrize("silent", [False, True])
async def test_lost_listener_reconnects_and_reports_a_gap(door, postgres_settings, monkeypatch, silent):
    """Also where the server vanishes without a word."""
    monkeypatch.setattr(postgres, "RELISTEN_DELAY", 0.01)
    monkeypatch.setattr(postgres, "PULSE", 0.05)
    gate, settings = door
    async with bridged(settings, postgres_settings) as (ear, bus):
        bus.publish(DUE)
        assert await ear.next(1) == [DUE]
        if silent:
            gate.silence()
        else:
            gate.shut()
        gate.open(anew=True)
        assert await ear.next(1) == [MISSED]
        bus.publish(PLACED)
        assert await ear.next(1) == [PLACED]
        gate.shut()  # what remained silent would delay the end


@pytest.fixture
async def journals(
    postgres_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Journal, Journal]]:
    """Those of two gateways; their bridges are not open yet."""
    monkeypatch.setattr(events, "RETRY_DELAY", 0.001)
    async with open_journal(postgres_settings) as here, open_journal(postgres_settings) as there:
        yield here, there


async def test_gateways_get_each_message_once(journals: tuple[Journal, Journal]) -> None:
    """What was published before they met as well."""
    here, there = journals
    at_home, abroad = Ear(here.bus), Ear(there.bus)
    for message in (DUE, DUE, DROPPED, DUE):
        here.bus.publish(message)
    assert await at_home.next(4) == [DUE, DUE, DROPPED, DUE]
    async with there.bridge(), here.bridge():
        assert await abroad.next(2) == [DUE, DROPPED]
        there.bus.publish(PLACED)
        assert await at_home.next(1) == await abroad.next(1) == [PLACED]
        here.bus.publish(DUE)
        assert await at_home.next(1) == await abroad.next(1) == [DUE]


async def test_unsent_messages_are_reported_as_missed(journals: tuple[Journal, Journal]) -> None:
    here, there = journals
    abroad = Ear(there.bus)
    async with there.bridge(), here.bridge():
        with broken(here.database, "notify", times=1):
            here.bus.publish(DUE)
            assert await abroad.next(1) == [MISSED]
        here.bus.publish(DUE)
        assert await abroad.next(1) == [DUE]


@pytest.mark.parametrize("text", ['{"something": "else"}', "not even JSON", '["x", ["no.such"], false]'])
async def test_unreadable_message_counts_as_missed(journals: tuple[Journal, Journal], text: str) -> None:
    here, _ = journals
    ear = Ear(here.bus)
    with here.bus.wake_ups(DUE) as due:
        async with here.bridge():
            await here.database.notify(text)  # type: ignore[attr-defined] # as PostgreSQL's has it
            assert await ear.next(1) == [MISSED]
        assert due.is_set()


async def test_batch_of_longest_messages_fits_a_notify(journals: tuple[Journal, Journal]) -> None:
    here, there = journals
    longest = [
        ReadsDropped(f"{number:064}", ("shenheList", "shenhe", "people", "owner"))
        for number in range(10 * events.LARGEST_PARCEL)
    ]
    ear = Ear(there.bus)
    async with there.bridge(), here.bridge():
        for message in longest:
            here.bus.publish(message)
        assert await ear.next(len(longest)) == longest


async def test_messages_beyond_backlog_are_missed(journals, monkeypatch):
    monkeypatch.setattr(events, "LARGEST_BACKLOG", 2)
    here, there = journals
    abroad = Ear(there.bus)
    for message in (DUE, DROPPED, PLACED):
        here.bus.publish(message)
    async with there.bridge(), here.bridge():
        assert await abroad.next(2) == [MISSED, PLACED]
