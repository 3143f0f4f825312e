"""What is older than its time is forgotten, unless it still matters."""

import asyncio
from datetime import timedelta

import pytest
from journal_fixtures import make_announcement, make_entry, reserve
from sqlalchemy import func, select
from standing_clock import FrozenClock
from waiting import until

from gateway.journal import audit, retention
from gateway.journal.audit import AuditQuery
from gateway.journal.journal import Journal, open_journal
from gateway.journal.listing import AnnouncementQuery
from gateway.journal.records import Payment, RecordRefs
from gateway.journal.retention import Retention
from gateway.journal.tables import audit_records
from gateway.normalise.vocabulary import DeliveryState, OperationState, Outcome
from gateway.settings import Settings

DAYS = 200


@pytest.fixture
def keeper(journal: Journal, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch) -> Retention:
    """With small batches."""
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "REST", 0)
    return Retention(journal.database, Settings(retention_days=f"all={DAYS}").retained, clock)


async def pay(journal: Journal, number: str) -> Payment:
    return (await journal.payments.receive(number, "3", number, subject="test")).payment


async def deliver(journal: Journal) -> None:
    for payment in await journal.payments.claim("test", 100, timedelta(minutes=1)):
        await journal.payments.delivered(payment)


async def write(journal: Journal, key: str, outcome: Outcome | None) -> str:
    operation, _ = await reserve(journal.operations, key=key)
    await journal.operations.mark_sent(operation)
    if outcome is not None:
        await journal.operations.finish(operation.id, outcome)
    return operation.id


async def test_old_audit_entries_are_forgotten_with_their_index(journal, clock, keeper, monkeypatch):
    monkeypatch.setattr(audit, "BUCKET", 1)
    await journal.audit.add(
        [make_entry(clock.now, records=RecordRefs("Order", "10002", ("1", str(n)))) for n in (2, 3, 4)]
    )
    clock.advance(days=DAYS)
    kept = make_entry(clock.now, records=RecordRefs("Order", "10002", ("1", "5")))
    await journal.audit.add([kept])
    await keeper.forget()
    assert len([each async for each in journal.audit.entries()]) == 4, "not older yet"

    clock.advance(seconds=1)
    await keeper.forget()

    assert [each async for each in journal.audit.entries(AuditQuery(record="1"))] == [kept]
    assert [each async for each in journal.audit.entries(AuditQuery(record="2"))] == []
    rows = select(func.count()).select_from(audit_records)
    assert await journal.database.read(lambda connection: connection.scalar(rows)) == 2


async def test_finished_operation_is_forgotten_and_open_one_kept(journal, clock, keeper):
    outcomes = (Outcome.UNKNOWN, None, Outcome.UNKNOWN, Outcome.CONFIRMED, Outcome.REFUSED, Outcome.CONFIRMED)
    ids = [await write(journal, f"key-{number}", outcome) for number, outcome in enumerate(outcomes)]
    clock.advance(days=DAYS)
    await keeper.forget()
    assert not (await reserve(journal.operations, key="key-5"))[1]
    clock.advance(seconds=1)
    await keeper.forget()

    found = [await journal.operations.get(each) for each in ids]
    unclear, sent = OperationState.UNKNOWN, OperationState.SENT
    assert [each and each.state for each in found] == [unclear, sent, unclear, None, None, None]
    assert (await reserve(journal.operations, key="key-5"))[1]


async def test_delivered_payment_is_forgotten_with_its_conflicts(journal, clock, keeper):
    gone = await pay(journal, "1")
    await deliver(journal)
    await journal.payments.receive("1", "other", "1", subject="test")
    await pay(journal, "2")
    [dead] = await journal.payments.claim("test", 1, timedelta(minutes=1))
    await journal.payments.failed(dead, "UPSTREAM_TIMEOUT", next_attempt_at=None)
    queued = await pay(journal, "3")
    clock.advance(days=DAYS, seconds=1)
    await keeper.forget()

    found = await journal.payments.by_ids([gone.id, dead.id, queued.id])
    states = {each.id: each.state for each in found.values()}
    assert states == {dead.id: DeliveryState.DEAD, queued.id: DeliveryState.QUEUED}
    assert await journal.payments.conflicts([gone.id]) == [()]


async def test_pinned_announcement_is_kept(journal: Journal, clock: FrozenClock, keeper: Retention) -> None:
    shown = make_announcement(clock.now, platform_id=1, pinned=True, published=True)
    draft = make_announcement(clock.now, platform_id=2, pinned=True, published=False)
    for each in (shown, draft, make_announcement(clock.now, platform_id=3, pinned=False, published=True)):
        await journal.announcements.add(each)
    clock.advance(days=DAYS, seconds=1)
    await keeper.forget()

    assert (await journal.announcements.list(AnnouncementQuery(), 9)).items == (shown,)


@pytest.mark.postgres
async def test_one_gateway_forgets_at_a_time(postgres_settings, clock, monkeypatch):
    monkeypatch.setattr(retention, "REST", 0)
    lock = select(func.pg_advisory_lock(retention._LOCK))
    async with open_journal(postgres_settings, clock) as journal, open_journal(postgres_settings, clock) as other:
        await journal.audit.add([make_entry(clock.now)])
        clock.advance(days=DAYS, seconds=1)
        keeper = Retention(journal.database, Settings(retention_days=f"all={DAYS}").retained, clock)
        await other.database.write(lambda connection: connection.execute(lock))
        await keeper.forget()
        assert len([each async for each in journal.audit.entries()]) == 1

        unlock = select(func.pg_advisory_unlock_all())
        await other.database.write(lambda connection: connection.execute(unlock))
        await keeper.forget()
        assert [each async for each in journal.audit.entries()] == []


@pytest.mark.settings(RETENTION_DAYS=f"audit={DAYS}")
async def test_running_gateway_forgets_by_itself(gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = gateway.parts
    old = make_entry(parts.retention.clock() - timedelta(days=DAYS, seconds=1))
    await parts.journal.audit.add([old])
    monkeypatch.setattr(retention, "INTERVAL", 0.05)
    running = asyncio.create_task(parts.retention.run())

    async def is_gone() -> bool:
        return old not in [each async for each in parts.journal.audit.entries()]

    await until(is_gone)
    running.cancel()


@pytest.mark.postgres
async def test_size_of_each_table_is_known(postgres_settings: Settings, clock: FrozenClock) -> None:
    async with open_journal(postgres_settings, clock) as journal:
        sizes = (await journal.backlog()).sizes
    assert sizes.keys() >= {"audit", "audit_records", "operations", "payments", "announcements", "events"}
    assert all(sizes.values())
