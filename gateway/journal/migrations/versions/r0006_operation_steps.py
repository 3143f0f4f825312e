"""When a write became UNKNOWN, and when it was read back. Of what was written before, nobody knows: it stays null."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("operations", sa.Column("unknown_at", sa.DateTime(timezone=True)))
    op.add_column("operations", sa.Column("read_backs", sa.JSON))


def downgrade() -> None:
    op.drop_column("operations", "read_backs")
    op.drop_column("operations", "unknown_at")
