"""What is new in the platforms' answers since the deployment's profile was written."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "drift",
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("found", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("endpoint", "record", "key", "kind", "found", name="pk_drift"),
        sa.CheckConstraint("kind IN ('NEW_WORD', 'NEW_KEY', 'MISSING_FIELD', 'CHANGED_TYPE')", name="ck_drift_kind"),
    )


def downgrade() -> None:
    op.drop_table("drift")
