"""Texts with characters that a database does not store: U+0000 and unpaired surrogates."""

from typing import Any

import msgspec
from journal_fixtures import make_announcement, make_entry, reserve
from standing_clock import FrozenClock

from gateway.journal.audit import AuditQuery
from gateway.journal.journal import Journal
from gateway.journal.listing import OperationQuery
from gateway.journal.records import Operation, RecordRef, RecordRefs, UserError
from gateway.normalise.vocabulary import Outcome

TEXT = "\0 \ud800 门"
STORED = "\ufffd \ufffd 门"


async def begun(journal: Journal) -> Operation:
    texts = dict.fromkeys(("subject", "community_code", "reason"), TEXT)
    operation, _ = await reserve(journal.operations, key="key", mutation="createOrder", **texts)
    return operation


async def test_payment_with_invalid_text_is_found(journal: Journal) -> None:
    await journal.payments.receive(TEXT, "shop", "weixin", subject="platform")

    assert (await journal.payments.by_order_number([TEXT, "2"])).keys() == {STORED}
    await journal.payments.set_community([TEXT], "10002")
    assert await journal.payments.order_numbers("10002", 1) == {STORED}


async def test_announcement_with_invalid_text_is_found(journal: Journal, clock: FrozenClock) -> None:
    texts = dict.fromkeys(("community_code", "title", "content", "manager"), TEXT)
    published = make_announcement(clock.now, images=(TEXT,), **texts)
    await journal.announcements.add(published)

    kept = msgspec.structs.replace(published, **dict.fromkeys(texts, STORED))
    assert await journal.announcements.by_number(TEXT, 3) == kept
    assert (await journal.announcements.part(TEXT, 0, 10))[0] == (kept,)


async def test_audit_entry_with_invalid_text_is_found(journal: Journal, clock: FrozenClock) -> None:
    records = RecordRefs("Order", "10002", (TEXT,))
    shown = make_entry(clock.now, subject=TEXT, records=records, operation_name=TEXT)
    await journal.audit.add([shown])

    records = RecordRefs("Order", "10002", (STORED,))
    kept = msgspec.structs.replace(shown, subject=STORED, records=records, operation_name=STORED)
    found = journal.audit.entries(AuditQuery(subject=TEXT, record=RecordRef("Order", "10002", TEXT)))
    assert [entry async for entry in found] == [kept]


async def test_operation_with_invalid_text_is_found_and_its_json_exact(journal: Journal) -> None:
    operation = await begun(journal)
    await journal.operations.mark_sent(operation, {"title": TEXT})
    error = UserError(code="UPSTREAM_REFUSED", message=TEXT, message_zh=TEXT, upstream_message=TEXT)
    written: dict[str, Any] = {
        "record": RecordRef("Order", "10002", TEXT),
        "answer": {"number": TEXT},
        "user_errors": [error],
    }
    await journal.operations.finish(operation.id, Outcome.CONFIRMED, **written)

    [kept] = (await journal.operations.list(OperationQuery(communities=frozenset([TEXT])), 10)).items
    assert (kept.subject, kept.reason) == (STORED, STORED)
    assert (kept.expected, kept.answer, kept.user_errors) == ({"title": TEXT}, {"number": TEXT}, (error,))
    assert (await begun(journal)).id == operation.id
    assert await journal.operations.recorded("Order", "10002", [TEXT, "2"]) == {TEXT}
