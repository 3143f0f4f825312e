"""What operators do with a journal at the command line: payments, operations, migrations, the audit trail."""

import asyncio
import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_fixtures import make_entry, reserve
from waiting import until

from gateway.commands import journal as commands
from gateway.commands.journal import AUDIT_COLUMNS, audit, csv_row
from gateway.journal.journal import open_journal
from gateway.journal.listing import OperationQuery, PaymentQuery
from gateway.journal.records import AuditEntry, Payment, RecordRef, RecordRefs, new_id
from gateway.normalise.vocabulary import DeliveryState, Outcome
from gateway.settings import Settings

DEAD = PaymentQuery(state=DeliveryState.DEAD)
NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
UNKNOWN_ID = new_id(NOON)

Printed = Callable[[], str]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    """`printed()` is what the commands have printed since it was asked the last time."""
    return lambda: capsys.readouterr().out


async def dead_payments(settings: Settings, amount: int) -> list[str]:
    """Their ids."""
    async with open_journal(settings) as journal:
        for number in range(amount):
            await journal.payments.receive(f"order-{number}", "shop", f"weixin-{number}", subject="platform")
        for payment in await journal.payments.claim("relay", amount, timedelta(minutes=1)):
            await journal.payments.failed(payment, "UPSTREAM_TIMEOUT", next_attempt_at=None)
        return [payment.id for payment in (await journal.payments.list(DEAD, amount)).items]


async def payment(settings: Settings, id_: str) -> Payment:
    async with open_journal(settings, make=False) as journal:
        found = await journal.payments.get(id_)
        assert found is not None
        return found


async def retry(settings: Settings, *ids: str, confirmed: bool = True) -> int:
    """These payments; none stands for all that are dead."""
    return await commands.retry_payments(settings, ids, all_dead=not ids, confirmed=confirmed)


async def test_payments_are_listed_as_table_and_json(settings, printed, monkeypatch):
    monkeypatch.setattr(commands, "PART", 2)
    ids = await dead_payments(settings, 5)

    assert await commands.list_payments(settings, ["DEAD"], as_json=False) == 0
    head, *rows = printed().splitlines()
    await commands.list_payments(settings, ["QUEUED", "DEAD"], as_json=True)
    lines = printed().splitlines()

    assert head.split()[:6] == ["id", "order", "state", "attempts", "last", "error"]
    assert [row.split()[0] for row in rows] == ids
    assert sorted(row.split()[1:5] for row in rows) == [
        [f"order-{number}", "DEAD", "1", "UPSTREAM_TIMEOUT"] for number in range(5)
    ]
    assert [json.loads(line)["id"] for line in lines] == ids
    assert tuple(json.loads(lines[0])) == commands.SHOWN
    assert "weixin" not in lines[0]


async def test_retry_queues_a_dead_payment_once_and_is_recorded(settings: Settings, printed: Printed) -> None:
    id_, *others = await dead_payments(settings, 3)
    with pytest.raises(ValueError, match="xyz: not an id"):
        await retry(settings, id_, "xyz")
    assert (await payment(settings, id_)).state is DeliveryState.DEAD
    for wanted, status, said in (
        (id_, 0, f"{id_}: queued\n"),
        (id_, 1, f"{id_}: Only a dead delivery"),
        (UNKNOWN_ID, 1, f"{UNKNOWN_ID}: "),
    ):
        assert await retry(settings, wanted) == status
        assert printed().startswith(said)

    queued = await payment(settings, id_)
    assert (queued.state, queued.attempts) == (DeliveryState.QUEUED, 0)
    await commands.list_payments(settings, ["QUEUED"], as_json=False)
    assert printed().splitlines()[1].split()[:4] == [id_, queued.order_number, "QUEUED", "0"]
    async with open_journal(settings, make=False) as journal:
        recorded = (await journal.operations.list(OperationQuery(), 10)).items[-1]
    assert (recorded.mutation, recorded.subject) == ("retryPayment", commands.operator())
    assert recorded.outcome is Outcome.CONFIRMED
    assert recorded.record is not None
    assert recorded.record.platform_id == id_

    assert await retry(settings) == 0
    assert {(await payment(settings, other)).state for other in others} == {DeliveryState.QUEUED}
    async with open_journal(settings, make=False) as journal:
        subjects = [each.record.platform_id for each in (await journal.operations.list(OperationQuery(), 2)).items]
    assert {*subjects} == {*others}


async def test_retry_asks_first(sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    [id_] = await dead_payments(sqlite_settings, 1)
    for said, state in (("n\n", "DEAD"), ("", "DEAD"), ("y\n", "QUEUED")):
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        await retry(sqlite_settings, id_, confirmed=False)
        assert (await payment(sqlite_settings, id_)).state.value == state


async def unclear_operation(settings: Settings) -> str:
    """One that was given up, of an officer whose data nobody else is to see."""
    async with open_journal(settings) as journal:
        personal = {"subject": "officer 19900000001", "reason": "王芳 19900000001"}
        operation, _ = await reserve(journal.operations, mutation="updateRepair", **personal)
        await journal.operations.mark_sent(operation, {"after": ["x"]})
        for read_back in (False, True):
            await journal.operations.finish(operation.id, Outcome.UNKNOWN, read_back=read_back)
        return operation.id


async def test_unclear_write_is_listed_and_made_due(settings: Settings, printed: Printed) -> None:
    id_ = await unclear_operation(settings)

    assert await commands.list_operations(settings, as_json=False) == 0
    table = printed()
    await commands.list_operations(settings, as_json=True)
    _, row = table.splitlines()
    assert row.split()[:3] == [id_, "updateRepair", "10002"]
    assert "1 times" in row
    assert row.endswith("given up: look at the platform")
    shown = table + printed()
    assert not any(personal in shown for personal in ("19900000001", "王芳", "officer"))

    assert await commands.check_operations(settings, [id_]) == 0
    assert await commands.check_operations(settings, [UNKNOWN_ID]) == 1
    assert "not an unclear operation" in printed()
    async with open_journal(settings) as journal:
        due = await journal.operations.take_over(older_than=timedelta(hours=1), lease=timedelta(minutes=1))
    assert [operation.id for operation in due] == [id_]


@pytest.mark.parametrize("outcome", [Outcome.CONFIRMED, Outcome.REFUSED])
async def test_settled_write_is_known_and_audited(settings: Settings, outcome: Outcome) -> None:
    id_ = await unclear_operation(settings)

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


async def test_migrate_makes_and_then_finds_nothing(new_settings: Settings, printed: Printed) -> None:
    assert await commands.migrate(new_settings, check=True) == 1
    assert await commands.migrate(new_settings, check=False) == 0
    assert printed().splitlines() == [f"{what}: 0001 All tables of the journal." for what in ("pending", "done")]

    assert await commands.migrate(new_settings, check=True) == 0
    assert printed() == "the journal is of this version\n"


def entry(at: datetime, subject: str = "officer", **values: Any) -> AuditEntry:
    shown = {"records": RecordRefs("Order", "10002", ("1", "2")), "fields": ("phone", "remark")}
    return make_entry(at, subject=subject, **shown | values)


async def add(settings: Settings, *entries: AuditEntry) -> None:
    async with open_journal(settings) as journal:
        await journal.audit.add(entries)


async def test_audit_until_excludes_its_moment(settings: Settings, printed: Printed) -> None:
    times = [NOON - timedelta(microseconds=1), NOON, NOON + timedelta(hours=1)]
    await add(settings, *(entry(at, f"s{number}") for number, at in enumerate(times)))

    await audit(settings, since=NOON - timedelta(hours=1), until=NOON)
    await audit(settings, since=NOON)

    assert [json.loads(line)["subject"] for line in printed().splitlines()] == ["s0", "s1", "s2"]


async def test_audit_as_csv_has_header_and_crlf(sqlite_settings: Settings, printed: Printed) -> None:
    await add(sqlite_settings, entry(NOON, 'a "b", c'))

    await audit(sqlite_settings, as_csv=True)

    text = printed()
    assert text.splitlines(keepends=True)[0] == ",".join(AUDIT_COLUMNS) + "\r\n"
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["subject"], row["record_ids"], row["fields"]) == ('a "b", c', "1 2", "phone remark")
    assert row["at"] == "2026-01-31T12:00:00+00:00"


@given(subject=st.text(min_size=1), name=st.none() | st.text())
def test_csv_cells_are_never_formulas(subject: str, name: str | None) -> None:
    cells = [str(cell) for cell in csv_row(entry(NOON, subject, operation_name=name))]
    assert len(cells) == len(AUDIT_COLUMNS)
    assert not any(cell.startswith(commands.FORMULAS) for cell in cells)
    assert cells[2].removeprefix("'") == subject.removeprefix("'")


async def test_audit_follow_prints_what_is_added_once(settings, printed, monkeypatch):
    monkeypatch.setattr(commands, "FOLLOW_PAUSE", 0.01)
    now, subjects = datetime.now(UTC), list[str]()

    def are_printed(*wanted: str) -> bool:
        subjects.extend(json.loads(line)["subject"] for line in printed().splitlines())
        return {*wanted} <= {*subjects}

    await add(settings, entry(now - timedelta(hours=1), "first"))
    following = asyncio.create_task(audit(settings, follow=True))
    await until(lambda: are_printed("first"))
    await add(settings, entry(now, "second"))
    await until(lambda: are_printed("second"))
    await add(settings, entry(now - timedelta(seconds=30), "late"), entry(now, "third"))
    await until(lambda: are_printed("late", "third"))
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following

    assert subjects[:2] == ["first", "second"]
    assert sorted(subjects[2:]) == ["late", "third"]
