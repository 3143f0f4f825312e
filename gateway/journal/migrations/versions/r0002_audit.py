"""The audit trail as it is written: one entry for the same thing again and again. Before this, nothing wrote to it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.drop_table("audit")
    op.create_table(
        "audit",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("record_type", sa.Text),
        sa.Column("record_community_code", sa.Text),
        sa.Column("record_id", sa.Text),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("missing_scope", sa.Text),
        sa.Column("operation_name", sa.Text),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sa.CheckConstraint("action IN ('REVEALED', 'DENIED')", name=op.f("ck_audit_action")),
        sa.CheckConstraint("(record_type IS NULL) = (record_id IS NULL)", name=op.f("ck_audit_record")),
        sa.CheckConstraint("(action = 'DENIED') = (missing_scope IS NOT NULL)", name=op.f("ck_audit_denied")),
    )
    op.create_index("ix_audit_subject_id", "audit", ["subject", "id"])
    op.create_index("ix_audit_record", "audit", ["record_id", "id"])
