"""What operators do with a journal at the command line: payments, operations, migrations, the audit trail."""

import asyncio
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_fixtures import make_entry, reserve
from standing_clock import FrozenClock

from gateway.commands import journal as commands
from gateway.commands.journal import AUDIT_COLUMNS, audit, csv_row
from gateway.journal.journal import Journal, open_journal
from gateway.journal.listing import OperationQuery, PaymentQuery
from gateway.journal.records import AuditEntry, Payment, RecordRef, RecordRefs, new_id
from gateway.normalise.vocabulary import DeliveryState, Outcome
from gateway.settings import Settings

CLOCK = FrozenClock()


async def dead_payments(settings: Settings, amount: int) -> list[str]:
    """Their ids."""
    async with open_journal(settings) as journal:
        for number in range(amount):
            await journal.payments.receive(f"order-{number}", "shop", f"weixin-{number}", subject="platform")
        for payment in await journal.payments.claim("relay", amount, timedelta(minutes=1)):
            await journal.payments.failed(payment, "UPSTREAM_TIMEOUT", next_attempt_at=None)
        return [payment.id for payment in (await journal.payments.list(DEAD, amount)).items]


DEAD = PaymentQuery(state=DeliveryState.DEAD)


async def payment(settings: Settings, id_: str) -> Payment:
    async with open_journal(settings, make=False) as journal:
        found = await journal.payments.get(id_)
        assert found is not None
        return found


class TestPayments:
    async def test_dead_payments_are_listed_as_table(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        first, second = await dead_payments(settings, 2)

        assert await commands.list_payments(settings, ["DEAD"], as_json=False) == 0

        head, *rows = capsys.readouterr().out.splitlines()
        assert head.split() == ["id", "order", "state", "attempts", "last", "error", *head.split()[6:]]
        assert [row.split()[:5] for row in rows] == [
            [first, "order-1", "DEAD", "1", "UPSTREAM_TIMEOUT"],
            [second, "order-0", "DEAD", "1", "UPSTREAM_TIMEOUT"],
        ]

    async def test_json_is_complete_and_has_only_the_shown_fields(
        self, settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(commands, "PART", 2)
        ids = await dead_payments(settings, 5)

        await commands.list_payments(settings, ["QUEUED", "DEAD"], as_json=True)

        lines = capsys.readouterr().out.splitlines()
        assert [json.loads(line)["id"] for line in lines] == ids
        assert tuple(json.loads(lines[0])) == commands.SHOWN
        assert "weixin" not in lines[0]

    async def test_retry_queues_a_dead_payment_once_and_is_recorded(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        [id_] = await dead_payments(settings, 1)
        unknown = new_id(CLOCK.now)
        for wanted, status, said in (
            (id_, 0, f"{id_}: queued\n"),
            (id_, 1, f"{id_}: Only a dead delivery"),
            (unknown, 1, f"{unknown}: "),
        ):
            assert await commands.retry_payments(settings, [wanted], all_dead=False, confirmed=True) == status
            assert capsys.readouterr().out.startswith(said)

        queued = await payment(settings, id_)
        assert (queued.state, queued.attempts) == (DeliveryState.QUEUED, 0)
        await commands.list_payments(settings, ["QUEUED"], as_json=False)
        assert capsys.readouterr().out.splitlines()[1].split()[:4] == [id_, "order-0", "QUEUED", "0"]
        async with open_journal(settings, make=False) as journal:
            recorded = (await journal.operations.list(OperationQuery(), 10)).items[-1]
        assert (recorded.mutation, recorded.subject) == ("retryPayment", commands.operator())
        assert recorded.outcome is Outcome.CONFIRMED
        assert recorded.record is not None
        assert recorded.record.platform_id == id_

    async def test_all_dead_leaves_the_others(self, settings: Settings) -> None:
        ids = await dead_payments(settings, 3)
        await commands.retry_payments(settings, ids[:1], all_dead=False, confirmed=True)

        assert await commands.retry_payments(settings, [], all_dead=True, confirmed=True) == 0

        assert {(await payment(settings, id_)).state for id_ in ids} == {DeliveryState.QUEUED}
        async with open_journal(settings, make=False) as journal:
            assert await journal.operations.count(OperationQuery()) == 3

    @pytest.mark.parametrize(("said", "state"), [("y\n", "QUEUED"), ("n\n", "DEAD"), ("", "DEAD")])
    async def test_retry_asks_first(
        self, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, said: str, state: str
    ) -> None:
        [id_] = await dead_payments(sqlite_settings, 1)
        monkeypatch.setattr("sys.stdin", io.StringIO(said))

        await commands.retry_payments(sqlite_settings, [id_], all_dead=False, confirmed=False)

        assert (await payment(sqlite_settings, id_)).state.value == state

    async def test_invalid_id_is_refused_before_anything(self, sqlite_settings: Settings) -> None:
        ids = await dead_payments(sqlite_settings, 1)
        with pytest.raises(ValueError, match="xyz: not an id"):
            await commands.retry_payments(sqlite_settings, [*ids, "xyz"], all_dead=False, confirmed=True)
        assert (await payment(sqlite_settings, ids[0])).state is DeliveryState.DEAD


async def unclear_operation(journal: Journal, *, check_at: datetime | None) -> str:
    personal = {"subject": "officer 19900000001", "reason": "王芳 19900000001"}
    reserved, _ = await reserve(journal.operations, mutation="updateRepair", **personal)
    id_ = reserved.id
    await journal.operations.mark_sent(reserved, {"after": ["x"]})
    await journal.operations.finish(id_, Outcome.UNKNOWN)
    await journal.operations.finish(id_, Outcome.UNKNOWN, check_at=check_at, read_back=True)
    return id_


class TestOperations:
    async def test_unclear_writes_are_listed_and_nothing_personal(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with open_journal(settings) as journal:
            id_ = await unclear_operation(journal, check_at=None)

        assert await commands.list_operations(settings, as_json=False) == 0
        printed = capsys.readouterr().out
        await commands.list_operations(settings, as_json=True)

        _, row = printed.splitlines()
        assert row.split()[:3] == [id_, "updateRepair", "10002"]
        assert "1 times" in row
        assert row.endswith("given up: look at the platform")
        printed += capsys.readouterr().out
        assert not any(personal in printed for personal in ("19900000001", "王芳", "officer"))

    async def test_check_makes_a_given_up_write_due(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with open_journal(settings) as journal:
            id_ = await unclear_operation(journal, check_at=None)

        assert await commands.check_operations(settings, [id_]) == 0
        assert await commands.check_operations(settings, [new_id(CLOCK.now)]) == 1

        assert "not an unclear operation" in capsys.readouterr().out
        async with open_journal(settings) as journal:
            due = await journal.operations.take_over(older_than=timedelta(hours=1), lease=timedelta(minutes=1))
        assert [operation.id for operation in due] == [id_]

    @pytest.mark.parametrize("outcome", [Outcome.CONFIRMED, Outcome.REFUSED])
    async def test_settled_write_is_known_and_audited(self, settings: Settings, outcome: Outcome) -> None:
        async with open_journal(settings) as journal:
            id_ = await unclear_operation(journal, check_at=None)

        with pytest.raises(ValueError, match="--note"):
            await commands.settle_operation(settings, id_, outcome, " ")
        assert await commands.settle_operation(settings, id_, outcome, "looked at wjdh") == 0
        assert await commands.settle_operation(settings, id_, Outcome.CONFIRMED, "again") == 1

        async with open_journal(settings) as journal:
            settling, settled = (await journal.operations.list(OperationQuery(), 9)).items
            assert (await journal.backlog()).unclear_operations == 0
        assert (settled.id, settled.outcome, settled.check_at) == (id_, outcome, None)
        assert bool(settled.user_errors) is (outcome is Outcome.REFUSED)
        assert (settling.subject, settling.expected) == (commands.operator(), {"outcome": outcome})
        assert (settling.reason, settling.record) == ("looked at wjdh", RecordRef("Operation", "10002", id_))


class TestMigrate:
    async def test_migrate_makes_and_then_finds_nothing(
        self, new_settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert await commands.migrate(new_settings, check=True) == 1
        assert await commands.migrate(new_settings, check=False) == 0
        assert capsys.readouterr().out.splitlines() == [
            f"{what}: 0001 All tables of the journal." for what in ("pending", "done")
        ]

        assert await commands.migrate(new_settings, check=True) == 0
        assert capsys.readouterr().out == "the journal is of this version\n"


def entry(at: datetime, subject: str = "officer", **values: Any) -> AuditEntry:
    shown = {"records": RecordRefs("Order", "10002", ("1", "2")), "fields": ("phone", "remark")}
    return make_entry(at, subject=subject, **shown | values)


NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


class TestAudit:
    async def test_until_excludes_its_moment(self, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
        times = [NOON - timedelta(microseconds=1), NOON, NOON + timedelta(hours=1)]
        async with open_journal(settings) as journal:
            await journal.audit.add([entry(at, f"s{number}") for number, at in enumerate(times)])

        await audit(settings, since=NOON - timedelta(hours=1), until=NOON)
        await audit(settings, since=NOON)

        subjects = [json.loads(line)["subject"] for line in capsys.readouterr().out.splitlines()]
        assert subjects == ["s0", "s1", "s2"]

    async def test_csv_has_header_and_crlf(self, sqlite_settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
        async with open_journal(sqlite_settings) as journal:
            await journal.audit.add([entry(NOON, 'a "b", c')])

        await audit(sqlite_settings, as_csv=True)

        printed = capsys.readouterr().out
        assert printed.splitlines(keepends=True)[0] == ",".join(AUDIT_COLUMNS) + "\r\n"
        [row] = csv.DictReader(io.StringIO(printed, newline=""))
        assert (row["subject"], row["record_ids"], row["fields"]) == ('a "b", c', "1 2", "phone remark")
        assert row["at"] == "2026-01-31T12:00:00+00:00"

    @given(subject=st.text(min_size=1), name=st.none() | st.text())
    def test_csv_cells_are_never_formulas(self, subject: str, name: str | None) -> None:
        cells = csv_row(entry(NOON, subject, operation_name=name))
        assert len(cells) == len(AUDIT_COLUMNS)
        assert not any(str(cell).startswith(commands.FORMULAS) for cell in cells)
        assert str(cells[2]).removeprefix("'") == subject.removeprefix("'")

    async def test_follow_prints_what_is_added_once(
        self, settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(commands, "FOLLOW_PAUSE", 0.01)
        now = datetime.now(UTC)
        printed = ""

        async def until(subject: str) -> None:
            nonlocal printed
            async with asyncio.timeout(60):
                while subject not in printed:
                    await asyncio.sleep(0.01)
                    printed += capsys.readouterr().out

        async def add(*entries: AuditEntry) -> None:
            async with open_journal(settings) as journal:
                await journal.audit.add(entries)

        await add(entry(now - timedelta(hours=1), "first"))
        following = asyncio.create_task(audit(settings, follow=True))
        await until("first")
        await add(entry(now, "second"))
        await until("second")
        await add(entry(now - timedelta(seconds=30), "late"), entry(now, "third"))
        await until("late")
        await until("third")
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following

        subjects = [json.loads(line)["subject"] for line in printed.splitlines()]
        assert subjects[:2] == ["first", "second"]
        assert sorted(subjects[2:]) == ["late", "third"]
