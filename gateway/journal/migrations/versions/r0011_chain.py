"""The hash chains over the audit trail and the operations. What was written before is counted, and has no entry."""

import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"

_TRAILS = "trail IN ('AUDIT', 'EARLIER', 'OPERATION')"


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "chain",
        sa.Column("trail", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("at", time, nullable=False),
        sa.Column("change", sa.Text, nullable=False),
        sa.Column("row_id", sa.String(36), nullable=False),
        sa.Column("algorithm", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("trail", "sequence", name="pk_chain"),
        sa.CheckConstraint(_TRAILS, name=op.f("ck_chain_trail")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_chain_row_id", "chain", ["row_id", "sequence"])
    heads = op.create_table(
        "chain_heads",
        sa.Column("trail", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("begun_at", time, nullable=False),
        sa.Column("rows_before", sa.BigInteger, nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("cut_sequence", sa.BigInteger, nullable=False),
        sa.Column("cut_previous", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("trail", name="pk_chain_heads"),
        sa.CheckConstraint(_TRAILS, name=op.f("ck_chain_heads_trail")),
    )
    now = datetime.now(UTC)
    for trail, table in (("AUDIT", "audit"), ("OPERATION", "operations")):
        before = op.get_bind().scalar(sa.select(sa.func.count()).select_from(sa.table(table)))
        op.execute(
            heads.insert().values(
                trail=trail,
                name=secrets.token_hex(8),
                begun_at=now,
                rows_before=before,
                salt=secrets.token_bytes(32),
                sequence=0,
                digest=b"",
                cut_sequence=0,
                cut_previous=b"",
            )
        )


def downgrade() -> None:
    """What is in the chains is lost: after the next upgrade they begin anew, under another name."""
    op.drop_table("chain_heads")
    op.drop_table("chain")
