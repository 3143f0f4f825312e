"""Filters of operations, payments and reveals, and histories, against the rows themselves."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from itertools import product
from operator import attrgetter
from typing import Any

import pytest
from large_journal import BEGIN, audit_entries, fill, newest_first, operation_rows, payment_rows
from sqlalchemy import Connection, insert

from gateway.journal.audit import AuditQuery
from gateway.journal.journal import Journal
from gateway.journal.listing import Cut, OperationQuery, PaymentQuery
from gateway.journal.operations import LONGEST_HISTORY, HistoryKey
from gateway.journal.records import RecordRef, RecordRefs
from gateway.journal.tables import operations
from gateway.normalise.vocabulary import DeliveryState, Outcome

ROWS = 600
MIDDLE = BEGIN + timedelta(seconds=ROWS / 2)
EVERYWHERE = None
TWO = frozenset(["10001", "10003"])
COMMUNITIES = (EVERYWHERE, frozenset(["10002"]), TWO, frozenset(["of nobody"]), frozenset[str]())


@pytest.fixture
async def filled(journal: Journal) -> Journal:
    await fill(journal, ROWS)
    return journal


async def identified(rows, make):
    """The rows with the ids that they have in the journal: each is told by its time."""
    ids = {item.started_at if hasattr(item, "started_at") else item.received_at: item.id for item in make}
    return [row | {"id": ids[row.get("started_at", row.get("received_at"))]} for row in rows]


Filters = Mapping[str, tuple[Mapping[str, Any], Callable[..., bool]]]

OPERATION_FILTERS: Filters = {
    "outcome": ({"outcome": Outcome.REFUSED}, lambda row: row["state"] == "REFUSED"),
    "mutation": ({"mutations": ("setModule",)}, lambda row: row["mutation"] == "setModule"),
    "mutations": (
        {"mutations": ("setModule", "approveShenhe")},
        lambda row: row["mutation"] in ("setModule", "approveShenhe"),
    ),
    "no mutation": ({"mutations": ()}, lambda _row: False),
    "subject": ({"subject": "bo"}, lambda row: row["subject"] == "bo"),
    "record": (
        {"records": RecordRefs("Shenhe", "10002", ("7",))},
        lambda row: (
            (row["record_type"], row["record_id"]) == ("Shenhe", "7") and row["community_code"] in ("10002", None)
        ),
    ),
    "since": ({"since": MIDDLE}, lambda row: row["started_at"] >= MIDDLE),
    "until": ({"until": MIDDLE}, lambda row: row["started_at"] < MIDDLE),
    "all": (
        {"outcome": Outcome.CONFIRMED, "mutations": ("updateRepair", "setModule"), "subject": "an", "since": MIDDLE},
        lambda row: (
            row["state"] == "CONFIRMED"
            and row["mutation"] in ("updateRepair", "setModule")
            and row["subject"] == "an"
            and row["started_at"] >= MIDDLE
        ),
    ),
    "nothing": ({}, lambda _row: True),
}


def visible(row, communities) -> bool:
    return communities is None or row["community_code"] in communities


async def test_operations_are_filtered_as_asked(filled: Journal) -> None:
    everything = (await filled.operations.list(OperationQuery(), Cut(ROWS))).items
    rows = await identified(operation_rows(ROWS), everything)

    for name, communities in product(OPERATION_FILTERS, COMMUNITIES):
        given, wanted = OPERATION_FILTERS[name]
        query = OperationQuery(communities=communities, **given)
        expected = newest_first([row for row in rows if wanted(row) and visible(row, communities)])

        found = await filled.operations.list(query, Cut(7))
        assert [item.id for item in found.items] == expected[:7], (name, communities)
        assert found.has_more is (len(expected) > 7)
        assert await filled.operations.count(query) == len(expected)
        shifted = await filled.operations.list(query, Cut(7, 5))
        assert [item.id for item in shifted.items] == expected[5:12], (name, communities)
        if len(expected) > 7:
            after = await filled.operations.list(query, Cut(7, after=expected[6]))
            assert [item.id for item in after.items] == expected[7:14], (name, communities)


PAYMENT_FILTERS: Filters = {
    "state": ({"state": DeliveryState.DEAD}, lambda _at, row: row["state"] == "DEAD"),
    "conflicting": ({"conflicting": True}, lambda at, _row: at % 50 == 0),
    "not conflicting": ({"conflicting": False}, lambda at, _row: at % 50 != 0),
    "order number": ({"order_number": f"{17:020}"}, lambda at, _row: at == 17),
    "since": ({"since": MIDDLE}, lambda _at, row: row["received_at"] >= MIDDLE),
    "until": ({"until": MIDDLE}, lambda _at, row: row["received_at"] < MIDDLE),
    "all": (
        {"state": DeliveryState.DEAD, "conflicting": False, "until": MIDDLE},
        lambda at, row: row["state"] == "DEAD" and at % 50 != 0 and row["received_at"] < MIDDLE,
    ),
    "nothing": ({}, lambda _at, _row: True),
}


async def test_payments_are_filtered_as_asked(filled: Journal) -> None:
    everything = (await filled.payments.list(PaymentQuery(), Cut(ROWS))).items
    rows = await identified(payment_rows(ROWS), everything)

    for name, communities in product(PAYMENT_FILTERS, COMMUNITIES):
        given, wanted = PAYMENT_FILTERS[name]
        query = PaymentQuery(communities=communities, **given)
        expected = newest_first([row for at, row in enumerate(rows) if wanted(at, row) and visible(row, communities)])

        found = await filled.payments.list(query, Cut(7, 3))
        assert [item.id for item in found.items] == expected[3:10], (name, communities)
        assert await filled.payments.count(query) == len(expected)


REVEAL_FILTERS: Filters = {
    "subject": ({"subject": "bo"}, lambda entry, _id: entry.subject == "bo"),
    "record": (
        {"record": RecordRef("Shenhe", "10002", "7")},
        lambda entry, id_: id_ == "7" and entry.records.community_code in ("10002", None),
    ),
    "record of any community": ({"record": RecordRef("Shenhe", None, "7")}, lambda _entry, id_: id_ == "7"),
    "hash": ({"record": "7"}, lambda _entry, id_: id_ == "7"),
    "since": ({"since": MIDDLE}, lambda entry, _id: entry.at >= MIDDLE),
    "until": ({"until": MIDDLE}, lambda entry, _id: entry.at < MIDDLE),
    "nothing": ({}, lambda _entry, _id: True),
}


async def test_reveals_are_one_for_each_record_of_a_page(filled: Journal) -> None:
    entries = [entry for entry in audit_entries(ROWS // 5) if entry.records is not None]
    for name, communities in product(REVEAL_FILTERS, COMMUNITIES):
        given, wanted = REVEAL_FILTERS[name]
        query = AuditQuery(communities=communities, **given)
        expected = [
            (entry.at, each)
            for entry in sorted(entries, key=attrgetter("at"), reverse=True)
            if communities is None or entry.records.community_code in communities
            for each in entry.records.platform_ids
            if wanted(entry, each)
        ]

        shown, place, more = [], None, True
        while more:
            found = await filled.audit.reveals(query, 9, place)
            shown += [(reveal.at, reveal.record.platform_id) for reveal in found.items]
            more = found.has_more
            assert len(found.items) == 9 or not more
            place = found.items[-1].place if found.items else None
        assert shown == expected, (name, communities)
        assert await filled.audit.count_reveals(query) == len(expected), (name, communities)


async def test_histories_hold_the_operations_on_each_record(filled: Journal) -> None:
    everything = (await filled.operations.list(OperationQuery(), Cut(ROWS))).items
    rows = await identified(operation_rows(ROWS), everything)

    def of(kind, code, id_):
        return [
            row
            for row in rows
            if (row["record_type"], row["record_id"]) == (kind, id_)
            and (code is None or row["record_community_code"] in (code, None))
        ]

    def switched(code, name):
        return [
            row
            for row in rows
            if row["mutation"] == "syncModules" and row["community_code"] == code and name in row["expected"]["modules"]
        ]

    asked = [HistoryKey("Shenhe", code, (str(number),)) for number in range(20) for code in ("10001", "10002", None)]
    asked += [HistoryKey("Repair", "10001", (str(number),)) for number in range(20)]
    expected = [newest_first(of(key.type, key.community_code, key.platform_ids[0])) for key in asked]
    modules = [HistoryKey("Module", "10001", (name, "报修"), name) for name in ("REPAIRS", "COMPLAINTS", "HEALTH")]
    expected += [
        newest_first([*of("Module", "10001", key.module), *switched("10001", key.module)])[:LONGEST_HISTORY]
        for key in modules
    ]

    found = await filled.operations.histories([*asked, *modules])

    assert [[operation.id for operation in each] for each in found] == expected
    assert sum(map(bool, found)) > 30
    assert await filled.operations.histories([]) == []


async def test_history_is_limited_to_the_newest(journal: Journal) -> None:
    [row] = [row for row in operation_rows(50) if row["record_type"] == "Shenhe" and row["community_code"]][:1]
    rows = [row | {"id": f"{number:036}"} for number in range(LONGEST_HISTORY + 10)]

    def work(connection: Connection) -> None:
        connection.execute(insert(operations), rows)

    await journal.database.write(work)
    [found] = await journal.operations.histories([HistoryKey("Shenhe", row["community_code"], (row["record_id"],))])

    assert [operation.id for operation in found] == newest_first(rows)[:LONGEST_HISTORY]
