"""Operations and payments on either database: one caller carries out a write, its outcome is final, and what is left is
lent, as payments are to one gateway at a time.
"""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from journal_fixtures import make_operation
from journal_fixtures import reserve as reserve_any
from standing_clock import FrozenClock
from throw_away import on_server

from gateway.errors import JournalError
from gateway.journal.journal import Journal, open_journal
from gateway.journal.listing import PaymentQuery
from gateway.journal.operations import Operations
from gateway.journal.payments import MOST_CONFLICTS
from gateway.journal.postgres import connect
from gateway.journal.records import MOST_READ_BACKS, Numbers, Operation, Payment, Receipt, ReceiptKind, RecordRef
from gateway.normalise.vocabulary import DeliveryState, OperationState, Outcome
from gateway.settings import Settings

REVIEW = RecordRef("Shenhe", "10002", "7")
ORDER = RecordRef("Order", "10002", "99")
A_MINUTE = timedelta(minutes=1)
HALF_A_MINUTE = timedelta(seconds=30)
PATIENCE = 60.0


async def reserve(operations: Operations, key: str | None = "key-1") -> tuple[Operation, bool]:
    return await reserve_any(operations, key=key, reason="照片不清", record=REVIEW)


async def begun(operations: Operations, key: str | None = None) -> Operation:
    operation, _ = await reserve(operations, key)
    return await operations.mark_sent(operation, {"status": "APPROVED"})


async def due(operations: Operations, **given: Any) -> set[str]:
    taken = await operations.take_over(older_than=A_MINUTE, lease=A_MINUTE, **given)
    return {operation.id for operation in taken}


async def receive(journal: Journal, order: str = "order", weixin: str = "weixin", shop: str = "shop") -> Receipt:
    return await journal.payments.receive(order, shop, weixin, subject="platform")


async def queued(journal: Journal, count: int) -> list[Payment]:
    return [(await receive(journal, f"order-{n}", f"weixin-{n}")).payment for n in range(count)]


async def claim(journal: Journal, limit: int = 10, owner: str = "one") -> tuple[Payment, ...]:
    return await journal.payments.claim(owner, limit, HALF_A_MINUTE)


async def test_operation_has_its_values_and_one_outcome(journal: Journal, clock: FrozenClock) -> None:
    operations = journal.operations
    reserved, is_new = await reserve(operations)
    own = {"idempotency_key": "key-1", "record": REVIEW}
    assert (reserved, is_new) == (make_operation(clock.now, id=reserved.id, **own), True)
    assert await reserve(operations) == (reserved, False)
    with pytest.raises(JournalError):  # the table refuses it: it was not sent
        await operations.finish(reserved.id, Outcome.UNKNOWN)

    sent = await operations.mark_sent(reserved, {"after": 7})
    assert (sent.state, sent.sent_at, sent.expected) == (OperationState.SENT, clock.now, {"after": 7})
    with pytest.raises(JournalError, match="given up"):
        await operations.mark_sent(sent)

    confirmed = await operations.finish(sent.id, Outcome.CONFIRMED, record=ORDER, answer={"number": "99"})
    assert (confirmed.outcome, confirmed.record, confirmed.finished_at) == (Outcome.CONFIRMED, ORDER, clock.now)
    clock.advance(seconds=5)
    for outcome in set(Outcome) - {Outcome.PLANNED}:
        assert await operations.finish(sent.id, outcome) == confirmed
    assert await reserve(operations) == (confirmed, False)
    with pytest.raises(JournalError, match="not in the journal"):
        await operations.finish("no-such-id", Outcome.CONFIRMED)


async def test_operation_without_outcome_is_withdrawn_and_frees_its_key(journal: Journal) -> None:
    operations = journal.operations
    for operation in ((await reserve(operations))[0], await begun(operations, "key-1")):
        await operations.withdraw(operation.id)
        assert await operations.get(operation.id) is None
    unknown = await begun(operations, "key-1")
    await operations.finish(unknown.id, Outcome.UNKNOWN)
    await operations.withdraw(unknown.id)
    assert await operations.get(unknown.id) is not None


async def test_operations_left_by_a_crash_are_taken_over(journal: Journal, clock: FrozenClock) -> None:
    operations = journal.operations
    (reserved, _), sent = await reserve(operations, "key-reserved"), await begun(operations, "key-sent")
    clock.advance(minutes=5)
    live, _ = await reserve(operations, "key-live")
    assert await due(operations, under_way={reserved.id, sent.id}) == set()
    assert [await operations.get(each.id) for each in (reserved, sent)] == [reserved, sent]

    (taken,) = await operations.take_over(older_than=A_MINUTE, lease=A_MINUTE)

    assert (taken.id, taken.outcome, taken.unknown_at) == (sent.id, Outcome.UNKNOWN, clock.now)
    assert taken.expected == {"status": "APPROVED"}
    assert await operations.get(live.id) == live
    with pytest.raises(JournalError):
        await operations.mark_sent(reserved)
    _, is_new = await reserve(operations, "key-reserved")
    assert is_new


async def test_unknown_operations_are_lent_longest_due_first(journal: Journal, clock: FrozenClock) -> None:
    operations = journal.operations
    ids = [(await begun(operations)).id for _ in range(4)]
    for id_, seconds in zip(ids, (30, 10, 20), strict=False):
        await operations.finish(id_, Outcome.UNKNOWN, check_at=clock.now + timedelta(seconds=seconds))
    await operations.finish(ids[3], Outcome.UNKNOWN)  # it cannot be read back
    assert await due(operations) == set()

    clock.advance(seconds=40)
    assert [await due(operations, limit=2) for _ in range(3)] == [{ids[1], ids[2]}, {ids[0]}, set()]
    clock.advance(seconds=60)
    await operations.finish(ids[1], Outcome.REFUSED)
    assert await due(operations) == {ids[0], ids[2]}


async def test_future_dated_operations_and_payments_are_due(journal: Journal, clock: FrozenClock) -> None:
    """A payment waits for its first attempt, one for its second, and one was claimed by a gateway that is gone."""
    operations = journal.operations
    clock.advance(days=365)
    (reserved, _), sent, unknown = await reserve(operations), await begun(operations), await begun(operations)
    await operations.finish(unknown.id, Outcome.UNKNOWN, check_at=clock.now + A_MINUTE)
    await queued(journal, 3)
    _, failed = await claim(journal, limit=2)
    await journal.payments.failed(failed, "UPSTREAM_TIMEOUT", next_attempt_at=clock.now + timedelta(seconds=15))
    clock.advance(days=-365)

    taken = await operations.take_over(older_than=A_MINUTE, lease=A_MINUTE)

    assert {(operation.id, operation.sent_at) for operation in taken} == {(sent.id, clock.now), (unknown.id, clock.now)}
    assert await operations.get(reserved.id) is None
    assert await due(operations) == set()
    assert [len(await claim(journal)) for _ in range(2)] == [3, 0]


async def test_first_read_backs_and_the_last_are_kept(journal: Journal, clock: FrozenClock) -> None:
    operations, began = journal.operations, clock.now
    operation = await begun(operations)
    unknown = await operations.finish(operation.id, Outcome.UNKNOWN)
    clock.advance(minutes=1)
    assert await operations.finish(operation.id, Outcome.UNKNOWN) == unknown, "a commit in doubt is repeated"
    read_back = partial(operations.finish, operation.id, Outcome.UNKNOWN, read_back=True)

    await asyncio.gather(*(read_back() for _ in range(10)))
    times = [clock.now] * 10
    for _ in range(MOST_READ_BACKS):
        times.append(clock.advance(minutes=1))
        await read_back()
    confirmed = await operations.finish(operation.id, Outcome.CONFIRMED, read_back=True)

    assert confirmed.unknown_at == began
    assert list(confirmed.read_backs) == [*times[: MOST_READ_BACKS - 1], times[-1]]


@pytest.mark.postgres
async def test_rows_locked_by_another_gateway_are_skipped(postgres_settings: Settings, clock: FrozenClock) -> None:
    async with open_journal(postgres_settings, clock) as journal:
        payments, unknown = await queued(journal, 2), [await begun(journal.operations) for _ in range(2)]
        for operation in unknown:
            await journal.operations.finish(operation.id, Outcome.UNKNOWN, check_at=clock.now)
        other = await connect(postgres_settings.database_url, 2.0)
        async with other.transaction():
            await other.execute("SELECT 1 FROM payments WHERE id = $1 FOR UPDATE", payments[0].id)
            await other.execute("SELECT 1 FROM operations WHERE id = $1 FOR UPDATE", unknown[0].id)
            assert [payment.id for payment in await claim(journal)] == [payments[1].id]
            assert await due(journal.operations) == {unknown[1].id}
        await other.close()


async def test_writes_of_a_kind_are_found_by_how_they_stand(journal: Journal) -> None:
    """Those of the gateway itself, for a read-back: what has an outcome, and what may still have an effect."""
    operations = journal.operations
    await reserve(operations, "not sent")
    confirmed, refused, sent, unknown = [await begun(operations) for _ in range(4)]
    await operations.finish(confirmed.id, Outcome.CONFIRMED, record=ORDER)
    await operations.finish(refused.id, Outcome.REFUSED, record=RecordRef("Order", "10002", "98"))
    await operations.finish(unknown.id, Outcome.UNKNOWN)
    for other in ({"mutation": "rejectShenhe"}, {"community_code": "00001"}):
        reserved, _ = await reserve_any(operations, **other)
        await operations.mark_sent(reserved)

    found = await operations.unresolved("approveShenhe", "10002")
    assert {operation.id for operation in found} == {sent.id, unknown.id}
    assert await operations.recorded("Order", "10002", ["98", "99", "100"]) == {"99"}
    assert await operations.recorded("Order", "00001", ["99"]) == frozenset()
    assert await operations.recorded("Shenhe", "10002", ["7", "99"]) == frozenset()


@pytest.mark.postgres
async def test_simultaneous_conflicts_respect_the_limit(postgres_settings: Settings) -> None:
    """Three wait at once for a table to which nothing can be added."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with open_journal(msgspec.structs.replace(postgres_settings, journal_timeout=PATIENCE)) as journal:
        payment = (await receive(journal)).payment
        for number in range(MOST_CONFLICTS - 1):
            await receive(journal, shop=f"other shop {number}")
        other, watcher = [await connect(postgres_settings.database_url, PATIENCE) for _ in range(2)]
        async with asyncio.timeout(PATIENCE), other.transaction():
            await other.execute("LOCK TABLE payment_conflicts IN SHARE MODE")
            last = [asyncio.create_task(receive(journal, shop=f"last shop {number}")) for number in range(3)]
            while await watcher.fetchval(waiting) < len(last):
                pass
        await other.close()
        await watcher.close()
        assert {(await receipt).kind for receipt in last} == {ReceiptKind.CONFLICT}

        assert len((await journal.payments.conflicts([payment.id]))[0]) == MOST_CONFLICTS


async def test_claim_leases_longest_due_payments_once(journal: Journal, clock: FrozenClock) -> None:
    await queued(journal, 3)
    payments = await claim(journal)
    assert {(p.lease_owner, p.lease_token, p.lease_until) for p in payments} == {("one", 1, clock.now + HALF_A_MINUTE)}
    assert await claim(journal, owner="two") == ()
    for payment, seconds in zip(payments, (30, 20, 10), strict=True):
        due = clock.now + timedelta(seconds=seconds)
        await journal.payments.failed(payment, "UPSTREAM_TIMEOUT", next_attempt_at=due)
    assert await journal.payments.next_due() == clock.now + timedelta(seconds=10)
    clock.advance(seconds=40)

    turns = [[payment.id for payment in await claim(journal, limit=2)] for _ in range(3)]

    assert turns == [[payments[2].id, payments[1].id], [payments[0].id], []]


async def test_lost_lease_can_not_mark_the_row(journal: Journal, clock: FrozenClock) -> None:
    await queued(journal, 1)
    (stalled,) = await claim(journal, owner="stalled")
    assert await journal.payments.next_due() == clock.now + HALF_A_MINUTE
    clock.advance(seconds=30)
    (held,) = await claim(journal, owner="other")

    assert not await journal.payments.delivered(stalled)
    assert not await journal.payments.failed(stalled, "UPSTREAM_TIMEOUT", next_attempt_at=None)
    assert await journal.payments.get(held.id) == held
    assert await journal.payments.delivered(held)


async def test_payment_accepted_from_another_intake_loses_its_lease(journal: Journal) -> None:
    """A sender's own token delivers what waits in the outbox, and nothing twice."""
    payment = (await receive(journal)).payment
    unverified = await journal.payments.begin_check(payment.numbers, "0" * 64)
    [claimed] = await claim(journal)

    receipt = await journal.payments.accept_token(unverified, subject="platform")

    assert (receipt.kind, receipt.payment.state) == (ReceiptKind.SAME, DeliveryState.DELIVERED)
    assert not await journal.payments.delivered(claimed)
    assert await journal.payments.get(payment.id) == receipt.payment
    assert await journal.payments.accept_token(unverified, subject="platform") == receipt
    assert {event.kind for event in (await journal.events.after(0, 9))[0]} == {"RECEIVED", "DELIVERED"}


async def test_payment_accepted_later_is_in_the_period_it_came_in(journal: Journal, clock: FrozenClock) -> None:
    unverified = await journal.payments.begin_check(Numbers("1", "1", "1"), "0" * 64)
    cut = clock.advance(minutes=30)
    clock.advance(minutes=20)
    payment = (await journal.payments.accept_token(unverified, subject="platform")).payment

    assert (await journal.payments.list(PaymentQuery(until=cut), 9)).items == (payment,)
    assert await journal.payments.count(PaymentQuery(since=cut)) == 0


async def test_payments_of_a_community_come_newest_first(journal: Journal, clock: FrozenClock) -> None:
    for number in range(4):
        clock.advance(seconds=1)
        await receive(journal, f"order-{number}", f"weixin-{number}")
    assert await journal.payments.order_numbers(None, 2) == {"order-2", "order-3"}

    await journal.payments.set_community(["order-0", "order-3", "no such order"], "00001")
    await journal.payments.set_community(["order-0", "order-1"], "10002")  # the first one that says so counts

    assert await journal.payments.order_numbers(None, 9) == {"order-2"}
    assert await journal.payments.order_numbers("10002", 9) == {"order-1"}
    for limit in (2, 1):
        notified = await journal.payments.notified("00001", limit)
        assert [each.order_number for each in notified] == ["order-3", "order-0"][:limit]
        assert (notified[0].state, notified[0].received_at) == (DeliveryState.QUEUED, clock.now)


@pytest.mark.postgres
async def test_claim_respects_limit_despite_stale_statistics(postgres_settings: Settings, clock: FrozenClock) -> None:
    async with open_journal(postgres_settings, clock) as journal:
        await queued(journal, 1)
        await on_server("ANALYZE payments", postgres_settings.database_url)
        await queued(journal, 31)

        assert len(await claim(journal, limit=16)) == 16
