"""Operations, payments with their conflicts, announcements and the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "operations",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("idempotency_key", sa.Text),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("mutation", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("community_code", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("started_at", time, nullable=False),
        sa.Column("sent_at", time),
        sa.Column("finished_at", time),
        sa.Column("check_at", time),
        sa.Column("record_type", sa.Text),
        sa.Column("record_community_code", sa.Text),
        sa.Column("record_id", sa.Text),
        sa.Column("expected", sa.JSON),
        sa.Column("answer", sa.JSON),
        sa.Column("user_errors", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_operations"),
        sa.UniqueConstraint("subject", "idempotency_key", name="uq_operations_subject_idempotency_key"),
        sa.CheckConstraint(
            "state IN ('RESERVED', 'SENT', 'CONFIRMED', 'REFUSED', 'UNKNOWN')", name=op.f("ck_operations_state")
        ),
        sa.CheckConstraint("state NOT IN ('SENT', 'UNKNOWN') OR sent_at IS NOT NULL", name=op.f("ck_operations_sent")),
        sa.CheckConstraint(
            "(state IN ('CONFIRMED', 'REFUSED')) = (finished_at IS NOT NULL)", name=op.f("ck_operations_finished")
        ),
        sa.CheckConstraint("check_at IS NULL OR state = 'UNKNOWN'", name=op.f("ck_operations_check")),
        sa.CheckConstraint("(record_type IS NULL) = (record_id IS NULL)", name=op.f("ck_operations_record")),
    )
    op.create_index("ix_operations_community_code_id", "operations", ["community_code", "id"])
    op.create_index("ix_operations_record", "operations", ["record_type", "record_community_code", "record_id"])
    unresolved = sa.text("state IN ('RESERVED', 'SENT', 'UNKNOWN')")
    op.create_index(
        "ix_operations_unresolved",
        "operations",
        ["state", "started_at"],
        postgresql_where=unresolved,
        sqlite_where=unresolved,
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("order_number", sa.Text, nullable=False),
        sa.Column("shop_number", sa.Text, nullable=False),
        sa.Column("weixin_number", sa.Text, nullable=False),
        sa.Column("community_code", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("received_at", time, nullable=False),
        sa.Column("delivered_at", time),
        sa.Column("next_attempt_at", time),
        sa.Column("last_error", sa.Text),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_token", sa.BigInteger, nullable=False),
        sa.Column("lease_until", time),
        sa.PrimaryKeyConstraint("id", name="pk_payments"),
        sa.UniqueConstraint("order_number", name="uq_payments_order_number"),
        sa.UniqueConstraint("weixin_number", name="uq_payments_weixin_number"),
        sa.CheckConstraint("state IN ('QUEUED', 'DELIVERED', 'DEAD')", name=op.f("ck_payments_state")),
        sa.CheckConstraint("order_number <> '' AND weixin_number <> ''", name=op.f("ck_payments_numbers")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_payments_attempts")),
        sa.CheckConstraint("(state = 'DELIVERED') = (delivered_at IS NOT NULL)", name=op.f("ck_payments_delivered")),
        sa.CheckConstraint("(state = 'QUEUED') = (next_attempt_at IS NOT NULL)", name=op.f("ck_payments_queued")),
        sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_payments_lease")),
        sa.CheckConstraint("lease_until IS NULL OR state = 'QUEUED'", name=op.f("ck_payments_leased")),
    )
    op.create_index("ix_payments_community_code_id", "payments", ["community_code", "id"])
    op.create_index("ix_payments_state_next_attempt_at", "payments", ["state", "next_attempt_at"])
    op.create_table(
        "payment_conflicts",
        sa.Column("payment_id", sa.String(36), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("payload_hash", sa.String(64), nullable=False),
        sa.Column("received_at", time, nullable=False),
        sa.PrimaryKeyConstraint("payment_id", "subject", "payload_hash", name="pk_payment_conflicts"),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name="fk_payment_conflicts_payment_id"),
    )
    op.create_table(
        "announcements",
        sa.Column("community_code", sa.Text, nullable=False),
        sa.Column("platform_id", sa.BigInteger, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("weight", sa.BigInteger, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("published", sa.Boolean, nullable=False),
        sa.Column("manager", sa.Text),
        sa.Column("logo", sa.Text),
        sa.Column("images", sa.JSON, nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.PrimaryKeyConstraint("community_code", "platform_id", name="pk_announcements"),
    )
    op.create_index("ix_announcements_community_code_created_at", "announcements", ["community_code", "created_at"])
    op.create_table(
        "audit",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("community_code", sa.Text),
        sa.Column("record_type", sa.Text),
        sa.Column("record_community_code", sa.Text),
        sa.Column("record_id", sa.Text),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.Column("operation_id", sa.Text),
        sa.Column("request_id", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sa.CheckConstraint("(record_type IS NULL) = (record_id IS NULL)", name=op.f("ck_audit_record")),
    )
