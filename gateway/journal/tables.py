"""The tables of the journal, the same on SQLite and PostgreSQL but for an index.

`migrations/` brings a database to this shape.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

from gateway.journal.records import AuditAction
from gateway.normalise.states import DeliveryState, OperationState


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, kept in UTC. SQLite has no zone of its own: its text is UTC. A naive time is a ValueError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time of the journal needs a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class UtcDateTimes(TypeDecorator[Sequence[datetime]]):
    """Several aware times, kept in UTC as JSON texts, which the record's type reads. No value is no times."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Sequence[datetime] | None, dialect: Dialect) -> Any:
        return [at.astimezone(UTC).isoformat() for at in value] if value else None

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return value or ()


_NOT_STORED = re.compile("[\0\ud800-\udfff]")


LONGEST_ID = 200
"""Characters: at four bytes each, they fit an index of PostgreSQL."""


storable: Callable[[str], str] = partial(_NOT_STORED.sub, "\ufffd")
"""The text as the journal keeps it: U+FFFD in place of U+0000, which PostgreSQL has not, and of half surrogates."""


class StoredText(TypeDecorator[str]):
    """Any text, from whomever: no character of it keeps a row from being written, or from being looked for."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class StoredIds(TypeDecorator[list[str]]):
    """Identifiers of records, to be looked for by each of them. No text of them keeps a row from being written: an
    index has a longest value, so only the beginning of an endless one counts.
    """

    impl = JSON
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(Text) if dialect.name == "postgresql" else _json())

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> list[str] | None:
        return None if value is None else [storable_id(text) for text in value]


def storable_id(text: str) -> str:
    """The identifier as the journal keeps it, and looks for it."""
    return storable(text[:LONGEST_ID])


def _one_of(column: str, members: Iterable[StrEnum]) -> CheckConstraint:
    words = ", ".join(f"'{member.value}'" for member in members)
    return CheckConstraint(f"{column} IN ({words})", name=column)


def _json() -> JSON:
    return JSON(none_as_null=True)


metadata = MetaData(
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
    Column("id", String(36), primary_key=True),
    Column("idempotency_key", StoredText),
    Column("subject", StoredText, nullable=False),
    Column("mutation", StoredText, nullable=False),
    Column("fingerprint", StoredText, nullable=False),
    Column("community_code", StoredText),
    Column("reason", StoredText),
    Column("state", StoredText, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("unknown_at", UtcDateTime),
    Column("read_backs", UtcDateTimes),
    Column("finished_at", UtcDateTime),
    Column("check_at", UtcDateTime),
    Column("record_type", StoredText),
    Column("record_community_code", StoredText),
    Column("record_id", StoredText),
    Column("expected", _json()),
    Column("answer", _json()),
    Column("user_errors", _json(), nullable=False),
    UniqueConstraint("subject", "idempotency_key"),
    _one_of("state", (state for state in OperationState if state is not OperationState.READ_BACK)),
    CheckConstraint("state NOT IN ('SENT', 'UNKNOWN') OR sent_at IS NOT NULL", name="sent"),
    CheckConstraint("(state IN ('CONFIRMED', 'REFUSED')) = (finished_at IS NOT NULL)", name="finished"),
    CheckConstraint("check_at IS NULL OR state = 'UNKNOWN'", name="check"),
    CheckConstraint("(record_type IS NULL) = (record_id IS NULL)", name="record"),
    Index("ix_operations_community_code_id", "community_code", "id"),
    Index("ix_operations_record_id", "record_type", "record_id", "record_community_code", "id"),
    Index("ix_operations_mutation_id", "mutation", "id"),
    Index("ix_operations_community_code_mutation_id", "community_code", "mutation", "id"),
    Index("ix_operations_state_id", "state", "id"),
    Index("ix_operations_community_code_state_id", "community_code", "state", "id"),
    Index("ix_operations_subject_id", "subject", "id"),
    Index("ix_operations_community_code_subject_id", "community_code", "subject", "id"),
    Index(
        "ix_operations_unresolved",
        "state",
        "started_at",
        postgresql_where=text("state IN ('RESERVED', 'SENT', 'UNKNOWN')"),
        sqlite_where=text("state IN ('RESERVED', 'SENT', 'UNKNOWN')"),
    ),
)

payments = Table(
    "payments",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("order_number", StoredText, nullable=False),
    Column("shop_number", StoredText, nullable=False),
    Column("weixin_number", StoredText, nullable=False),
    Column("community_code", StoredText),
    Column("state", StoredText, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("delivered_at", UtcDateTime),
    Column("next_attempt_at", UtcDateTime),
    Column("last_error", StoredText),
    Column("lease_owner", StoredText),
    Column("lease_token", BigInteger, nullable=False),
    Column("lease_until", UtcDateTime),
    UniqueConstraint("order_number"),
    UniqueConstraint("weixin_number"),
    _one_of("state", DeliveryState),
    CheckConstraint("order_number <> '' AND weixin_number <> ''", name="numbers"),
    CheckConstraint("attempts >= 0", name="attempts"),
    CheckConstraint("(state = 'DELIVERED') = (delivered_at IS NOT NULL)", name="delivered"),
    CheckConstraint("(state = 'QUEUED') = (next_attempt_at IS NOT NULL)", name="queued"),
    CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease"),
    CheckConstraint("lease_until IS NULL OR state = 'QUEUED'", name="leased"),
    Index("ix_payments_community_code_id", "community_code", "id"),
    Index("ix_payments_state_next_attempt_at", "state", "next_attempt_at"),
    Index("ix_payments_state_id", "state", "id"),
    Index("ix_payments_community_code_state_id", "community_code", "state", "id"),
)

payment_conflicts = Table(
    "payment_conflicts",
    metadata,
    Column("payment_id", ForeignKey("payments.id"), primary_key=True),
    Column("subject", StoredText, primary_key=True),
    Column("payload_hash", String(64), primary_key=True),
    Column("received_at", UtcDateTime, nullable=False),
    Column("order_number", StoredText, nullable=False),
    Column("shop_number", StoredText, nullable=False),
    Column("weixin_number", StoredText, nullable=False),
)

unverified_notifications = Table(
    "unverified_notifications",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("order_number", StoredText, nullable=False),
    Column("shop_number", StoredText, nullable=False),
    Column("weixin_number", StoredText, nullable=False),
    Column("token", String(64), nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Index("ix_unverified_notifications_token", "token"),
    Index("ix_unverified_notifications_received_at", "received_at"),
)

accepted_tokens = Table(
    "accepted_tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("accepted_at", UtcDateTime, nullable=False),
)
"""Keyed digests of the tokens of notifications that the security platform took."""

announcements = Table(
    "announcements",
    metadata,
    Column("community_code", StoredText, primary_key=True),
    Column("platform_id", BigInteger, primary_key=True, autoincrement=False),
    Column("title", StoredText, nullable=False),
    Column("content", StoredText, nullable=False),
    Column("weight", BigInteger, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("published", Boolean, nullable=False),
    Column("manager", StoredText),
    Column("logo", StoredText),
    Column("images", _json(), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_announcements_community_code_created_at", "community_code", "created_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("subject", StoredText, nullable=False),
    Column("action", StoredText, nullable=False),
    Column("record_type", StoredText),
    Column("record_community_code", StoredText),
    Column("record_ids", StoredIds),
    Column("fields", _json(), nullable=False),
    Column("count", Integer, nullable=False),
    Column("missing_scope", StoredText),
    Column("operation_name", StoredText),
    Column("request_id", StoredText, nullable=False),
    _one_of("action", AuditAction),
    CheckConstraint("(record_type IS NULL) = (record_ids IS NULL)", name="records"),
    CheckConstraint("(action = 'DENIED') = (missing_scope IS NOT NULL)", name="denied"),
    Index("ix_audit_subject_id", "subject", "id"),
    Index("ix_audit_record_community_code_id", "record_community_code", "id"),
    Index("ix_audit_record_community_code_subject_id", "record_community_code", "subject", "id"),
    Index("ix_audit_record_ids", "record_ids", postgresql_using="gin").ddl_if(dialect="postgresql"),
)

events = Table(
    "events",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("sequence", BigInteger),
    Column("at", UtcDateTime, nullable=False),
    Column("topic", StoredText, nullable=False),
    Column("community_code", StoredText),
    Column("audience", StoredText),
    Column("record_id", StoredText),
    Column("kind", StoredText, nullable=False),
    Column("status", StoredText),
    Column("written", Boolean, nullable=False),
    Column("missed", Boolean, nullable=False),
    UniqueConstraint("sequence"),
    Index("ix_events_topic_community_code_sequence", "topic", "community_code", "sequence"),
    Index("ix_events_topic_record_id", "topic", "record_id"),
    Index(
        "ix_events_unsequenced",
        "at",
        "id",
        postgresql_where=text("sequence IS NULL"),
        sqlite_where=text("sequence IS NULL"),
    ),
)

event_sequence = Table(
    "event_sequence",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", StoredText, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("forgotten", BigInteger, nullable=False),
)
"""One row, whose lock orders the events: `last` is the number of the latest, `forgotten` that of the latest pruned."""

gateways = Table(
    "gateways", metadata, Column("id", StoredText, primary_key=True), Column("alive_until", UtcDateTime, nullable=False)
)
"""Those at work. One that does not renew its row in time has died."""

watches = Table(
    "watches",
    metadata,
    Column("topic", StoredText, primary_key=True),
    Column("community_code", StoredText, primary_key=True),
    Column("gateway_id", StoredText),
    Column("begun", Boolean, nullable=False),
    Column("wanted_until", UtcDateTime, nullable=False),
)
"""Which gateway polls a list: it holds the list while it is alive. `begun`: its first poll is done."""

id_key = Table(
    "id_key",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("check_value", StoredText, nullable=False),
)
"""One row: by what the journal knows the key of the gateways that use it, and nothing of the key."""


sqlite_metadata = MetaData(naming_convention=metadata.naming_convention)
"""What SQLite has besides."""

audit_records = Table(
    "audit_records",
    sqlite_metadata,
    Column("record_id", Text, primary_key=True),
    Column("entry_id", String(36), primary_key=True),
    sqlite_with_rowid=False,
)
"""The entries of each record: what PostgreSQL's index on `audit.record_ids` is. Triggers keep it."""

readiness = Table("readiness", metadata, Column("id", String(36), primary_key=True))
"""Empty: a row is written and taken back in one transaction, to see that it can be."""
