import asyncio
from datetime import timedelta

import msgspec
import pytest
from standing_clock import FrozenClock
from throw_away import on_server

from gateway.journal.journal import Journal, open_journal
from gateway.journal.payments import MOST_CONFLICTS
from gateway.journal.postgres import connect
from gateway.journal.records import Payment, Receipt, ReceiptKind
from gateway.normalise.vocabulary import DeliveryState
from gateway.settings import Settings

ORDER = "20201118110146123456"
SHOP = "2020111811014612345678"
WEIXIN = "4200000825202011187162341234"
HALF_A_MINUTE = timedelta(seconds=30)
PATIENCE = 60.0


async def receive(journal: Journal, order: str = ORDER, weixin: str = WEIXIN, shop: str = SHOP) -> Receipt:
    return await journal.payments.receive(order, shop, weixin, subject="platform")


async def queued(journal: Journal, count: int) -> list[Payment]:
    return [(await receive(journal, f"order-{n}", f"weixin-{n}")).payment for n in range(count)]


async def claim(journal: Journal, limit: int = 10, owner: str = "one") -> tuple[Payment, ...]:
    return await journal.payments.claim(owner, limit, HALF_A_MINUTE)


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


@pytest.mark.postgres
async def test_claim_skips_rows_locked_by_another_gateway(postgres_settings: Settings, clock: FrozenClock) -> None:
    async with open_journal(postgres_settings, clock) as journal:
        taken, free = await queued(journal, 2)
        other = await connect(postgres_settings.database_url, 2.0)
        async with other.transaction():
            await other.execute("SELECT 1 FROM payments WHERE id = $1 FOR UPDATE", taken.id)
            claimed = await claim(journal)
        await other.close()

    assert [payment.id for payment in claimed] == [free.id]


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


async def test_future_dated_payments_are_due(journal: Journal, clock: FrozenClock) -> None:
    """One waits for its first attempt, one for its second, and one was claimed by a gateway that is gone."""
    clock.advance(days=365)
    await queued(journal, 3)
    _, failed = await claim(journal, limit=2)
    await journal.payments.failed(failed, "UPSTREAM_TIMEOUT", next_attempt_at=clock.now + timedelta(seconds=15))
    clock.advance(days=-365)

    assert len(await claim(journal)) == 3
    assert await claim(journal) == ()


@pytest.mark.postgres
async def test_claim_respects_limit_despite_stale_statistics(postgres_settings: Settings, clock: FrozenClock) -> None:
    async with open_journal(postgres_settings, clock) as journal:
        await queued(journal, 1)
        await on_server("ANALYZE payments", postgres_settings.database_url)
        await queued(journal, 31)

        assert len(await claim(journal, limit=16)) == 16
