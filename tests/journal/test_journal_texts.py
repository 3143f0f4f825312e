"""Texts with characters that a database does not store: U+0000 and unpaired surrogates."""

import msgspec
from journal_fixtures import FrozenClock

from gateway.journal.identifiers import new_id
from gateway.journal.journal import Journal
from gateway.journal.records import Announcement, AuditAction, AuditEntry, Operation, RecordRef, RecordRefs, UserError
from gateway.normalise.states import Outcome

ANY = "\0 \ud800 门"
KEPT = "\ufffd \ufffd 门"


async def begun(journal: Journal, key: str = "key") -> Operation:
    reservation = await journal.operations.reserve(
        key=key, subject=ANY, mutation="createOrder", fingerprint="", community_code=ANY, reason=ANY
    )
    return reservation.operation


async def test_payment_with_invalid_text_is_found(journal: Journal) -> None:
    await journal.payments.receive(ANY, "shop", "weixin", subject="platform")

    assert (await journal.payments.by_order_number([ANY, "2"])).keys() == {KEPT}
    assert await journal.payments.set_community([ANY], "10002") == 1


async def test_announcement_with_invalid_text_is_found(journal: Journal, clock: FrozenClock) -> None:
    published = Announcement(
        platform_id=3,
        community_code=ANY,
        title=ANY,
        content=ANY,
        weight=5,
        pinned=True,
        published=False,
        manager=ANY,
        logo=None,
        images=(ANY,),
        created_at=clock.now,
    )
    await journal.announcements.add(published)

    kept = msgspec.structs.replace(published, community_code=KEPT, title=KEPT, content=KEPT, manager=KEPT)
    assert await journal.announcements.get(ANY, 3) == kept
    assert (await journal.announcements.list(ANY, 0, 10)).items == (kept,)


async def test_audit_entry_with_invalid_text_is_found(journal: Journal, clock: FrozenClock) -> None:
    shown = AuditEntry(
        id=new_id(clock.now),
        at=clock.now,
        subject=ANY,
        action=AuditAction.REVEALED,
        records=RecordRefs("Order", "10002", (ANY,)),
        fields=("remark",),
        count=1,
        missing_scope=None,
        operation_name=ANY,
        request_id="request",
    )
    await journal.audit.add([shown])

    records = RecordRefs("Order", "10002", (KEPT,))
    kept = msgspec.structs.replace(shown, subject=KEPT, records=records, operation_name=KEPT)
    found = journal.audit.read(subject=ANY, record=RecordRef("Order", "10002", ANY))
    assert [entry async for entry in found] == [kept]


async def test_operation_with_invalid_text_stores_exact_json(journal: Journal) -> None:
    operation = await begun(journal)
    error = UserError(code="UPSTREAM_REFUSED", message=ANY, upstream_message=ANY)
    await journal.operations.mark_sent(operation.id, {"title": ANY})
    await journal.operations.finish(operation.id, Outcome.REFUSED, answer={"number": ANY}, user_errors=[error])

    [kept] = (await journal.operations.list([ANY], 0, 10)).items
    assert (kept.subject, kept.reason) == (KEPT, KEPT)
    assert (kept.expected, kept.answer, kept.user_errors) == ({"title": ANY}, {"number": ANY}, (error,))
    assert (await begun(journal)).id == operation.id


async def test_recorded_returns_the_number_as_requested(journal: Journal) -> None:
    operation = await begun(journal)
    await journal.operations.finish(operation.id, Outcome.CONFIRMED, record=RecordRef("Order", "10002", ANY))

    assert await journal.operations.recorded("Order", "10002", [ANY, "2"]) == {ANY}
