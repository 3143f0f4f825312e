"""The tables of the journal, the same on SQLite and PostgreSQL. `migrations/` brings a database to this shape."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from types import UnionType
from typing import Any, get_args

import msgspec
import sqlalchemy as sa
from msgspec.structs import fields
from sqlalchemy import CheckConstraint, Column, Index, Table, UniqueConstraint
from sqlalchemy.dialects import sqlite

from gateway.journal.records import Announcement, AuditAction, NewEvent, Operation, Payment, PaymentConflict, RecordRef
from gateway.normalise.vocabulary import DeliveryState, OperationState

_SQLITE_TIME = sqlite.DATETIME(  # type: ignore[no-untyped-call] # it has no annotations
    "%(year)04d-%(month)02d-%(day)02d %(hour)02d:%(minute)02d:%(second)02d.%(microsecond)06dZ"
)
UTC_TIME: sa.types.TypeEngine[datetime] = sa.DateTime(timezone=True).with_variant(_SQLITE_TIME, "sqlite")
"""A time in UTC, as what is given has to be: SQLite keeps its digits alone, and a Z by which they are read as UTC."""

_NOT_STORED = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """The text as the journal keeps it: U+FFFD in place of U+0000, which PostgreSQL has not, and of half surrogates."""
    return text if text.isprintable() else _NOT_STORED.sub("\ufffd", text)  # the look takes a tenth of the search


class StoredText(sa.TypeDecorator[str]):
    """Any text, from whomever: no character of it keeps a row from being written, or from being looked for."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return value if value is None or value.isprintable() else storable(value)  # the look saves a call


def _one_of(column: str, members: Iterable[StrEnum]) -> CheckConstraint:
    words = ", ".join(f"'{member.value}'" for member in members)
    return CheckConstraint(f"{column} IN ({words})", name=column)


def _indexes(*columns: str) -> list[Index]:
    """An index of each group of columns, named by the convention of `metadata`."""
    return [Index(None, *names.split()) for names in columns]


def _where(condition: str) -> dict[str, Any]:
    """The rows that a partial index has."""
    return dict.fromkeys(("postgresql_where", "sqlite_where"), sa.text(condition))


_JSON = sa.JSON(none_as_null=True)
_TYPES: Mapping[Any, Any] = {str: StoredText, int: sa.BigInteger, bool: sa.Boolean, datetime: UTC_TIME}


def _columns(struct: type[msgspec.Struct], own: str = "") -> Iterator[Column[Any]]:
    """The columns of a record's fields, by their types: three of a RecordRef, JSON of what has no type of its own.
    `own` names those whose text is the gateway's own, and needs no look.
    """
    for field in fields(struct):
        is_optional = isinstance(field.type, UnionType)
        kind = get_args(field.type)[0] if is_optional else field.type
        if field.name == "id":
            yield Column("id", sa.String(36), primary_key=True)
        elif kind is RecordRef:
            for part in ("type", "community_code", "id"):
                yield Column(f"{field.name}_{part}", sa.Text if part == "type" else StoredText)
        else:
            is_own = field.name in own.split() or (isinstance(kind, type) and issubclass(kind, StrEnum))
            yield Column(field.name, sa.Text if is_own else _TYPES.get(kind, _JSON), nullable=is_optional)


metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

operations = Table(
    "operations",
    metadata,
    *_columns(Operation, own="idempotency_key mutation fingerprint"),
    UniqueConstraint("subject", "idempotency_key"),
    _one_of("state", (state for state in OperationState if state is not OperationState.READ_BACK)),
    CheckConstraint("state NOT IN ('SENT', 'UNKNOWN') OR sent_at IS NOT NULL", name="sent"),
    CheckConstraint("(state IN ('CONFIRMED', 'REFUSED')) = (finished_at IS NOT NULL)", name="finished"),
    CheckConstraint("check_at IS NULL OR state = 'UNKNOWN'", name="check"),
    CheckConstraint("(record_type IS NULL) = (record_id IS NULL)", name="record"),
    *_indexes("community_code id", "mutation id", "state id", "subject id"),
    *_indexes("community_code mutation id", "community_code state id", "community_code subject id"),
    Index("ix_operations_record_id", "record_type", "record_id", "record_community_code", "id"),
    Index("ix_operations_unresolved", "state", "started_at", **_where("state IN ('RESERVED', 'SENT', 'UNKNOWN')")),
)

payments = Table(
    "payments",
    metadata,
    *_columns(Payment),
    UniqueConstraint("order_number"),
    UniqueConstraint("weixin_number"),
    _one_of("state", DeliveryState),
    CheckConstraint("order_number <> '' AND weixin_number <> ''", name="numbers"),
    CheckConstraint("attempts >= 0", name="attempts"),
    CheckConstraint("(state = 'DELIVERED') = (delivered_at IS NOT NULL)", name="delivered"),
    CheckConstraint("(state = 'QUEUED') = (next_attempt_at IS NOT NULL)", name="queued"),
    CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease"),
    CheckConstraint("lease_until IS NULL OR state = 'QUEUED'", name="leased"),
    *_indexes("community_code id", "state next_attempt_at", "state id", "community_code state id"),
)

payment_conflicts = Table(
    "payment_conflicts",
    metadata,
    *_columns(PaymentConflict),
    sa.PrimaryKeyConstraint("payment_id", "subject", "payload_hash"),
    sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], ondelete="CASCADE"),
)

unverified_notifications = Table(
    "unverified_notifications",
    metadata,
    Column("id", sa.String(36), primary_key=True),
    Column("order_number", StoredText, nullable=False),
    Column("shop_number", StoredText, nullable=False),
    Column("weixin_number", StoredText, nullable=False),
    Column("token", sa.String(64), nullable=False),
    Column("received_at", UTC_TIME, nullable=False),
    *_indexes("token", "received_at"),
)

accepted_tokens = Table(
    "accepted_tokens",
    metadata,
    Column("digest", sa.String(64), primary_key=True),
    Column("accepted_at", UTC_TIME, nullable=False),
)
"""Keyed digests of the tokens of notifications that the security platform took."""

announcements = Table(
    "announcements",
    metadata,
    *_columns(Announcement),
    UniqueConstraint("community_code", "platform_id"),
    *_indexes("community_code id"),
)

audit = Table(
    "audit",
    metadata,
    Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("id", sa.String(36), nullable=False, unique=True),
    Column("at", UTC_TIME, nullable=False),
    Column("subject", StoredText, nullable=False),
    Column("action", StoredText, nullable=False),
    Column("record_type", StoredText),
    Column("record_community_code", StoredText),
    Column("record_ids", sa.Text),
    Column("fields", sa.Text, nullable=False),
    Column("count", sa.Integer, nullable=False),
    Column("missing_scope", StoredText),
    Column("operation_name", StoredText),
    Column("request_id", StoredText, nullable=False),
    _one_of("action", AuditAction),
    CheckConstraint("(record_type IS NULL) = (record_ids IS NULL)", name="records"),
    CheckConstraint("(action = 'DENIED') = (missing_scope IS NOT NULL)", name="denied"),
    *_indexes("subject id", "record_community_code id", "record_community_code subject id"),
)
"""An entry's `record_ids` have line feeds between them, and its `fields` blanks."""

sa.Sequence("audit_numbers", metadata=metadata)
"""PostgreSQL's, which several gateways share; on SQLite the greatest number is the last."""

audit_records = Table(
    "audit_records",
    metadata,
    Column("key", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
)
"""The index by record: a key is the bucket of an entry, a hash of the record, and the place of the entry in its bucket.
Entries that are numbered one after the other share a bucket, so that what is written falls into a few pages of the
index, however large that has become.
"""

events = Table(
    "events",
    metadata,
    Column("id", sa.String(36), primary_key=True),
    Column("sequence", sa.BigInteger),
    Column("at", UTC_TIME, nullable=False),
    *_columns(NewEvent, own="topic kind record_id audience status"),
    UniqueConstraint("sequence"),
    *_indexes("topic community_code sequence", "topic record_id"),
    Index("ix_events_unsequenced", "at", "id", **_where("sequence IS NULL")),
)

event_sequence = Table(
    "event_sequence",
    metadata,
    Column("id", sa.Integer, primary_key=True, autoincrement=False),
    Column("epoch", StoredText, nullable=False),
    Column("last", sa.BigInteger, nullable=False),
    Column("forgotten", sa.BigInteger, nullable=False),
)
"""One row, whose lock orders the events: `last` is the number of the latest, `forgotten` that of the latest pruned."""

gateways = Table(
    "gateways", metadata, Column("id", StoredText, primary_key=True), Column("alive_until", UTC_TIME, nullable=False)
)
"""Those at work. One that does not renew its row in time has died."""

watches = Table(
    "watches",
    metadata,
    Column("topic", StoredText, primary_key=True),
    Column("community_code", StoredText, primary_key=True),
    Column("gateway_id", StoredText),
    Column("begun", sa.Boolean, nullable=False),
    Column("wanted_until", UTC_TIME, nullable=False),
)
"""Which gateway polls a list: it holds the list while it is alive. `begun`: its first poll is done."""

id_key = Table(
    "id_key",
    metadata,
    Column("id", sa.Integer, primary_key=True, autoincrement=False),
    Column("check_value", StoredText, nullable=False),
)
"""One row: by what the journal knows the key of the gateways that use it, and nothing of the key."""

platform_tokens = Table(
    "platform_tokens",
    metadata,
    Column("id", sa.String(64), primary_key=True),
    Column("sealed", sa.LargeBinary),
    Column("claimed_until", UTC_TIME),
)
"""One row for each account at a platform: its token, and until when a gateway has the right to log in for all."""

readiness = Table("readiness", metadata, Column("id", sa.String(36), primary_key=True))
"""Empty: a row is written and taken back in one transaction, to see that it can be."""
