import asyncio
from datetime import timedelta
from typing import Any

import pytest
from journal_fixtures import make_operation
from journal_fixtures import reserve as reserve_any
from standing_clock import FrozenClock

from gateway.errors import JournalError
from gateway.journal.journal import Journal, open_journal
from gateway.journal.operations import Operations, fingerprint
from gateway.journal.postgres import connect
from gateway.journal.records import Operation, RecordRef, Reservation, ReservationKind
from gateway.normalise.vocabulary import OperationState, Outcome
from gateway.settings import Settings

REVIEW = RecordRef("Shenhe", "10002", "7")
A_MINUTE = timedelta(minutes=1)


async def reserve(operations: Operations, *, key: str | None = "key-1", **changes: Any) -> Reservation:
    own = {"reason": "照片不清", "record": REVIEW}
    return await reserve_any(operations, key=key, **own | changes)


async def begun(operations: Operations, key: str | None = None, *, sent: bool = True) -> Operation:
    operation = (await reserve(operations, key=key)).operation
    return await operations.mark_sent(operation, {"status": "APPROVED"}) if sent else operation


async def test_operation_is_reserved_with_its_values(journal: Journal, clock: FrozenClock) -> None:
    reservation = await reserve(journal.operations)

    operation = reservation.operation
    assert reservation.kind is ReservationKind.NEW
    own = {"idempotency_key": "key-1", "record": REVIEW}
    assert operation == make_operation(clock.now, id=operation.id, **own)
    assert operation.outcome is None
    assert await journal.operations.get(operation.id) == operation


async def test_same_key_is_in_progress_then_replay(journal: Journal) -> None:
    first = await begun(journal.operations, "key-1", sent=False)
    assert (await reserve(journal.operations)).kind is ReservationKind.IN_PROGRESS
    await journal.operations.mark_sent(first)
    assert (await reserve(journal.operations)).kind is ReservationKind.IN_PROGRESS

    finished = await journal.operations.finish(first.id, Outcome.CONFIRMED, answer={"orderNumber": "20201118"})

    replay = await reserve(journal.operations)
    assert (replay.kind, replay.operation) == (ReservationKind.REPLAY, finished)


async def test_one_of_fifty_simultaneous_reservations_is_new(journal: Journal) -> None:
    reservations = await asyncio.gather(*(reserve(journal.operations) for _ in range(50)))

    assert sorted(reservation.kind for reservation in reservations) == ["IN_PROGRESS"] * 49 + ["NEW"]
    assert len({reservation.operation.id for reservation in reservations}) == 1


async def test_operation_is_marked_sent_once_with_what_is_expected(journal: Journal, clock: FrozenClock) -> None:
    operation = await begun(journal.operations, sent=False)
    sent = await journal.operations.mark_sent(operation, {"after": 7})
    assert (sent.state, sent.sent_at, sent.expected) == (OperationState.SENT, clock.now, {"after": 7})

    with pytest.raises(JournalError, match="given up"):
        await journal.operations.mark_sent(operation)


async def test_recorded_finds_records_of_confirmed_writes(journal: Journal) -> None:
    confirmed, refused, under_way = [await begun(journal.operations) for _ in range(3)]
    for operation, outcome, number in ((confirmed, Outcome.CONFIRMED, "1"), (refused, Outcome.REFUSED, "2")):
        await journal.operations.finish(operation.id, outcome, record=RecordRef("Order", "10002", number))
    assert under_way.record == REVIEW

    assert await journal.operations.recorded("Order", "10002", ["1", "2", "3"]) == {"1"}
    assert await journal.operations.recorded("Order", "00001", ["1"]) == frozenset()
    assert await journal.operations.recorded("Shenhe", "10002", ["1", "7"]) == frozenset()


async def test_operation_without_outcome_is_withdrawn_and_frees_its_key(journal: Journal) -> None:
    for sent in (False, True):
        operation = await begun(journal.operations, "key-1", sent=sent)
        await journal.operations.withdraw(operation.id)
        assert await journal.operations.get(operation.id) is None
    finished = await begun(journal.operations, "key-1")
    await journal.operations.finish(finished.id, Outcome.UNKNOWN)
    await journal.operations.withdraw(finished.id)
    assert await journal.operations.get(finished.id) is not None


async def test_known_outcome_never_changes(journal: Journal, clock: FrozenClock) -> None:
    operation = await begun(journal.operations)
    created = RecordRef("Order", "10002", "99")
    confirmed = await journal.operations.finish(operation.id, Outcome.CONFIRMED, record=created)
    assert (confirmed.outcome, confirmed.record, confirmed.finished_at) == (Outcome.CONFIRMED, created, clock.now)

    clock.advance(seconds=5)
    for outcome in set(Outcome) - {Outcome.PLANNED}:
        assert await journal.operations.finish(operation.id, outcome) == confirmed


async def test_unknown_outcome_is_resolved_later(journal: Journal, clock: FrozenClock) -> None:
    operation = await begun(journal.operations)
    unknown = await journal.operations.finish(operation.id, Outcome.UNKNOWN, check_at=clock.now + A_MINUTE)
    assert (unknown.outcome, unknown.finished_at) == (Outcome.UNKNOWN, None)
    assert unknown.check_at == clock.now + A_MINUTE

    clock.advance(minutes=2)
    resolved = await journal.operations.finish(operation.id, Outcome.CONFIRMED)

    assert (resolved.outcome, resolved.finished_at, resolved.check_at) == (Outcome.CONFIRMED, clock.now, None)
    assert resolved.record == REVIEW


async def test_operation_unsent_or_not_there_has_no_outcome(journal: Journal) -> None:
    operation = await begun(journal.operations, sent=False)
    with pytest.raises(JournalError):
        await journal.operations.finish(operation.id, Outcome.UNKNOWN)
    with pytest.raises(JournalError, match="not in the journal"):
        await journal.operations.finish("no-such-id", Outcome.CONFIRMED)
    assert await journal.operations.get(operation.id) == operation


async def test_operations_left_by_a_crash_are_taken_over(journal: Journal, clock: FrozenClock) -> None:
    reserved = await begun(journal.operations, "key-reserved", sent=False)
    sent = await begun(journal.operations, "key-sent")
    clock.advance(minutes=5)
    live = await begun(journal.operations, "key-live", sent=False)
    times: dict[str, Any] = {"older_than": A_MINUTE, "lease": A_MINUTE}
    assert await journal.operations.take_over(**times, under_way={reserved.id, sent.id}) == ()
    assert [await journal.operations.get(each.id) for each in (reserved, sent)] == [reserved, sent]

    (taken,) = await journal.operations.take_over(**times)

    assert (taken.id, taken.outcome) == (sent.id, Outcome.UNKNOWN)
    assert (taken.timeline[-1].state, taken.timeline[-1].at) == (OperationState.UNKNOWN, clock.now)
    assert taken.expected == {"status": "APPROVED"}
    assert await journal.operations.get(live.id) == live
    assert await journal.operations.get(reserved.id) is None
    with pytest.raises(JournalError):
        await journal.operations.mark_sent(reserved)
    assert (await reserve(journal.operations, key="key-reserved")).kind is ReservationKind.NEW


async def test_unknown_operation_is_handed_out_once_when_due(journal: Journal, clock: FrozenClock) -> None:
    async def due() -> list[str]:
        return [o.id for o in await journal.operations.take_over(older_than=A_MINUTE, lease=A_MINUTE)]

    readable, unreadable = await begun(journal.operations), await begun(journal.operations)
    await journal.operations.finish(readable.id, Outcome.UNKNOWN, check_at=clock.now + timedelta(seconds=10))
    await journal.operations.finish(unreadable.id, Outcome.UNKNOWN)
    assert await due() == []

    clock.advance(seconds=10)
    assert sorted([*await due(), *await due()]) == [readable.id]

    clock.advance(seconds=60)
    assert await due() == [readable.id]
    await journal.operations.finish(readable.id, Outcome.REFUSED)
    clock.advance(seconds=60)
    assert await due() == []


async def test_future_dated_operations_are_taken_over(journal: Journal, clock: FrozenClock) -> None:
    clock.advance(days=365)
    reserved, sent = await begun(journal.operations, "key-reserved", sent=False), await begun(journal.operations)
    unknown = await begun(journal.operations)
    await journal.operations.finish(unknown.id, Outcome.UNKNOWN, check_at=clock.now + A_MINUTE)
    clock.advance(days=-365)

    taken = await journal.operations.take_over(older_than=A_MINUTE, lease=A_MINUTE)

    assert {(operation.id, operation.sent_at) for operation in taken} == {(sent.id, clock.now), (unknown.id, clock.now)}
    assert await journal.operations.get(reserved.id) is None
    assert await journal.operations.take_over(older_than=A_MINUTE, lease=A_MINUTE) == ()


async def test_longest_due_operations_come_first_within_limit(journal: Journal, clock: FrozenClock) -> None:
    operations = [await begun(journal.operations) for _ in range(3)]
    for operation, seconds in zip(operations, (30, 10, 20), strict=True):
        await journal.operations.finish(operation.id, Outcome.UNKNOWN, check_at=clock.now + timedelta(seconds=seconds))
    clock.advance(seconds=40)

    for due in (operations[1:], operations[:1]):
        taken = await journal.operations.take_over(older_than=A_MINUTE, lease=A_MINUTE, limit=2)
        assert {operation.id for operation in taken} == {operation.id for operation in due}


@pytest.mark.postgres
async def test_take_over_skips_rows_locked_by_another_gateway(postgres_settings: Settings, clock: FrozenClock) -> None:
    async with open_journal(postgres_settings, clock) as journal:
        taken, free = await begun(journal.operations), await begun(journal.operations)
        for operation in (taken, free):
            await journal.operations.finish(operation.id, Outcome.UNKNOWN, check_at=clock.now)
        other = await connect(postgres_settings.database_url, 2.0)
        async with other.transaction():
            await other.execute("SELECT 1 FROM operations WHERE id = $1 FOR UPDATE", taken.id)
            due = await journal.operations.take_over(older_than=A_MINUTE, lease=A_MINUTE)
        await other.close()

    assert [operation.id for operation in due] == [free.id]


async def test_unresolved_writes_match_mutation_and_community(journal: Journal) -> None:
    operations = journal.operations
    await reserve(operations, key="not sent")
    ended = await begun(operations)
    await operations.finish(ended.id, Outcome.CONFIRMED)
    sent, unknown = await begun(operations), await begun(operations)
    await operations.finish(unknown.id, Outcome.UNKNOWN)
    for key, other in (("mutation", {"mutation": "rejectShenhe"}), ("community", {"community_code": "00001"})):
        await operations.mark_sent((await reserve(operations, key=key, **other)).operation)

    found = await operations.unresolved("approveShenhe", "10002")

    assert {operation.id for operation in found} == {sent.id, unknown.id}


def test_fingerprint_ignores_argument_order() -> None:
    one = fingerprint(b"secret", "createOrder", {"title": "物业费", "payer": {"phone": "19900000001", "name": "李"}})
    same = fingerprint(b"secret", "createOrder", {"payer": {"name": "李", "phone": "19900000001"}, "title": "物业费"})
    assert one == same
    assert len(one) == 64
    assert "19900000001" not in one


@pytest.mark.parametrize(
    ("secret", "mutation", "arguments"),
    [(b"other", "createOrder", ["1"]), (b"secret", "updateRepair", ["1"]), (b"secret", "createOrder", ["2"])],
)
def test_fingerprint_depends_on_secret_and_arguments(secret: bytes, mutation: str, arguments: list[str]) -> None:
    assert fingerprint(secret, mutation, arguments) != fingerprint(b"secret", "createOrder", ["1"])
