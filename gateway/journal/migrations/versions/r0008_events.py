"""What was noticed of records, kept for 24 hours, so that a subscriber can go on where it was interrupted; and which
gateways are at work, and which of them watches which list.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("community_code", sa.Text),
        sa.Column("audience", sa.Text),
        sa.Column("record_id", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("status", sa.Text),
        sa.Column("written", sa.Boolean, nullable=False),
        sa.Column("missed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("sequence", name="uq_events_sequence"),
    )
    op.create_index("ix_events_topic_community_code_sequence", "events", ["topic", "community_code", "sequence"])
    op.create_index("ix_events_topic_record_id", "events", ["topic", "record_id"])
    unsequenced = sa.text("sequence IS NULL")
    op.create_index(
        "ix_events_unsequenced", "events", ["at", "id"], postgresql_where=unsequenced, sqlite_where=unsequenced
    )
    op.create_table(
        "event_sequence",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("epoch", sa.Text, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("forgotten", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event_sequence"),
    )
    op.create_table(
        "gateways",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gateways"),
    )
    op.create_table(
        "watches",
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("community_code", sa.Text, nullable=False),
        sa.Column("gateway_id", sa.Text),
        sa.Column("begun", sa.Boolean, nullable=False),
        sa.Column("wanted_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("topic", "community_code", name="pk_watches"),
    )


def downgrade() -> None:
    for table in ("watches", "gateways", "event_sequence", "events"):
        op.drop_table(table)
