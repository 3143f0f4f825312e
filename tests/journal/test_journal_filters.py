"""Filters of operations, payments and reveals, and histories, against the rows themselves."""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from journal_fixtures import make_entry
from sqlalchemy import Connection, Table, insert

from gateway.journal.audit import AuditQuery
from gateway.journal.journal import Journal
from gateway.journal.listing import OperationQuery, PaymentQuery
from gateway.journal.operations import LONGEST_HISTORY
from gateway.journal.records import AuditAction, AuditEntry, RecordRef, RecordRefs, new_id
from gateway.journal.tables import operations, payment_conflicts, payments
from gateway.normalise.vocabulary import DeliveryState, Outcome

Row = Mapping[str, Any]
Filters = Mapping[str, tuple[Mapping[str, Any], Callable[[Any], bool]]]

ROWS = 600
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MIDDLE = BEGIN + timedelta(seconds=ROWS / 2)
CODES = ("10001", "10002", "10003", None)
COMMUNITIES = (None, frozenset(["10002"]), frozenset(["10001", "10003"]), frozenset(["of nobody"]), frozenset[str]())
SUBJECTS = ("an", "bo", "chen")
KINDS = {"updateRepair": "Repair", "setModule": "Module", "syncModules": "Community"}


def operation(chance: random.Random, at: datetime) -> Row:
    """On one of two hundred reviews and repairs, and of modules, each written several times."""
    mutation = chance.choice(("approveShenhe", "rejectShenhe", *KINDS))
    kind, module = KINDS.get(mutation, "Shenhe"), chance.choice(("REPAIRS", "COMPLAINTS"))
    code = chance.choice(CODES[:3] if kind in ("Module", "Community") else CODES)
    state = chance.choice(("CONFIRMED", "CONFIRMED", "CONFIRMED", "REFUSED", "SENT"))
    return {
        "id": new_id(at),
        "idempotency_key": None,
        "subject": chance.choice(SUBJECTS),
        "mutation": mutation,
        "fingerprint": "f",
        "community_code": code,
        "state": state,
        "started_at": at,
        "sent_at": at,
        "finished_at": None if state == "SENT" else at,
        "record_type": kind,
        "record_community_code": code,
        "record_id": {"Module": module, "Community": code}.get(kind, str(chance.randrange(200))),
        "expected": {"modules": {module: True}} if kind == "Community" else None,
        "user_errors": [],
        "read_backs": [],
    }


def payment(chance: random.Random, at: datetime) -> Row:
    state, number = chance.choice(("DEAD", "DELIVERED", "DELIVERED")), f"{at:%H%M%S}"
    return {
        "id": new_id(at),
        **dict.fromkeys(("order_number", "shop_number", "weixin_number"), number),
        "community_code": chance.choice(CODES),
        "state": state,
        "attempts": 1,
        "received_at": at,
        "delivered_at": at if state == "DELIVERED" else None,
        "lease_token": 1,
    }


def conflict(paid: Row) -> Row:
    columns = ("received_at", "order_number", "shop_number", "weixin_number")
    return {"payment_id": paid["id"], "subject": "s", "payload_hash": "0", **{name: paid[name] for name in columns}}


def entry(chance: random.Random, at: datetime) -> AuditEntry:
    """A page of reviews, or a denial, which is no reveal."""
    if chance.random() < 0.1:
        return make_entry(at, action=AuditAction.DENIED, records=None, missing_scope="people:read")
    ids = tuple(map(str, chance.sample(range(100), chance.randrange(1, 6))))
    return make_entry(at, subject=chance.choice(SUBJECTS), records=RecordRefs("Shenhe", chance.choice(CODES), ids))


async def fill(journal: Journal, table: Table, rows: Sequence[Row]) -> None:
    def work(connection: Connection) -> None:
        connection.execute(insert(table), rows)

    await journal.database.write(work)


def made(make: Callable[[random.Random, datetime], Any]) -> list[Any]:
    """The same each time, newest first."""
    chance = random.Random(18)
    return [make(chance, BEGIN + timedelta(seconds=number)) for number in range(ROWS)][::-1]


def since(time: str) -> Filters:
    """Filters by the time in this column, and none."""
    return {
        "since": ({"since": MIDDLE}, lambda row: row[time] >= MIDDLE),
        "until": ({"until": MIDDLE}, lambda row: row[time] < MIDDLE),
        "nothing": ({}, lambda _row: True),
    }


OPERATION_FILTERS: Filters = since("started_at") | {
    "outcome": ({"outcome": Outcome.REFUSED}, lambda row: row["state"] == "REFUSED"),
    "mutation": ({"mutations": ("setModule",)}, lambda row: row["mutation"] == "setModule"),
    "mutations": ({"mutations": tuple(KINDS)}, lambda row: row["mutation"] in KINDS),
    "no mutation": ({"mutations": ()}, lambda _row: False),
    "subject": ({"subject": "bo"}, lambda row: row["subject"] == "bo"),
    "record": (
        {"record": RecordRef("Shenhe", "10002", "7")},
        lambda row: (
            (row["record_type"], row["record_id"]) == ("Shenhe", "7") and row["community_code"] in ("10002", None)
        ),
    ),
    "all": (
        {"outcome": Outcome.CONFIRMED, "mutations": ("updateRepair", "setModule"), "subject": "an", "since": MIDDLE},
        lambda row: (
            (row["state"], row["subject"]) == ("CONFIRMED", "an")
            and row["mutation"] in ("updateRepair", "setModule")
            and row["started_at"] >= MIDDLE
        ),
    ),
}
PAYMENT_FILTERS: Filters = since("received_at") | {
    "state": ({"state": DeliveryState.DEAD}, lambda row: row["state"] == "DEAD"),
    "conflicting": ({"conflicting": True}, lambda row: row["received_at"].second == 0),
    "not conflicting": ({"conflicting": False}, lambda row: row["received_at"].second != 0),
    "order number": ({"order_number": "000017"}, lambda row: row["order_number"] == "000017"),
    "all": (
        {"state": DeliveryState.DEAD, "conflicting": False, "until": MIDDLE},
        lambda row: row["state"] == "DEAD" and row["received_at"].second != 0 and row["received_at"] < MIDDLE,
    ),
}


async def test_operations_and_payments_are_filtered_as_asked(journal: Journal) -> None:
    written, paid = made(operation), made(payment)
    await fill(journal, operations, written)
    await fill(journal, payments, paid)
    await fill(journal, payment_conflicts, [conflict(row) for row in paid if row["received_at"].second == 0])
    lists: Any = (
        (journal.operations, OperationQuery, written, OPERATION_FILTERS),
        (journal.payments, PaymentQuery, paid, PAYMENT_FILTERS),
    )
    for kept, make, rows, filters in lists:
        for (name, (given, wanted)), communities in product(filters.items(), COMMUNITIES):
            query, asked = make(communities=communities, **given), (name, communities)
            matching = [row for row in rows if wanted(row)]
            ids = [row["id"] for row in matching if communities is None or row["community_code"] in communities]

            for limit, offset, after in (
                (7, 0, None),
                (7, 5, None),
                (7, 0, (ids[6:7] or [None])[0]),
                (len(ids) or 1, 0, None),
            ):
                start = offset if after is None else 7
                found = await kept.list(query, limit, offset, after)
                assert [item.id for item in found.items] == ids[start : start + limit], asked
                assert found.has_more is (len(ids) > start + limit), asked
            assert await kept.count(query) == len(ids), asked


REVEAL_FILTERS: Filters = {
    "subject": ({"subject": "bo"}, lambda it: it.subject == "bo"),
    "record": (
        {"record": RecordRef("Shenhe", "10002", "7")},
        lambda it: it.record.platform_id == "7" and it.record.community_code in ("10002", None),
    ),
    "record of any community": ({"record": RecordRef("Shenhe", None, "7")}, lambda it: it.record.platform_id == "7"),
    "hash": ({"record": "7"}, lambda it: it.record.platform_id == "7"),
    "since": ({"since": MIDDLE}, lambda it: it.at >= MIDDLE),
    "until": ({"until": MIDDLE}, lambda it: it.at < MIDDLE),
}


async def test_reveals_are_one_for_each_record_of_a_page(journal: Journal) -> None:
    entries = made(entry)[: ROWS // 4] + made(entry)[-ROWS // 4 :]
    await journal.audit.add(entries)
    shown = (await journal.audit.reveals(AuditQuery(), 10 * ROWS)).items
    assert [(it.at, it.record and it.record.platform_id) for it in shown] == [
        (each.at, id_) for each in entries if each.records is not None for id_ in each.records.platform_ids
    ]
    for (name, (given, wanted)), communities in product(REVEAL_FILTERS.items(), COMMUNITIES):
        query = AuditQuery(communities=communities, **given)
        matching = [it for it in shown if wanted(it)]
        expected = [it for it in matching if communities is None or it.record.community_code in communities]

        found, place, more = [], None, True
        while more:
            part = await journal.audit.reveals(query, 9, place)
            found += part.items
            more, place = part.has_more, part.items[-1].key if part.items else None
            assert len(part.items) == 9 or not more
        assert found == expected, (name, communities)
        assert await journal.audit.count_reveals(query) == len(expected), (name, communities)


async def test_histories_hold_the_newest_operations_on_each_record(journal: Journal) -> None:
    rows = made(operation)
    often = next(row for row in rows if row["record_type"] == "Module" and row["community_code"] == "10001")
    newest = [often | {"id": new_id(BEGIN + timedelta(days=1, seconds=n))} for n in range(LONGEST_HISTORY + 10)]
    rows = newest[::-1] + rows
    await fill(journal, operations, rows)

    def ids(record: RecordRef) -> list[str]:
        on_it = [
            row["id"]
            for row in rows
            if (row["record_type"], row["record_id"]) == (record.type, record.platform_id)
            or (row["mutation"] == "syncModules" and record.platform_id in row["expected"]["modules"])
            if record.community_code is None or row["community_code"] in (record.community_code, None)
        ]
        return on_it[:LONGEST_HISTORY]

    asked = [RecordRef("Shenhe", code, str(number)) for number in range(40) for code in ("10001", "10002", None)]
    asked += [RecordRef("Module", "10001", name) for name in ("REPAIRS", "COMPLAINTS", "HEALTH")]
    found = await journal.operations.histories(asked)

    assert [[operation.id for operation in each] for each in found] == list(map(ids, asked))
    assert sum(map(bool, found)) > 30
    assert max(map(len, found)) == LONGEST_HISTORY
    assert await journal.operations.histories([]) == []
