from datetime import timedelta

from sqlalchemy import func, select
from standing_clock import FrozenClock

from gateway.journal.journal import Journal
from gateway.journal.payments import TOKENS_LAST
from gateway.journal.records import Numbers, Receipt, ReceiptKind, Unverified
from gateway.journal.tables import events, unverified_notifications
from gateway.normalise.vocabulary import DeliveryState

NUMBERS = Numbers("order", "shop", "weixin")
TOKEN = "0" * 64


async def kept(journal: Journal) -> int:
    counting = select(func.count()).select_from(unverified_notifications)
    return await journal.database.read(lambda connection: connection.scalar(counting) or 0)


async def noted(journal: Journal) -> list[str]:
    kinds = select(events.c.kind).order_by(events.c.at, events.c.id)
    return await journal.database.read(lambda connection: list(connection.scalars(kinds)))


async def accept(journal: Journal, unverified: Unverified) -> Receipt:
    return await journal.unverified.accept(unverified, subject="platform")


async def test_payment_of_another_intake_is_delivered_and_its_lease_lost(journal: Journal) -> None:
    unverified = await journal.unverified.begin(NUMBERS, TOKEN)
    known = (await journal.payments.receive(*NUMBERS, subject="platform")).payment
    [claimed] = await journal.payments.claim("one", 10, timedelta(seconds=30))
    receipt = await accept(journal, unverified)

    assert (receipt.kind, receipt.payment.id) == (ReceiptKind.SAME, known.id)
    assert receipt.payment.state is DeliveryState.DELIVERED
    assert not await journal.payments.delivered(claimed)
    assert not await journal.payments.failed(claimed, "UPSTREAM_TIMEOUT", next_attempt_at=None)
    assert await journal.payments.get(known.id) == receipt.payment
    assert await accept(journal, unverified) == receipt
    assert sorted(await noted(journal)) == ["DELIVERED", "RECEIVED"]


async def test_accepted_token_makes_payments_of_what_came(journal: Journal, clock: FrozenClock) -> None:
    unverified = await journal.unverified.begin(NUMBERS, TOKEN)
    await journal.unverified.begin(NUMBERS, TOKEN)
    await journal.unverified.begin(Numbers("other", "shop", "other"), TOKEN)
    await journal.unverified.begin(Numbers("third", "shop", "third"), "1" * 64)
    assert not await journal.unverified.knows(TOKEN)
    await accept(journal, unverified)

    assert (await journal.unverified.knows(TOKEN), await journal.unverified.knows("1" * 64)) == (True, False)
    assert (await journal.backlog()).payments == {
        DeliveryState.QUEUED: 1, DeliveryState.DELIVERED: 1, DeliveryState.DEAD: 0
    }  # fmt: skip
    assert await kept(journal) == 1
    clock.advance(seconds=TOKENS_LAST.total_seconds())
    assert not await journal.unverified.knows(TOKEN)


async def test_abandoned_notification_is_removed(journal: Journal, clock: FrozenClock) -> None:
    await journal.unverified.begin(NUMBERS, TOKEN)
    clock.advance(seconds=TOKENS_LAST.total_seconds() - 1)
    await journal.unverified.begin(NUMBERS, TOKEN)
    assert await kept(journal) == 2

    clock.advance(seconds=2)
    await journal.unverified.begin(NUMBERS, TOKEN)
    assert await kept(journal) == 2
