"""Operations on either database: one caller carries out a write, its outcome is final, and what is left is lent."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from journal_fixtures import make_operation
from journal_fixtures import reserve as reserve_any
from standing_clock import FrozenClock

from gateway.errors import JournalError
from gateway.journal.journal import Journal, open_journal
from gateway.journal.operations import Operations
from gateway.journal.postgres import connect
from gateway.journal.records import MOST_READ_BACKS, Operation, RecordRef
from gateway.normalise.vocabulary import OperationState, Outcome
from gateway.settings import Settings

REVIEW = RecordRef("Shenhe", "10002", "7")
ORDER = RecordRef("Order", "10002", "99")
A_MINUTE = timedelta(minutes=1)


async def reserve(operations: Operations, key: str | None = "key-1") -> tuple[Operation, bool]:
    return await reserve_any(operations, key=key, reason="照片不清", record=REVIEW)


async def begun(operations: Operations, key: str | None = None) -> Operation:
    operation, _ = await reserve(operations, key)
    return await operations.mark_sent(operation, {"status": "APPROVED"})


async def due(operations: Operations, **given: Any) -> set[str]:
    taken = await operations.take_over(older_than=A_MINUTE, lease=A_MINUTE, **given)
    return {operation.id for operation in taken}


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


async def test_future_dated_operations_are_taken_over(journal: Journal, clock: FrozenClock) -> None:
    operations = journal.operations
    clock.advance(days=365)
    (reserved, _), sent, unknown = await reserve(operations), await begun(operations), await begun(operations)
    await operations.finish(unknown.id, Outcome.UNKNOWN, check_at=clock.now + A_MINUTE)
    clock.advance(days=-365)

    taken = await operations.take_over(older_than=A_MINUTE, lease=A_MINUTE)

    assert {(operation.id, operation.sent_at) for operation in taken} == {(sent.id, clock.now), (unknown.id, clock.now)}
    assert await operations.get(reserved.id) is None
    assert await due(operations) == set()


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
async def test_take_over_skips_rows_locked_by_another_gateway(postgres_settings: Settings, clock: FrozenClock) -> None:
    async with open_journal(postgres_settings, clock) as journal:
        taken, free = await begun(journal.operations), await begun(journal.operations)
        for operation in (taken, free):
            await journal.operations.finish(operation.id, Outcome.UNKNOWN, check_at=clock.now)
        other = await connect(postgres_settings.database_url, 2.0)
        async with other.transaction():
            await other.execute("SELECT 1 FROM operations WHERE id = $1 FOR UPDATE", taken.id)
            assert await due(journal.operations) == {free.id}
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
