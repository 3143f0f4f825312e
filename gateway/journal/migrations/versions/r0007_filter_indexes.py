"""Indexes for the filters of operations, payments and reveals, and for the history of a record.

Building one on PostgreSQL keeps writes waiting, so a table that has rows gets them later, and without that:
`gateway.journal.postgres_indexes`. SQLite's file is this process's own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

INDEXES = (
    ("operations", "ix_operations_record_id", ["record_type", "record_id", "record_community_code", "id"]),
    ("operations", "ix_operations_mutation_id", ["mutation", "id"]),
    ("operations", "ix_operations_community_code_mutation_id", ["community_code", "mutation", "id"]),
    ("operations", "ix_operations_state_id", ["state", "id"]),
    ("operations", "ix_operations_community_code_state_id", ["community_code", "state", "id"]),
    ("operations", "ix_operations_subject_id", ["subject", "id"]),
    ("operations", "ix_operations_community_code_subject_id", ["community_code", "subject", "id"]),
    ("payments", "ix_payments_state_id", ["state", "id"]),
    ("payments", "ix_payments_community_code_state_id", ["community_code", "state", "id"]),
    ("audit", "ix_audit_record_community_code_id", ["record_community_code", "id"]),
    ("audit", "ix_audit_record_community_code_subject_id", ["record_community_code", "subject", "id"]),
)


def upgrade() -> None:
    connection = op.get_bind()
    builds_later = connection.dialect.name == "postgresql"
    for table, name, columns in INDEXES:
        rows = sa.select(sa.exists(sa.select(sa.text("1")).select_from(sa.table(table))))
        if not (builds_later and connection.scalar(rows)):
            op.create_index(name, table, columns)
    if not builds_later:
        op.drop_index("ix_operations_record", "operations")


def downgrade() -> None:
    for table, name, _ in INDEXES:
        op.drop_index(name, table, if_exists=True)
    record = ["record_type", "record_community_code", "record_id"]
    op.create_index("ix_operations_record", "operations", record, if_not_exists=True)
