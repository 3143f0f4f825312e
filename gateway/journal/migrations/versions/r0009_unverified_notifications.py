"""Payment notifications whose token the security platform is being asked about."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "unverified_notifications",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("order_number", sa.Text, nullable=False),
        sa.Column("shop_number", sa.Text, nullable=False),
        sa.Column("weixin_number", sa.Text, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_unverified_notifications"),
    )
    op.create_index("ix_unverified_notifications_received_at", "unverified_notifications", ["received_at"])


def downgrade() -> None:
    op.drop_table("unverified_notifications")
