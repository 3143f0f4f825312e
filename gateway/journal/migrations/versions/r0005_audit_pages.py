"""An entry of the audit trail for all records that were shown together. Before this, each had one of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ON_SQLITE = (
    """INSERT INTO audit
        SELECT id, at, subject, action, record_type, record_community_code,
            iif(record_id IS NULL, NULL, json_array(substr(record_id, 1, 200))),
            fields, count, missing_scope, operation_name, request_id
        FROM audit_before""",
    "DROP TABLE audit_before",
    "INSERT INTO audit_records SELECT value, audit.id FROM audit, json_each(record_ids)",
    """CREATE TRIGGER audit_added AFTER INSERT ON audit BEGIN
        INSERT OR IGNORE INTO audit_records SELECT value, new.id FROM json_each(new.record_ids);
    END""",
    """CREATE TRIGGER audit_forgotten AFTER DELETE ON audit BEGIN
        DELETE FROM audit_records
        WHERE entry_id = old.id AND record_id IN (SELECT value FROM json_each(old.record_ids));
    END""",
)
"""No identifier is longer than 200 characters, for more do not fit an index of PostgreSQL."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        upgrade_postgresql()
    else:
        upgrade_sqlite()


def upgrade_postgresql() -> None:
    op.drop_index("ix_audit_record", "audit")
    op.drop_constraint("ck_audit_record", "audit")
    op.alter_column(
        "audit",
        "record_id",
        new_column_name="record_ids",
        type_=sa.ARRAY(sa.Text),
        postgresql_using="CASE WHEN record_id IS NOT NULL THEN ARRAY[left(record_id, 200)] END",
    )
    op.create_check_constraint(op.f("ck_audit_records"), "audit", "(record_type IS NULL) = (record_ids IS NULL)")
    op.create_index("ix_audit_record_ids", "audit", ["record_ids"], postgresql_using="gin")


def upgrade_sqlite() -> None:
    """A table is made anew, for no constraint of one can be altered. SQLite has no index on each part of a value:
    a table, kept by triggers, stands in for it.
    """
    op.rename_table("audit", "audit_before")
    op.create_table(
        "audit",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("record_type", sa.Text),
        sa.Column("record_community_code", sa.Text),
        sa.Column("record_ids", sa.JSON),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("missing_scope", sa.Text),
        sa.Column("operation_name", sa.Text),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sa.CheckConstraint("action IN ('REVEALED', 'DENIED')", name=op.f("ck_audit_action")),
        sa.CheckConstraint("(record_type IS NULL) = (record_ids IS NULL)", name=op.f("ck_audit_records")),
        sa.CheckConstraint("(action = 'DENIED') = (missing_scope IS NOT NULL)", name=op.f("ck_audit_denied")),
    )
    op.create_table(
        "audit_records",
        sa.Column("record_id", sa.Text, nullable=False),
        sa.Column("entry_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("record_id", "entry_id", name="pk_audit_records"),
        sqlite_with_rowid=False,
    )
    for statement in ON_SQLITE:
        op.execute(statement)
    op.create_index("ix_audit_subject_id", "audit", ["subject", "id"])
