"""All tables of the journal."""

from alembic import op

from gateway.journal.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind(), checkfirst=False)
