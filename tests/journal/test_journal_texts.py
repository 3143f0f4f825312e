"""Texts with characters that a database does not store: U+0000 and unpaired surrogates."""

import msgspec
from journal_fixtures import FrozenClock

from gateway.journal.journal import Journal
from gateway.journal.listing import Cut, OperationQuery
from gateway.journal.records import (
    Announcement,
    AuditAction,
    AuditEntry,
    Operation,
    RecordRef,
    RecordRefs,
    UserError,
    new_id,
)
from gateway.normalise.states import Outcome

TEXT = "\0 \ud800 门"
STORED = "\ufffd \ufffd 门"


async def begun(journal: Journal, key: str = "key") -> Operation:
    reservation = await journal.operations.reserve(
        key=key,
        subject=TEXT,
        mutation="createOrder",
        fingerprint="",
        community_code=TEXT,
        reason=TEXT,
    )
    return reservation.operation


async def test_payment_with_invalid_text_is_found(journal: Journal) -> None:
    await journal.payments.receive(TEXT, "shop", "weixin", subject="platform")

    assert (await journal.payments.by_order_number([TEXT, "2"])).keys() == {STORED}
    assert await journal.payments.set_community([TEXT], "10002") == 1


async def test_announcement_with_invalid_text_is_found(journal: Journal, clock: FrozenClock) -> None:
    published = Announcement(
        platform_id=3,
        community_code=TEXT,
        title=TEXT,
        content=TEXT,
        weight=5,
        pinned=True,
        published=False,
        manager=TEXT,
        logo=None,
        images=(TEXT,),
        created_at=clock.now,
    )
    await journal.announcements.add(published)

    kept = msgspec.structs.replace(published, community_code=STORED, title=STORED, content=STORED, manager=STORED)
    assert await journal.announcements.get(TEXT, 3) == kept
    assert (await journal.announcements.list(TEXT, 0, 10)).items == (kept,)


async def test_audit_entry_with_invalid_text_is_found(journal: Journal, clock: FrozenClock) -> None:
    shown = AuditEntry(
        id=new_id(clock.now),
        at=clock.now,
        subject=TEXT,
        action=AuditAction.REVEALED,
        records=RecordRefs("Order", "10002", (TEXT,)),
        fields=("remark",),
        count=1,
        missing_scope=None,
        operation_name=TEXT,
        request_id="request",
    )
    await journal.audit.add([shown])

    records = RecordRefs("Order", "10002", (STORED,))
    kept = msgspec.structs.replace(shown, subject=STORED, records=records, operation_name=STORED)
    found = journal.audit.read(subject=TEXT, record=RecordRef("Order", "10002", TEXT))
    assert [entry async for entry in found] == [kept]


async def test_operation_with_invalid_text_stores_exact_json(journal: Journal) -> None:
    operation = await begun(journal)
    error = UserError(code="UPSTREAM_REFUSED", message=TEXT, message_zh=TEXT, upstream_message=TEXT)
    await journal.operations.mark_sent(operation.id, {"title": TEXT})
    await journal.operations.finish(operation.id, Outcome.REFUSED, answer={"number": TEXT}, user_errors=[error])

    [kept] = (await journal.operations.list(OperationQuery(communities=frozenset([TEXT])), Cut(10))).items
    assert (kept.subject, kept.reason) == (STORED, STORED)
    assert (kept.expected, kept.answer, kept.user_errors) == ({"title": TEXT}, {"number": TEXT}, (error,))
    assert (await begun(journal)).id == operation.id


async def test_recorded_returns_the_number_as_requested(journal: Journal) -> None:
    operation = await begun(journal)
    await journal.operations.finish(operation.id, Outcome.CONFIRMED, record=RecordRef("Order", "10002", TEXT))

    assert await journal.operations.recorded("Order", "10002", [TEXT, "2"]) == {TEXT}
