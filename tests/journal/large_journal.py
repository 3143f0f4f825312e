"""A journal of some thousand made-up rows of every kind."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from journal_fixtures import make_entry
from sqlalchemy import Connection, Insert, insert

from gateway.journal.journal import Journal
from gateway.journal.records import AuditAction, AuditEntry, RecordRefs, new_id
from gateway.journal.tables import operations, payment_conflicts, payments

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
RARE = 5
"""So many rows, the oldest, have a subject, a mutation and an outcome of their own."""

COMMUNITIES = ("10001", "10002", "10003", None)
MUTATIONS = ("approveShenhe", "rejectShenhe", "updateRepair", "setModule", "syncModules")
SUBJECTS = ("an", "bo", "chen")
ROWS = 2000


def operation_rows(count: int) -> list[dict[str, Any]]:
    """About two hundred reviews and repairs, and modules, each written several times."""
    chance = random.Random(18)  # the same rows each time
    return [_operation(chance, number) for number in range(count)]


def _operation(chance: random.Random, number: int) -> dict[str, Any]:
    at, is_rare = BEGIN + timedelta(seconds=number), number < RARE
    code, mutation = chance.choice(COMMUNITIES), chance.choice(MUTATIONS)
    kind = {"updateRepair": "Repair", "setModule": "Module", "syncModules": "Community"}.get(mutation, "Shenhe")
    if kind in ("Module", "Community"):
        code = code or "10001"
    record = {"Module": chance.choice(("REPAIRS", "COMPLAINTS")), "Community": code}.get(kind, str(number % 200))
    state = "UNKNOWN" if is_rare else chance.choice(("CONFIRMED", "CONFIRMED", "CONFIRMED", "REFUSED", "SENT"))
    expected = {"modules": {chance.choice(("REPAIRS", "COMPLAINTS")): True}} if kind == "Community" else None
    return {
        "id": new_id(at),
        "idempotency_key": None,
        "subject": "zhou" if is_rare else chance.choice(SUBJECTS),
        "mutation": "retryPayment" if is_rare else mutation,
        "fingerprint": "f",
        "community_code": code,
        "state": state,
        "started_at": at,
        "sent_at": at,
        "finished_at": at if state in ("CONFIRMED", "REFUSED") else None,
        "record_type": kind,
        "record_community_code": code,
        "record_id": record,
        "expected": expected,
        "user_errors": [],
        "read_backs": [],
    }


def payment_rows(count: int) -> list[dict[str, Any]]:
    chance = random.Random(2)
    rows = []
    for number in range(count):
        at, state = BEGIN + timedelta(seconds=number), "DEAD" if number % 40 == 3 else "DELIVERED"
        code = chance.choice(COMMUNITIES)
        rows.append(
            {
                "id": new_id(at),
                "order_number": f"{number:020}",
                "shop_number": "1",
                "weixin_number": f"{number:028}",
                "community_code": code,
                "state": state,
                "attempts": 1,
                "received_at": at,
                "delivered_at": at if state == "DELIVERED" else None,
                "lease_token": 1,
            }
        )
    return rows


def audit_entries(count: int) -> list[AuditEntry]:
    """Pages of reviews, and denials, which are no reveals."""
    chance = random.Random(3)
    entries = []
    for number in range(count):
        at, denied = BEGIN + timedelta(seconds=number), chance.random() < 0.1
        ids = [str(chance.randrange(300)) for _ in range(chance.randrange(1, 6))]
        entries.append(
            make_entry(
                at,
                subject="zhou" if number < RARE else chance.choice(SUBJECTS),
                action=AuditAction.DENIED if denied else AuditAction.REVEALED,
                records=None if denied else RecordRefs("Shenhe", chance.choice(COMMUNITIES), tuple(dict.fromkeys(ids))),
                missing_scope="people:read" if denied else None,
                request_id=f"request-{number}",
            )
        )
    return entries


def _execute(statement: Insert, rows: list[dict[str, Any]], connection: Connection) -> None:
    connection.execute(statement, rows)


async def fill(journal: Journal, count: int = ROWS) -> None:
    paid = payment_rows(count)
    conflicts = [
        {
            "payment_id": row["id"],
            "subject": "platform",
            "payload_hash": "0" * 64,
            "received_at": row["received_at"],
            "order_number": row["order_number"],
            "shop_number": "2",
            "weixin_number": row["weixin_number"],
        }
        for row in paid[::50]
    ]

    for table, rows in (
        (operations, operation_rows(count)),
        (payments, paid),
        (payment_conflicts, conflicts),
    ):
        for start in range(0, len(rows), 200):
            statement, batch = insert(table), rows[start : start + 200]
            await journal.database.write(partial(_execute, statement, batch))
    await journal.audit.add(audit_entries(count // 5))


def newest_first(rows: Sequence[dict[str, Any]]) -> list[str]:
    return sorted((row["id"] for row in rows), reverse=True)
