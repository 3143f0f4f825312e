"""A journal as an earlier version of the gateway left it: rows in every table, writes and payments in each state."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, create_engine, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.journal.identifiers import new_id
from gateway.journal.sqlite import FILE_NAME
from gateway.settings import Settings

ValueT = TypeVar("ValueT")
Row = Mapping[str, Any]

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
"""When the new version starts."""

ID_KEY = "k" * 40
PENDING_REVIEWS = 1, 2
"""Of the sandbox."""

ORDER = {
    "communityCode": "10002",
    "payer": {"house": {"building": 1, "unit": 1, "floor": 1, "room": 101}},
    "title": "物业费",
    "amount": "12.30",
}
SAME_ORDER = "b62ddcdc731feffffce41bdf3e95dc3c98cc1cf320ed5826d9c6e6970499b496"
"""The fingerprint of `ORDER` under `ID_KEY`. It stands in journals, so it never changes."""

SAME_REVIEWS = (
    "f1d9f7ce0eda958701039f6e3e70a448cb67aa63df03af9a87fb5c35ea17ea14",
    "bf207cf21a317b0bf45e2729649d126db41ddc3973027873f59fa1d06c6c9867",
)
"""Those of an approval of the `PENDING_REVIEWS`."""


def ago(**duration: float) -> datetime:
    return NOW - timedelta(**duration)


def operation(key: str, state: str, began: datetime, **values: Any) -> Row:
    nothing: dict[str, Any] = dict.fromkeys(("reason", "sent_at", "finished_at", "check_at", "expected", "answer"))
    nothing |= dict.fromkeys(("record_type", "record_community_code", "record_id"))
    return {
        "id": new_id(began),
        "idempotency_key": key,
        "subject": "developer",
        "mutation": "createOrder",
        "fingerprint": SAME_ORDER,
        "community_code": "10002",
        "state": state,
        "started_at": began,
        "user_errors": [],
        **nothing,
        **values,
    }


def approval(key: str, state: str, began: datetime, which: int, **values: Any) -> Row:
    return operation(
        key,
        state,
        began,
        mutation="approveShenhe",
        fingerprint=SAME_REVIEWS[which],
        record_type="Shenhe",
        record_community_code="10002",
        record_id=str(PENDING_REVIEWS[which]),
        expected={"status": "APPROVED"},
        **values,
    )


ORDER_BEFORE = {"after": 141, "title": "物业费", "amount": "12.30", "house": [1, 1, 1, 101]}
"""What the first version noted: the title itself."""

ORDER_NUMBER = "20201213104757994399"
OPERATIONS = (
    operation(
        "confirmed",
        "CONFIRMED",
        ago(days=30),
        sent_at=ago(days=30),
        finished_at=ago(days=30),
        record_type="Order",
        record_community_code="10002",
        record_id=ORDER_NUMBER,
        expected=ORDER_BEFORE,
        answer={"orderNumber": ORDER_NUMBER},
    ),
    operation(
        "refused",
        "REFUSED",
        ago(days=20),
        finished_at=ago(days=20),
        user_errors=[
            {"code": "PERSON_NOT_FOUND", "message": "Nobody.", "field": ["payer"], "upstream_message": "查无此人"}
        ],
    ),
    operation("unknown", "UNKNOWN", ago(days=10), sent_at=ago(days=10), expected=ORDER_BEFORE),
    operation("unclear", "UNKNOWN", ago(hours=2), sent_at=ago(hours=2), check_at=ago(hours=1), expected=ORDER_BEFORE),
    approval("reserved", "RESERVED", ago(hours=1), 0),
    approval("sent", "SENT", ago(hours=1), 1, sent_at=ago(hours=1)),
)


def payment(number: str, state: str, **values: Any) -> Row:
    nothing: dict[str, Any] = dict.fromkeys(
        ("community_code", "delivered_at", "next_attempt_at", "last_error", "lease_owner", "lease_until")
    )
    return {
        "id": new_id(ago(days=1)),
        "order_number": number,
        "shop_number": "1601234567",
        "weixin_number": f"42000000{number}",
        "state": state,
        "attempts": 0,
        "received_at": ago(days=1),
        "lease_token": 1,
        **nothing,
        **values,
    }


PAYMENTS = (
    payment("queued", "QUEUED", attempts=2, next_attempt_at=ago(minutes=1), last_error="UPSTREAM_TIMEOUT"),
    payment("leased", "QUEUED", next_attempt_at=ago(hours=1), lease_owner="gateway/1", lease_until=ago(minutes=59)),
    payment("later", "QUEUED", attempts=3, next_attempt_at=NOW + timedelta(hours=1), last_error="UPSTREAM_PROTOCOL"),
    payment("delivered", "DELIVERED", attempts=1, delivered_at=ago(days=1), community_code="10002"),
    payment("dead", "DEAD", attempts=16, last_error="UPSTREAM_UNAVAILABLE"),
)
CONFLICTS = (
    {
        "payment_id": PAYMENTS[3]["id"],
        "subject": "resident-platform",
        "payload_hash": "0" * 64,
        "received_at": ago(hours=20),
    },
)
ANNOUNCEMENTS: tuple[dict[str, Any], ...] = (
    {
        "community_code": "10002",
        "platform_id": 2**31 - 1,
        "title": "停水通知",
        "content": "明日停水\n😀",
        "weight": 5,
        "pinned": True,
        "published": False,
        "manager": None,
        "logo": None,
        "images": ["https://img.example.org/1.png"],
        "created_at": ago(days=3),
    },
)
AUDIT = (
    {
        "id": new_id(ago(days=2)),
        "at": ago(days=2),
        "subject": "officer",
        "action": "REVEALED",
        "record_type": "Order",
        "record_community_code": "10002",
        "record_id": ORDER_NUMBER,
        "fields": ["house.owner.phone"],
        "count": 3,
        "missing_scope": None,
        "operation_name": "Dashboard",
        "request_id": "request",
    },
)

AUDIT_PAGES = (
    {
        **{name: value for name, value in AUDIT[0].items() if name != "record_id"},
        "record_ids": [ORDER_NUMBER, "1"],
    },
)

OPERATIONS_WITH_STEPS = (
    *OPERATIONS,
    operation(
        "read back",
        "UNKNOWN",
        ago(days=9),
        sent_at=ago(days=9),
        unknown_at=ago(days=9),
        read_backs=[ago(days=8).isoformat()],
        expected=ORDER_BEFORE,
    ),
)

EVENTS: Mapping[str, tuple[Row, ...]] = {
    "events": (
        {
            "id": new_id(ago(hours=1)),
            "sequence": 7,
            "at": ago(hours=1),
            "topic": "shenhe.changed",
            "community_code": "10002",
            "audience": None,
            "record_id": "1",
            "kind": "DECIDED",
            "status": "APPROVED",
            "written": True,
            "missed": False,
        },
    ),
    "event_sequence": ({"id": 1, "epoch": "0123456789ab", "last": 7, "forgotten": 3},),
    "gateways": ({"id": "gateway", "alive_until": ago(minutes=1)},),
    "watches": (
        {
            "topic": "shenhe.changed",
            "community_code": "10002",
            "gateway_id": "gateway",
            "begun": True,
            "wanted_until": ago(minutes=1),
        },
    ),
}

UNVERIFIED: tuple[Row, ...] = (
    {
        "id": new_id(ago(minutes=1)),
        "order_number": "6",
        "shop_number": "1600000006",
        "weixin_number": "4200000006",
        "received_at": ago(minutes=1),
    },
)

ROWS: Mapping[str, Mapping[str, tuple[Row, ...]]] = {
    "0001": {
        "operations": OPERATIONS,
        "payments": PAYMENTS,
        "payment_conflicts": CONFLICTS,
        "announcements": ANNOUNCEMENTS,
    },
    "0002": {"audit": AUDIT},
    "0003": {},
    "0004": {},
    "0005": {"audit": AUDIT_PAGES},
    "0006": {"operations": OPERATIONS_WITH_STEPS},
    "0007": {},
    "0008": EVENTS,
    "0009": {"unverified_notifications": UNVERIFIED},
}
"""By the first version that wrote them so."""


def rows_written_by(version: str) -> dict[str, tuple[Row, ...]]:
    """What a journal of this version may hold, by table."""
    return {name: rows for since, tables in ROWS.items() if since <= version for name, rows in tables.items()}


async def on_database(settings: Settings, work: Callable[[Connection], ValueT]) -> ValueT:
    """Do this in a transaction in the journal's database, past the gateway."""
    if settings.database_url:
        engine = create_async_engine(settings.database_url.replace("postgresql://", "postgresql+asyncpg://"))
        async with engine.begin() as connection:
            value = await connection.run_sync(work)
        await engine.dispose()
        return value

    def in_file() -> ValueT:
        settings.data_dir.mkdir(mode=0o700, exist_ok=True)
        engine = create_engine(f"sqlite:///{settings.data_dir / FILE_NAME}")
        with engine.begin() as connection:
            value = work(connection)
        engine.dispose()
        return value

    return await asyncio.to_thread(in_file)


async def create_old_journal(settings: Settings, version: str) -> None:
    """Make the journal of this version, with all the rows that one can have written."""

    def work(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", "gateway.journal:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, version)
        tables = MetaData()
        tables.reflect(connection)
        for name, rows in rows_written_by(version).items():
            connection.execute(tables.tables[name].insert(), list(rows))

    await on_database(settings, work)


def all_rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Of all tables that have any, as the database itself has them, but for what is null."""
    found = {}
    for name in inspect(connection).get_table_names():
        rows = connection.execute(text(f"SELECT * FROM {name}")).mappings()  # noqa: S608 # of its own
        held = [{column: value for column, value in row.items() if value is not None} for row in rows]
        if held:
            found[name] = sorted(held, key=repr)
    return found
